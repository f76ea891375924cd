"""What whoever watches over privacy does with claims: sees each of them, ends it, and says what it was.

A claim is in the list from the moment that it holds until somebody has said that it was appropriate.
What was looked at under it comes from the audit trail, which has the claim's id in each row. Every look
at one here is in that trail as well, as a look at the person's record is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from scr.errors import Conflict, Forbidden, Invalid, NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.store import alerts, claims
from scr.store.alerts import Alert
from scr.store.claims import Claim, Review, Verdict
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key, view_of
from scr.store.trail import AuditRow, append, between

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who reviews: their full name, and the subject of their token where they signed in with one."""

    name: str
    subject: str = ""

    def row(self, at: int, action: str, what: str, person: str | None, **details: object) -> AuditRow:
        """The row of what they did, at ``at`` (ms UTC), about a person by opaque key."""
        return AuditRow(
            at=at,
            actor=self.subject or self.name,
            actor_name=self.name,
            action=action,
            what=what,
            outcome="success",
            person=person,
            details=details,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One claim with all that is known of it. ``looks`` are the audit rows under it, the oldest first."""

    claim: Claim
    reason: str = field(repr=False)
    reviews: tuple[Review, ...] = field(repr=False)
    looks: tuple[AuditRow, ...]
    nhs_number: NHSNumber = field(repr=False)
    demographics: Demographics = field(repr=False)
    is_open: bool


class Oversight:
    """The list of claims, and what is done with one."""

    def __init__(self, database: Database, keys: KeyRing, clock: Callable[[], int]) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def waiting(self) -> list[Claim]:
        """What nobody has reviewed or what is to be followed up, the oldest first."""
        return await self._database.read(lambda conn: claims.waiting(conn, _MOST))

    async def latest(self, limit: int = 100) -> list[Claim]:
        """Every claim, the newest first."""
        return await self._database.read(lambda conn: claims.latest(conn, limit))

    async def undelivered(self) -> list[Alert]:
        """The alerts that could not go out when it was tried, the oldest first."""
        return await self._database.read(alerts.stuck)

    def is_open(self, claim: Claim) -> bool:
        """Whether it holds now."""
        return self._clock() < claim.over

    async def show(self, claim: str, watcher: Watcher) -> Case:
        """One claim, whom it is about, and what was looked at under it. Raises NotFound, Invalid."""

        def look(conn: Connection) -> Case:
            found, person = self._found(conn, claim)
            self._tell(conn, found, watcher, "privacy show", "R", {})
            return self._case(conn, found, person)

        _check(watcher)
        return await self._database.write(look)

    async def review(self, claim: str, watcher: Watcher, verdict: Verdict, note: str) -> None:
        """Say what a claim was. Raises NotFound, Invalid, and Forbidden for one's own."""

        def write(conn: Connection) -> None:
            found, person = self._found(conn, claim)
            _check_own(found, watcher)
            self._tell(conn, found, watcher, "privacy review", "U", {"verdict": verdict.value})
            said = Review(self._clock(), watcher.name, verdict, note.strip())
            claims.review(conn, person, found, said)

        _check(watcher)
        if not note.strip():
            raise Invalid("say what you found, in a sentence", code="no-note")
        await self._database.write(write)

    async def withdraw(self, claim: str, watcher: Watcher) -> None:
        """End a claim now, on every process. Raises NotFound, Conflict where it is over already."""

        def end(conn: Connection) -> None:
            found, _ = self._found(conn, claim)
            now = self._clock()
            if not claims.withdraw(conn, found, by=watcher.name, now=now):
                raise Conflict("it is over already", code="claim-over")
            self._tell(conn, found, watcher, "privacy withdraw", "U", {})

        _check(watcher)
        await self._database.write(end)

    def _found(self, conn: Connection, claim: str) -> tuple[Claim, Person]:
        found = claims.read(conn, claim)
        person = person_by_key(conn, self._keys, found.person)
        if person is None:
            raise NotFound("the person is not held any more", code="no-claim")
        return found, person

    def _case(self, conn: Connection, claim: Claim, person: Person) -> Case:
        people = [one.key for one in view_of(conn, self._keys, person)]
        rows = between(conn, people, claim.since)
        looks = [row for row in rows if row.details.get(claim.kind.value) == claim.id]
        return Case(
            claim=claim,
            reason=claims.reason_of(conn, person, claim),
            reviews=claims.reviews_of(conn, person, claim),
            looks=tuple(reversed([row for row in looks if row.action != "create"])),
            nhs_number=person.nhs_number,
            demographics=person.demographics,
            is_open=self.is_open(claim),
        )

    def _tell(
        self, conn: Connection, claim: Claim, watcher: Watcher, what: str, action: str, more: dict[str, str]
    ) -> None:
        append(conn, watcher.row(self._clock(), action, what, claim.person, claim=claim.id, **more))


def _check(watcher: Watcher) -> None:
    if not watcher.name.strip():
        raise Invalid("say who reviews: a full name", code="no-name")


def _check_own(claim: Claim, watcher: Watcher) -> None:
    if watcher.subject and watcher.subject == claim.subject:
        raise Forbidden("it is your own: somebody else has to review it", code="own-claim")
