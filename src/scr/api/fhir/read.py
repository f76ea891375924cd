"""read: ``GET [base]/[type]/[id]``. https://hl7.org/fhir/R4/http.html#read"""

from __future__ import annotations

from email.utils import formatdate

from scr.api.fhir.opened import NO_PATIENT, Opened, Opener
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.served import remember
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import NotFound, Unavailable
from scr.fhir.entry import Entry
from scr.fhir.origins import ORIGIN
from scr.fhir.person import replaced
from scr.fhir.reconciled import MADE_TYPES, room_of
from scr.sources.protocol import Outcome
from scr.store.engine import Database
from scr.store.locator import whose_room

_ANSWERED = frozenset({Outcome.ANSWERED, Outcome.EMPTY, Outcome.STALE, Outcome.INCOMPLETE})


class Reader:
    """Reads one resource."""

    def __init__(self, opener: Opener, database: Database, reconciler: Reconciler) -> None:
        self._opener = opener
        self._database = database
        self._reconciler = reconciler

    async def patient(self, look: Look, actor: Actor, patient_id: str) -> Answer:
        """The composed Patient, or a source's own; for a Patient that gave way to another, that it did."""
        return await self._answer(*await self.found_patient(look, actor, patient_id))

    async def resource(self, look: Look, actor: Actor, kind: str, logical: str) -> Answer:
        """Any resource that was served before, from the source that has it."""
        return await self._answer(*await self.found(look, actor, kind, logical))

    async def found(self, look: Look, actor: Actor, kind: str, logical: str) -> tuple[Opened, Entry]:
        """The same, with the part of the record in which it stands. Raises NotFound, Unavailable."""
        located = await self._located(look, actor, kind, logical)
        return await self._made(look, actor, kind, logical) if located is None else located

    async def found_patient(self, look: Look, actor: Actor, patient_id: str) -> tuple[Opened, Entry]:
        """The same of a Patient: see ``patient``."""
        located = await self._located(look, actor, "Patient", patient_id)
        if located is not None:
            return located
        opened = await self._opener.by_id(look, actor, patient_id)
        for entry in opened.permitted:
            if entry.id == opened.subject and entry.type == "Patient":
                return opened, replaced(entry, patient_id) if patient_id != opened.subject else entry
        raise NotFound(NO_PATIENT)

    async def _made(self, look: Look, actor: Actor, kind: str, logical: str) -> tuple[Opened, Entry]:
        """What was made of a record, made again of the record as it is now."""
        room = room_of(logical)
        person = None
        if kind in MADE_TYPES or kind == ORIGIN:
            person = await self._database.read(lambda connection: whose_room(connection, room))
        if person is None:
            raise NotFound(_missing(kind))
        opened = await self._opener.by_person(look, actor, person, missing=_missing(kind))
        add = self._reconciler.trace if kind == ORIGIN else self._reconciler.add
        opened = await add(opened, look.now)
        for entry in opened.permitted:
            if entry.id == logical and entry.type == kind:
                return opened, entry
        raise NotFound(_missing(kind))

    async def _located(
        self, look: Look, actor: Actor, kind: str, logical: str
    ) -> tuple[Opened, Entry] | None:
        """What is held, or was served before; None where there is no such id."""
        found = await self._opener.by_located(look, actor, kind, logical, missing=_missing(kind))
        if found is None:
            return None
        opened, source, served = found
        for entry in opened.permitted:
            if entry.id == logical and entry.type == kind:
                return opened, entry
        answered = {result.source: result.outcome for result in opened.record.results}
        # Whoever may not see it must not learn that there is something that is not answered for.
        if served and answered.get(source, Outcome.EMPTY) not in _ANSWERED:
            who = "its source" if opened.ledger.nameless else f"{source}"
            raise Unavailable(f"{who} has this {kind} and does not answer now: try again", code="source-down")
        raise NotFound(_missing(kind))

    async def _answer(self, opened: Opened, entry: Entry) -> Answer:
        await remember(self._database, opened, [entry])
        return Answer(
            entry.body,
            headers={
                "ETag": f'W/"{entry.version}"',
                "Last-Modified": formatdate(entry.last_updated / 1000, usegmt=True),
                "X-SCR-Ledger": opened.ledger.summary(),
            },
        )


def _missing(kind: str) -> str:
    """The same for an id that nobody has, and for one that the actor may not see."""
    return f"no {kind} with this id, or none that you may see"
