"""Where the entries of a record came from, found out for one answer (docs/reconciliation.md)."""

from __future__ import annotations

from collections.abc import Sequence

from scr.api.fhir.opened import Opened
from scr.fhir.entry import Entry
from scr.fhir.origins import ORIGIN, Origin, origin_of
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.reconciled import Making
from scr.sources.protocol import SourceResult
from scr.store.came import Came, came_of
from scr.store.engine import Database


def asks_origins(kind: str, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether a search asks where entries came from: by the type, ``_type``, ``_revinclude`` or ``_has``.

    A search on all types does not: there is one for each entry.
    """
    return kind == ORIGIN or any(ORIGIN in name or ORIGIN in value for name, value in pairs)


async def origins(database: Database, making: Making, opened: Opened, now: int) -> list[Entry]:
    """A Provenance of each entry that a source gave and the actor may see, at ``now`` (ms UTC).

    None is made of what is told without saying by whom.
    """
    if opened.ledger.nameless:
        return []
    people = [person.key for person in opened.known.view]
    came = await database.read(lambda connection: came_of(connection, people))
    results = {one.source.value: one for one in opened.record.results}
    return [
        origin_of(making, entry, _origin(entry, came.get(entry.id), results.get(entry.source), now))
        for entry in opened.permitted
        if entry.source != PERSON_SOURCE and entry.type != ORIGIN
    ]


def _origin(entry: Entry, came: Came | None, result: SourceResult | None, now: int) -> Origin:
    name = entry.source if result is None else result.name
    if came is None:  # it is live: whoever has it was asked
        return Origin(name, entry.last_updated if result is None else now - round(result.age * 1000))
    recorded = came.received or entry.last_updated
    return Origin(name, recorded, came.told, came.message, came.feed, came.adapter)
