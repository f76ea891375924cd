"""Every id that stands in an answer can be read again: where those are that are not held is noted."""

from __future__ import annotations

from collections.abc import Sequence

from scr.api.fhir.opened import Opened
from scr.errors import Conflict
from scr.fhir.entry import Entry
from scr.fhir.person import PERSON_SOURCE
from scr.store.engine import Database
from scr.store.locator import not_remembered, remember_served
from scr.store.people import Person


async def remember(database: Database, opened: Opened, served: Sequence[Entry]) -> None:
    """Note where the live ones of these entries are, and of those that they refer to and that may be seen."""
    held = opened.record.held
    live = [e for e in opened.permitted if e.id not in held and e.source != PERSON_SOURCE]
    if live:
        ids = {entry.id for entry in served}
        named = {reference for entry in served for reference in entry.references}
        live = [entry for entry in live if entry.id in ids or entry.reference in named]
    view = opened.known.view
    keys = frozenset(person.key for person in view)
    others = opened.record.others
    for person in view:
        own = [e for e in live if others.get(e.id, view[0].key) == person.key]
        await _remember(database, person, own, keys)


async def _remember(database: Database, person: Person, live: Sequence[Entry], keys: frozenset[str]) -> None:
    """Note what was served for one of the persons (``keys``: of all) of a record."""
    if not live or not await database.read(lambda conn: not_remembered(conn, person, live, keys)):
        return
    try:
        await database.write(lambda conn: remember_served(conn, person, live, keys))
    except Conflict as conflict:
        if conflict.code == "other-person":
            raise
        await database.write(lambda conn: remember_served(conn, person, live, keys))
