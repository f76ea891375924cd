"""``Patient/[id]/$since-last-look``: what is new to whoever asks since they last opened the record.

A look is one at all of it: ``$everything`` without ``_type`` and ``_since``, given on one page, or streamed
to its end. To ask what is new is no look itself, so that asking twice gives the same.
"""

from __future__ import annotations

from sqlalchemy import Connection

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.pages import Giving, Plan
from scr.api.look import Answer, Look
from scr.broker.since import changes, missing_in, shown_of
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.search import Pairs, check_format, check_pretty, once, parse_count, sort_entries
from scr.fhir.since import since_issues
from scr.store import last_look
from scr.store.engine import Database
from scr.store.keys import KeyRing

SINCE_LAST_LOOK = "since-last-look"
_KNOWN = frozenset({"_count", "_format", "_pretty"})


def note_look(keys: KeyRing, look: Look, actor: Actor, opened: Opened) -> None:
    """Have it noted, when the answer goes out, that the actor was shown all of a record. ``opened`` is
    without what is made of it: that says nothing of its own."""
    person, missing = opened.known.person, missing_in(opened.ledger)
    packed = opened.workings.noted(
        "shown",
        (opened.permitted, missing),
        lambda: last_look.packed(shown_of(opened.permitted, opened.ledger)),
    )

    def keep(connection: Connection) -> None:
        last_look.keep(connection, keys, person, actor.subject, packed, look.now)

    look.beside.append(keep)


class SinceLastLook:
    """Answers what is new."""

    def __init__(self, opener: Opener, giving: Giving, database: Database, keys: KeyRing) -> None:
        self._opener = opener
        self._giving = giving
        self._database = database
        self._keys = keys

    async def answer(self, look: Look, actor: Actor, patient_id: str, pairs: Pairs) -> Answer:
        """What is new and what has changed, as a searchset; the ledger says what is not shown any more."""
        count = _count(pairs)
        opened = await self._opener.by_id(look, actor, patient_id)
        person = opened.known.person
        last = await self._database.read(lambda conn: last_look.load(conn, self._keys, person, actor.subject))
        found = changes(last, opened.permitted, opened.ledger)
        notes = since_issues(
            found.since,
            [entry.reference for entry in found.new],
            [entry.reference for entry in found.changed],
            found.gone,
            found.back,
        )
        entries = sort_entries([*found.new, *found.changed])
        own = f"Patient/{patient_id}/${SINCE_LAST_LOOK}"
        plan = Plan(own, len(entries) if count is None else count, notes=notes)
        return await self._giving.first(look, actor, opened, entries, plan)


def _count(pairs: Pairs) -> int | None:
    count: int | None = None
    for name, value in once(pairs, _KNOWN):
        if name not in _KNOWN:
            raise Invalid("known here: _count", code="unknown-parameter", where=name[:40])
        if name == "_count":
            count = parse_count(value)
        else:
            (check_format if name == "_format" else check_pretty)(value)
    return count
