"""'This is wrong': what a person says of an entry of their record, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection

from scr.access.challenges.deadline import due
from scr.access.challenges.saying import reason_of
from scr.api.access.contributing import Kit
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.look import Look, written
from scr.consent.decide import Interaction, Ruling
from scr.errors import Conflict, Forbidden, NotFound, Unprocessable
from scr.fhir.contributed import MARK
from scr.fhir.dates import utc
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import OdsCode, opaque_id
from scr.fhir.patient_made.adding import Added
from scr.fhir.patient_made.challenge import challenge_task
from scr.fhir.person import ADDED_SOURCE
from scr.fhir.summary import lines_of
from scr.mapping.provider import Provider
from scr.store import challenges as store
from scr.store.added import find_added
from scr.store.challenges import Challenge, Found, Said
from scr.store.contributions import keep
from scr.store.keys import random_id
from scr.store.people import Person

NO_ENTRY = "there is no entry with this id in the record, or none that you may see"
_MOST_OPEN = 50


@dataclass(frozen=True, slots=True)
class Challenging:
    """Opens, lists and withdraws. Every method is for the handler of a visit."""

    visits: Visits
    kit: Kit
    providers: Mapping[OdsCode, Provider]
    sends: bool

    async def entry(self, look: Look, visitor: Visitor, reference: str) -> Entry:
        """The entry that is meant, as the visitor sees it.

        Raises NotFound, and Unprocessable for what no source answers for.
        """
        opened = await self.visits.open(look, visitor)
        entry = next((one for one in opened.permitted if one.reference == reference), None)
        if entry is None:
            raise NotFound(NO_ENTRY)
        if entry.source == ADDED_SOURCE:
            raise Unprocessable("this was added by you or a carer: correct or withdraw it", code="own-words")
        if OdsCode.parse(entry.source) not in self.providers:
            raise Unprocessable("this is put together here of what several sources say", code="no-owner")
        return entry

    def owner(self, entry: Entry) -> str:
        """The name of the source that has to answer for an entry."""
        return self.providers[OdsCode(entry.source)].name

    async def open(
        self, look: Look, visitor: Visitor, reference: str, typed: str, *, once: str = ""
    ) -> Found:
        """Say that an entry is wrong. ``once`` names this attempt.

        Raises NotTaken; Conflict where it is said already, and not answered yet.
        """
        reason = reason_of(typed)
        entry = await self.entry(look, visitor, reference)
        kit, person, owner = self.kit, visitor.known.person, self.providers[OdsCode(entry.source)]
        logical = self._logical(visitor, once)
        every = await self._every(visitor)
        there = next((one for one in every if one.challenge.id == logical), None)
        if there is not None:
            return there
        said_already = [one for one in every if one.challenge.is_open]
        if any(one.said.entry == reference for one in said_already):
            raise Conflict("you have said so already: the source has still to answer", code="said-already")
        if len(said_already) >= _MOST_OPEN:
            raise Conflict("wait for the answers to what you have said before", code="too-many")
        line = lines_of([entry])[entry.id]
        challenge = Challenge(person.key, logical, owner.ods.value, "open", look.now, due(look.now))
        added = self._added(visitor, logical, look.now)
        what = " ".join(part for part in (line.text, line.detail, line.date) if part)
        said = Said(reference, what, reason, owner.name, added.author["display"], added.adder, visitor.own)
        task = _task(challenge, said, added, look.now)

        self._check_adding(look, visitor, task)

        def work(connection: Connection) -> Found:
            _file(connection, kit, person, task, "", look.now)
            store.open_challenge(connection, person, challenge, said, sends=self.sends)
            kit.beside(connection, visitor, "challenged", logical)
            return Found(challenge, said, person)

        return await written(look, kit.database, kit.policy, work, lambda _: _noted(look, logical))

    async def every(self, look: Look, visitor: Visitor) -> list[Found]:
        """What was said to be wrong in the record, the newest first, as the visitor may know of it.

        The person knows of all. A carer, and an app, know of what is said of entries that they may see.
        """
        found = await self._every(visitor)
        if found and not knows_all(visitor):
            opened = await self.visits.open(look, visitor)
            there = {entry.reference for entry in opened.permitted}
            found = [one for one in found if one.said.entry in there]
        return [_nowhere(one) for one in found] if visitor.admitted.hides else found

    async def _every(self, visitor: Visitor) -> list[Found]:
        people = visitor.known.view
        return await self.kit.database.read(lambda conn: store.of_people(conn, people))

    async def one(self, look: Look, visitor: Visitor, logical: str) -> Found:
        """One of them. Raises NotFound."""
        for found in await self.every(look, visitor):
            if found.challenge.id == logical:
                return found
        raise NotFound("there is no challenge with this id here", code="no-challenge")

    async def withdraw(self, look: Look, visitor: Visitor, logical: str) -> Found:
        """Take it back. Raises NotFound; Conflict where it is over; Forbidden for another carer's."""
        found = await self.one(look, visitor, logical)
        if not visitor.own and found.said.adder != self._added(visitor, logical, look.now).adder:
            raise Forbidden("somebody else has said so: it is for them to take back", code="other-author")
        kit = self.kit

        def work(connection: Connection) -> Found:
            now = store.find(connection, kit.keys, logical)
            after = Found(replace(now.challenge, state="withdrawn"), now.said, now.person)
            if not now.challenge.is_open:
                raise Conflict("it is over already", code="over")
            carry_on(connection, kit, after, look.now)
            return after

        return await written(look, kit.database, kit.policy, work, lambda _: _noted(look, logical))

    def _check_adding(self, look: Look, visitor: Visitor, task: Resource) -> None:
        """Raises Forbidden where the policy does not let the visitor add it: they came to look."""
        adding = replace(visitor.admitted.request, interaction=Interaction.CREATE)
        ruling = Ruling(adding, self.kit.policy, utc(look.now))
        entry = pack(task, source=ADDED_SOURCE, now=look.now)
        if not (ruling.whole.permit and ruling.permits(entry)):
            raise Forbidden("this cannot be added here by you", code="not-shown")

    def _logical(self, visitor: Visitor, once: str) -> str:
        """The id of a new one: random, or of this very attempt of this visitor."""
        if not once:
            return MARK + random_id()
        local = f"{visitor.person}\x1f{visitor.actor.subject}\x1f{once}"
        return MARK + opaque_id(self.kit.keys.id_key, ADDED_SOURCE, "Task", local)

    def _added(self, visitor: Visitor, logical: str, now: int) -> Added:
        local = f"{visitor.person}\x1f{visitor.actor.subject}"
        adder = opaque_id(self.kit.keys.id_key, ADDED_SOURCE, "adder", local)
        name = visitor.name or (visitor.of if visitor.own else "")
        return Added(logical, visitor.patient, name, visitor.own, now, adder)


