"""The worklist of findings: each is shown, and somebody says what it was. Both are in the audit.

A finding is on the list until somebody has decided. Nobody decides on their own looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from scr.errors import Forbidden, Invalid, NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse import findings
from scr.store.misuse.findings import Finding, Noted, Status
from scr.store.misuse.visits import Visit, of_day
from scr.store.people import Person, person_by_key, view_of
from scr.store.trail import AuditRow, append, between

MOST = 1_000
_TWO_DAYS_MS = 48 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with whom it is about, and the user's looks: at that person the rows of the audit, the oldest
    first; for a whole day the visits of it."""

    finding: Finding
    looks: tuple[AuditRow, ...] = ()
    visits: tuple[Visit, ...] = ()
    nhs_number: NHSNumber | None = field(default=None, repr=False)
    demographics: Demographics = field(default=Demographics(), repr=False)


class Worklist:
    """The list of findings, and what is done with one. ``clock`` gives ms UTC."""

    def __init__(self, database: Database, keys: KeyRing, clock: Callable[[], int]) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def waiting(self) -> list[Finding]:
        """What nobody has decided on, the one with most points first, and of these the oldest."""
        found = await self._database.read(lambda conn: findings.listed(conn, self._keys, (Status.NEW,), MOST))
        return sorted(found, key=lambda one: -one.seen.rules[0].score)

    async def count(self) -> int:
        """How many nobody has decided on."""
        return await self._database.read(findings.waiting)

    async def latest(self, limit: int = 200) -> list[Finding]:
        """All findings, decided on or not, the newest first."""
        return await self._database.read(
            lambda conn: findings.listed(conn, self._keys, tuple(Status), limit, newest=True)
        )

    async def show(self, finding: str, watcher: Watcher) -> Shown:
        """One finding, whom it is about, and the looks. Raises NotFound, Invalid."""

        def look(conn: Connection) -> Shown:
            found = findings.read(conn, self._keys, finding)
            self._tell(conn, found, watcher, "misuse show", "R", {})
            return self._shown(conn, found)

        _check(watcher)
        return await self._database.write(look)

    async def decide(self, finding: str, watcher: Watcher, status: Status, note: str) -> None:
        """Say what a finding was. Raises NotFound, Conflict, Invalid, and Forbidden for one's own looks."""

        def write(conn: Connection) -> None:
            found = findings.read(conn, self._keys, finding)
            if watcher.subject and watcher.subject == found.user_day.actor:
                raise Forbidden("it is about your own looks: somebody else has to decide", code="own-finding")
            self._tell(conn, found, watcher, "misuse decide", "U", {"status": status.value})
            said = Noted(self._clock(), watcher.name, status, note.strip())
            findings.decide(conn, self._keys, found, said)

        _check(watcher)
        if status is Status.NEW:
            raise Invalid("say what it was: explained, misuse or not-misuse", code="no-verdict")
        if not note.strip():
            raise Invalid("say what you found, in a sentence", code="no-note")
        await self._database.write(write)

    def _shown(self, conn: Connection, found: Finding) -> Shown:
        one = found.user_day
        if not found.person:
            return Shown(found, visits=tuple(of_day(conn, one)))
        person = person_by_key(conn, self._keys, found.person)
        if person is None:
            raise NotFound("the person is not held any more", code="no-finding")
        return Shown(
            found,
            looks=self._looks(conn, found, person),
            nhs_number=person.nhs_number,
            demographics=person.demographics,
        )

    def _looks(self, conn: Connection, found: Finding, person: Person) -> tuple[AuditRow, ...]:
        people = [each.key for each in view_of(conn, self._keys, person)]
        rows = between(conn, people, found.at, found.at + _TWO_DAYS_MS)
        return tuple(reversed([row for row in rows if row.actor == found.user_day.actor]))

    def _tell(
        self, conn: Connection, found: Finding, watcher: Watcher, what: str, action: str, more: dict[str, str]
    ) -> None:
        append(conn, watcher.row(self._clock(), action, what, found.person or None, finding=found.id, **more))


def _check(watcher: Watcher) -> None:
    if not watcher.name.strip():
        raise Invalid("say who looks: a full name", code="no-name")
