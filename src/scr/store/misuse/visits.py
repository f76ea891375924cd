"""The audit as visits: one user's looks at one person's record on one day, read chain by chain.

A cursor for each chain says up to which place it was read. Cursors and visits move in one transaction, and a
cursor only from where it was found: whatever is stopped or done by two at once, each row counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import lru_cache

import orjson
from sqlalchemy import Connection

from scr.errors import Conflict
from scr.fhir.dates import LONDON
from scr.store.audit.chain import rows_of
from scr.store.driver import run, run_many, written

LOOKS = frozenset({"read", "query"})
"""The actions of the audit that show something of a record."""
NO_TIE_NUMBER = frozenset({"no-relationship"})
NO_TIE = frozenset({"no-relationship", "not-found"})
"""What a refusal is called where somebody may have nothing to do with the person: by number they are told so,
by id the record is not there. Whether they have is looked at where the visit is judged."""
CLAIMED, NEIGHBOUR = 1, 2
"""Marks of a visit: under a claimed relationship or a broken glass; through another shared care record."""
TOUCHED, JUDGED, SETTLED = 0, 1, 2
"""States of a visit: not judged since it changed; judged while its day went on; judged after it."""
_HOUR_MS = 3600 * 1000
_EPOCH = date(1970, 1, 1)

_WAITING = written(
    "SELECT c.chain, COALESCE(m.seq, 0) FROM audit_chain c LEFT JOIN misuse_cursor m ON m.chain = c.chain"
    " WHERE EXISTS (SELECT 1 FROM audit a WHERE a.chain = c.chain AND a.seq > COALESCE(m.seq, 0))"
    " ORDER BY c.chain"
)
_BEGIN = written("INSERT INTO misuse_cursor (chain, seq) VALUES (?, ?) ON CONFLICT DO NOTHING")
_MOVE = written("UPDATE misuse_cursor SET seq = ? WHERE chain = ? AND seq = ?")


@dataclass(frozen=True, slots=True)
class UserDay:
    """One user in one role at one organisation on one day (days since 1970, in London)."""

    day: int
    actor: str
    role: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One user's looks at one person's record on one day; ``tables.MisuseVisitRow`` says what is what."""

    day: int
    actor: str
    role: str
    organisation: str
    person: str
    actor_name: str
    look: str
    first: int
    last: int
    looks: int
    refused: int
    hours: int
    marks: int
    state: int = TOUCHED

    @property
    def user_day(self) -> UserDay:
        """Whose day it belongs to."""
        return UserDay(self.day, self.actor, self.role, self.organisation)


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment as it is in London: the day (since 1970) and the hour."""

    day: int
    hour: int


_NAMES = tuple(one.name for one in fields(Visit))
_KEY = "day, actor, role, organisation, person"
_ADD = written(
    f"INSERT INTO misuse_visit ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
    f" ON CONFLICT ({_KEY}) DO UPDATE SET looks = misuse_visit.looks + excluded.looks,"
    " refused = misuse_visit.refused + excluded.refused, hours = misuse_visit.hours | excluded.hours,"
    " marks = misuse_visit.marks | excluded.marks, state = excluded.state,"
    " look = CASE WHEN excluded.first < misuse_visit.first THEN excluded.look ELSE misuse_visit.look END,"
    " first = CASE WHEN excluded.first < misuse_visit.first THEN excluded.first ELSE misuse_visit.first END,"
    " last = CASE WHEN excluded.last > misuse_visit.last THEN excluded.last ELSE misuse_visit.last END"
)
_DUE = written(
    f"SELECT {', '.join(_NAMES)} FROM misuse_visit"  # noqa: S608
    " WHERE state = 0 OR (state = 1 AND day < ?)"
    " ORDER BY state, day, actor, role, organisation, person LIMIT ?"
)
_DONE = written(
    "UPDATE misuse_visit SET state = ? WHERE day = ? AND actor = ? AND role = ? AND organisation = ?"
    " AND person = ? AND looks = ? AND refused = ?"
)
_OF_DAY = written(
    f"SELECT {', '.join(_NAMES)} FROM misuse_visit"  # noqa: S608
    " WHERE day = ? AND actor = ? AND role = ? AND organisation = ? ORDER BY first, person"
)
_TOUCH = written("UPDATE misuse_visit SET state = 0 WHERE day >= ?")
_FORGET = (
    written("DELETE FROM misuse_visit WHERE state = 2 AND day < ?"),
    written("DELETE FROM misuse_day WHERE day < ?"),
)


def clock_of(at: int) -> Clock:
    """What day and hour it is in London at an instant (ms UTC)."""
    return _clock(at // _HOUR_MS)


@lru_cache(maxsize=4096)
def _clock(hour: int) -> Clock:
    """Of an hour since 1970 (UTC): London is whole hours away."""
    local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(LONDON)
    return Clock((local.date() - _EPOCH).days, local.hour)


def waiting(connection: Connection) -> list[tuple[str, int]]:
    """The chains with rows that were not read, and from which place on."""
    return [(row[0], row[1]) for row in run(connection, _WAITING).fetchall()]


def gather(connection: Connection, most: int) -> tuple[int, frozenset[UserDay]]:
    """Read so many rows of the audit at most, and add up the looks among them.

    Gives how many were read, and whose days they changed. Raises Conflict where somebody else reads too.
    """
    made: dict[tuple[int, str, str, str, str], Visit] = {}
    left = most
    for chain, after in waiting(connection):
        last = after
        for linked in rows_of(connection, chain, after, after + left):
            last = linked.seq
            visit = _visit_of(linked.content)
            if visit is not None:
                key = (visit.day, visit.actor, visit.role, visit.organisation, visit.person)
                known = made.get(key)
                made[key] = visit if known is None else _joined(known, visit)
        if last > after:
            _move(connection, chain, after, last)
        left -= last - after
        if left <= 0:
            break
    run_many(connection, _ADD, [tuple(getattr(one, name) for name in _NAMES) for one in made.values()])
    return most - left, frozenset(one.user_day for one in made.values())


def due(connection: Connection, today: int, most: int) -> list[Visit]:
    """Visits that are to be judged: those that changed, and those whose day is over."""
    return [Visit(*row) for row in run(connection, _DUE, (today, most)).fetchall()]


def done(connection: Connection, visits: Iterable[Visit], state: int) -> None:
    """Note that visits were judged as they were read; one that has changed since stays due."""
    rows = [
        (state, one.day, one.actor, one.role, one.organisation, one.person, one.looks, one.refused)
        for one in visits
    ]
    run_many(connection, _DONE, rows)


def of_day(connection: Connection, one: UserDay) -> list[Visit]:
    """All visits of a user's day, the first first."""
    found = run(connection, _OF_DAY, (one.day, one.actor, one.role, one.organisation)).fetchall()
    return [Visit(*row) for row in found]


