"""What staff do about who acts for whom, and with people's questions about looks: each audited with what is
written, under the person.

Staff reach those with whom their organisation has to do. Of everybody else the answer is that of nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from scr.access import delegating
from scr.access.delegating import Invited, Wanted
from scr.access.proposing import Proposal, proposals
from scr.access.telling import tell
from scr.api.look import Clock
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor
from scr.consent.decide import WHEREABOUTS
from scr.consent.policy import Policy
from scr.consent.ties import ties_in_force
from scr.errors import Conflict, Invalid, NotFound
from scr.fhir.dates import utc
from scr.fhir.identifiers import NHSNumber
from scr.store import delegations, look_questions
from scr.store.delegations import Assessed, Delegated
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.look_questions import Answered, Question
from scr.store.people import Person
from scr.store.records import load_some
from scr.store.trail import AuditRow, append

NOBODY = "there is nobody with this number, or nobody with whom your organisation has to do"
NO_QUESTION = "there is no such question, or it was answered"
LONGEST_ANSWER = 4_000
_MOST = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OfPerson:
    """Who acts for a person and who did, the newest first, whether they can decide, and whom sources tell to
    be a parent. ``now`` is when, ms UTC."""

    person: Person
    delegated: tuple[Delegated, ...]
    capacity: Assessed | None
    proposals: tuple[Proposal, ...]
    now: int


@dataclass(frozen=True, slots=True)
class Recording:
    """What staff record of accesses, and the person is told of. Raises what refuses it."""

    database: Database
    keys: KeyRing
    policy: Policy
    broker: Broker
    now: Clock
    sends: bool = False

    async def record(self, actor: Actor, number: str, wanted: Wanted) -> tuple[Invited, int]:
        """Record an access, to be taken up with a code; with the time. Raises NotFound, Invalid, Conflict."""
        known, now = await self._known(actor, number), self.now()
        if wanted.basis == "consent" and not wanted.evidence.strip():
            raise Invalid("say how the person agreed, in a few words", code="no-evidence", where="evidence")

        def work(conn: Connection) -> Invited:
            made = delegating.invite(conn, self.keys, self.policy, known.view, actor, wanted, now)
            tell(conn, known.person, made.delegated, "recorded", now, sends=self.sends)
            return made

        return await self._write(actor, known.person, "record proxy", work, now), now

    async def listed(self, actor: Actor, number: str) -> tuple[list[Delegated], int]:
        """Every access to a person's record, over or not, the newest first; with the time."""
        known, now = await self._known(actor, number), self.now()

        def work(conn: Connection) -> list[Delegated]:
            return delegations.of_people(conn, known.view)[::-1]

        return await self._write(actor, known.person, "list proxies", work, now), now

    async def of_person(self, actor: Actor, number: str) -> OfPerson:
        """Who acts for a person, and what bears on it: for whoever records it. Raises NotFound, Invalid."""
        known, now = await self._known(actor, number), self.now()

        def work(conn: Connection) -> OfPerson:
            told = [one for each in known.view for one in load_some(conn, each, "RelatedPerson")]
            assessed = delegations.assessments(conn, known.view)
            return OfPerson(
                known.person,
                tuple(delegations.of_people(conn, known.view)[::-1]),
                assessed[-1] if assessed else None,
                tuple(proposals(told, known, actor, self.policy, utc(now))),
                now,
            )

        return await self._write(actor, known.person, "list proxies", work, now)

    async def one(self, actor: Actor, proxy: str) -> tuple[Delegated, int]:
        """One access, as it is. Raises NotFound."""

        def look(_: Connection, __: Person, one: Delegated, ___: Actor, ____: int) -> Delegated:
            return one

        return await self._change(actor, proxy, "list proxies", look)

    async def end(self, actor: Actor, proxy: str) -> tuple[Delegated, int]:
        """End an access."""
        return await self._change(actor, proxy, "end proxy", delegating.end, told="ended")

    async def suspend(self, actor: Actor, proxy: str, why: str) -> tuple[Delegated, int]:
        """Let an access rest; without a reason, rest no longer."""

        def change(conn: Connection, person: Person, one: Delegated, by: Actor, now: int) -> Delegated:
            return delegating.suspend(conn, person, one, by, why.strip(), now)

        told = "suspended" if why.strip() else "resumed"
        return await self._change(actor, proxy, "suspend proxy", change, told=told)

    async def review(self, actor: Actor, proxy: str, note: str, until: int | None) -> tuple[Delegated, int]:
        """Note that an access was looked at and found right."""

        def change(conn: Connection, person: Person, one: Delegated, by: Actor, now: int) -> Delegated:
            return delegating.review(conn, self.policy, person, one, by, note, until, now)

        return await self._change(actor, proxy, "review proxy", change)

    async def assess(self, actor: Actor, number: str, capacity: str, evidence: str) -> Assessed:
        """Record whether a person can decide for themselves. Raises NotFound, Invalid."""
        known, now = await self._known(actor, number), self.now()

        def work(conn: Connection) -> Assessed:
            return delegating.assess(conn, known.person, actor, capacity, evidence.strip(), now)

        return await self._write(actor, known.person, "assess capacity", work, now)

    async def _change(
        self,
        actor: Actor,
        proxy: str,
        what: str,
        change: Callable[[Connection, Person, Delegated, Actor, int], Delegated],
        *,
        told: str = "",
    ) -> tuple[Delegated, int]:
        found = await self.database.read(lambda conn: delegations.by_id(conn, self.keys, proxy))
        if found is None:
            raise NotFound(delegating.NO_DELEGATION, code="no-delegation")
        now = self.now()
        known = await self.broker.by_person(found[0].key, actor)
        self._near(actor, known, NotFound(delegating.NO_DELEGATION, code="no-delegation"))

        def work(conn: Connection) -> Delegated:
            fresh = delegations.by_id(conn, self.keys, proxy)
            if fresh is None:
                raise NotFound(delegating.NO_DELEGATION, code="no-delegation")
            changed = change(conn, *fresh, actor, now)
            if told and changed != fresh[1]:
                tell(conn, fresh[0], changed, told, now, sends=self.sends)
            return changed

        return await self._write(actor, found[0], what, work, now), now

    async def _known(self, actor: Actor, number: str) -> Known:
        try:
            parsed = NHSNumber.parse(number)
        except ValueError:
            raise Invalid(
                "ten digits, of which the last checks", code="bad-number", where="nhsNumber"
            ) from None
        found = await self.broker.by_number(parsed, actor)
        return self._near(actor, found, NotFound(NOBODY, code="no-person"))

    def _near(self, actor: Actor, known: Known | None, missing: NotFound) -> Known:
        """The person, where the actor's organisation has to do with them, by more than the user's word.

        Of whomever it has nothing to do with the answer is that of what is not there.
        """
        if known is None:
            raise missing
        told = (tie for tie in known.ties if tie.kind != "self-claimed")
        near = bool(ties_in_force(told, actor, self.policy.ties, utc(self.now())))
        hidden = any(person.standing.restricted for person in known.view)
        if not near or (hidden and not self.policy.may(actor.role, WHEREABOUTS)):
            raise missing
        return known

    async def _write(
        self, actor: Actor, person: Person, what: str, work: Callable[[Connection], T], now: int
    ) -> T:
        return await self.database.write(_both(work, _row(actor, person, what, self.policy, now)))