def knows_all(visitor: Visitor) -> bool:
    """Whether somebody may know of all that was said of the record: the person, at our own pages."""
    return visitor.own and not visitor.actor.app


def _nowhere(found: Found) -> Found:
    """Without what tells of a place: nobody is to learn where the person is."""
    said = msgspec.structs.replace(found.said, source="", answered_by="")
    return Found(replace(found.challenge, owner=""), said, found.person)


def carry_on(connection: Connection, kit: Kit, after: Found, now: int) -> None:
    """Keep how far a challenge has come: beside the record, and as the next version of its Task.

    A Task that is not there any more, of a record that was parted say, is left.
    """
    store.change(connection, after.person, after.challenge, after.said)
    kept = find_added(connection, kit.keys, [after.person], after.challenge.id)
    if kept is None:
        return
    said = after.said
    name, opened = said.by.rpartition(" (")[0], after.challenge.opened
    added = Added(after.challenge.id, kept.person.patient_id, name, said.own, opened, said.adder)
    task = _task(after.challenge, said, added, now)
    _file(connection, kit, kept.person, task, kept.entry.version, now)


def _task(challenge: Challenge, said: Said, added: Added, now: int) -> Resource:
    return challenge_task(
        added,
        said.entry,
        said.reason,
        (challenge.owner, said.source),
        challenge.due,
        state=challenge.outcome or challenge.state,
        answer=said.answer,
        now=now,
    )


def _file(connection: Connection, kit: Kit, person: Person, task: Resource, after: str, now: int) -> None:
    entry = pack(task, source=ADDED_SOURCE, now=now)
    keep(connection, kit.keys, person, entry, kit.policy.labels, now, after=after)


def _noted(look: Look, logical: str) -> None:
    look.details["challenge"] = logical