def touch(connection: Connection, since: int) -> None:
    """Let what was judged be judged again, from a day on: what it is held against has changed."""
    run(connection, _TOUCH, (since,))


def forget(connection: Connection, before: int) -> None:
    """Let go of what is settled and of before a day."""
    for statement in _FORGET:
        run(connection, statement, (before,))


def _move(connection: Connection, chain: str, after: int, last: int) -> None:
    values: Sequence[object] = (chain, last) if after == 0 else (last, chain, after)
    if run(connection, _BEGIN if after == 0 else _MOVE, values).rowcount != 1:
        raise Conflict("another process reads the audit; it is read once", code="misuse-cursor")


def _visit_of(content: object) -> Visit | None:
    """A row as a visit of one look; None for what is no look of a member of staff."""
    assert isinstance(content, dict)
    action, role, outcome = content["action"], content["role"], content["outcome"]
    if action not in LOOKS or not role or not content["organisation"] or not content["actor"]:
        return None
    person = content["person"] or ""
    refused = outcome == "refused" and content["code"] in (NO_TIE if person else NO_TIE_NUMBER)
    if not refused and (outcome != "success" or not person):
        return None
    when = clock_of(content["at"])
    return Visit(
        day=when.day,
        actor=content["actor"],
        role=role,
        organisation=content["organisation"],
        person=person,
        actor_name=content["actor_name"],
        look=content["id"],
        first=content["at"],
        last=content["at"],
        looks=0 if refused else 1,
        refused=1 if refused else 0,
        hours=1 << when.hour,
        marks=_marks(content["details"]),
    )


def _marks(details: str) -> int:
    if details == "{}":
        return 0
    told = orjson.loads(details)
    claimed = CLAIMED if "glass" in told or "relationship" in told else 0
    return claimed | (NEIGHBOUR if "neighbour" in told else 0)


def _joined(one: Visit, other: Visit) -> Visit:
    """Two parts of one visit as one."""
    first, last = (one, other) if one.first <= other.first else (other, one)
    return Visit(
        one.day,
        one.actor,
        one.role,
        one.organisation,
        one.person,
        first.actor_name,
        first.look,
        first.first,
        max(one.last, last.last),
        one.looks + other.looks,
        one.refused + other.refused,
        one.hours | other.hours,
        one.marks | other.marks,
    )