@dataclass(frozen=True, slots=True)
class Answering:
    """What people ask about looks, and the privacy officer's answers."""

    database: Database
    keys: KeyRing
    policy: Policy
    now: Clock

    async def waiting(self) -> list[tuple[Person, Question]]:
        """What nobody has answered, the oldest first."""
        return await self.database.read(lambda conn: look_questions.waiting(conn, self.keys, _MOST))

    async def read(self, question: str) -> tuple[Person, Question]:
        """One question. Raises NotFound."""
        found = await self.database.read(lambda conn: look_questions.by_id(conn, self.keys, question))
        if found is None:
            raise NotFound(NO_QUESTION, code="no-question")
        return found

    async def answer(self, actor: Actor, question: str, text: str) -> Question:
        """Answer one. Raises NotFound, Invalid, Conflict."""
        if not 1 <= len(text.strip()) <= LONGEST_ANSWER:
            message = f"write the answer, in {LONGEST_ANSWER} characters at most"
            raise Invalid(message, code="bad-answer", where="text")
        person, one = await self.read(question)
        said, now = Answered(text.strip(), actor.subject, actor.name), self.now()

        def work(conn: Connection) -> Question:
            if not look_questions.answer(conn, person, one, said, now):
                raise Conflict("it was answered already", code="answered")
            kept = look_questions.by_id(conn, self.keys, question)
            if kept is None:
                raise NotFound(NO_QUESTION, code="no-question")
            return kept[1]

        row = _row(actor, person, "answer question", self.policy, now)
        return await self.database.write(_both(work, row))


def _both(work: Callable[[Connection], T], row: AuditRow) -> Callable[[Connection], T]:
    """The work and the row that tells of it, in one transaction: neither stands alone."""

    def both(connection: Connection) -> T:
        result = work(connection)
        append(connection, row)
        return result

    return both


def _row(actor: Actor, person: Person, what: str, policy: Policy, now: int) -> AuditRow:
    return AuditRow(
        at=now,
        actor=actor.subject,
        actor_name=actor.name,
        role=actor.role or "",
        organisation=str(actor.organisation or ""),
        action="E",
        what=what,
        outcome="success",
        person=person.key,
        policy=policy.hash,
    )
