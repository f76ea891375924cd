"""Users' days as counts: at how many people, at how many of them at night; and what is usual for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Connection

from scr.store.driver import run, written
from scr.store.misuse.visits import UserDay

_ADD = written(
    "INSERT INTO misuse_day (day, actor, role, organisation, people, night)"
    " SELECT day, actor, role, organisation, COUNT(*), SUM(CASE WHEN hours & ? <> 0 THEN 1 ELSE 0 END)"
    " FROM misuse_visit WHERE day = ? AND actor = ? AND role = ? AND organisation = ? AND looks > 0"
    " GROUP BY day, actor, role, organisation"
    " ON CONFLICT (day, actor, role, organisation) DO UPDATE SET people = excluded.people,"
    " night = excluded.night"
)
_ONE = written(
    "SELECT people, night FROM misuse_day WHERE day = ? AND actor = ? AND role = ? AND organisation = ?"
)
_REFUSED = written(
    "SELECT COALESCE(SUM(CASE WHEN person = '' THEN refused ELSE 1 END), 0)"
    " FROM misuse_visit WHERE day = ? AND actor = ? AND role = ? AND organisation = ?"
    " AND refused > 0 AND looks = 0"
)
_PEERS = written(
    "SELECT organisation, actor, people, night FROM misuse_day WHERE role = ? AND day >= ? AND day < ?"
)
_PLACE = written(
    "SELECT actor, people, night FROM misuse_day WHERE organisation = ? AND day >= ? AND day < ?"
)
_BESIDE = written(
    "SELECT actor, role, people FROM misuse_day WHERE day = ? AND organisation = ? AND actor <> ?"
)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual among people in one role: who they are, the middle one of their days and how far a day is
    from it mostly (in people looked at), and the part of these that is at night."""

    users: frozenset[str]
    people: float
    spread: float
    night: float


def count(connection: Connection, one: UserDay, night_hours: int) -> None:
    """Count a user's day anew from its visits; ``night_hours`` has a bit for each hour of the night."""
    run(connection, _ADD, (night_hours, one.day, one.actor, one.role, one.organisation))


def counted(connection: Connection, one: UserDay) -> tuple[int, int]:
    """At how many people a user looked on a day, and at how many of them at night."""
    row = run(connection, _ONE, (one.day, one.actor, one.role, one.organisation)).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def refused(connection: Connection, one: UserDay) -> int:
    """About how many people a user was refused on a day, and not let in either; each question about nobody
    known is one."""
    row = run(connection, _REFUSED, (one.day, one.actor, one.role, one.organisation)).fetchone()
    return int(row[0])


class Peers:
    """What was usual in the days before a day, by role and organisation; read once for each.

    Where too few are known, nothing is.
    """

    def __init__(
        self,
        connection: Connection,
        days: int,
        at_least: int,
        read: dict[tuple[str, str, int], Mapping[str, Usual]] | None = None,
    ) -> None:
        """``read`` keeps what was read for others of the same run: days before do not change in it."""
        self._connection = connection
        self._days = days
        self._at_least = at_least
        self._read = {} if read is None else read

    def of(self, one: UserDay) -> Usual | None:
        """What was usual in the role at the organisation; where these are too few, in the role anywhere."""
        return self._first(one, self._of_role(one).get(one.organisation), self._of_role(one).get(""))

    def at_place(self, one: UserDay) -> Usual | None:
        """What was usual in the role at the organisation; where these are too few, there in any role."""
        return self._first(one, self._of_role(one).get(one.organisation), self._of_place(one))

    def _first(self, one: UserDay, *found: Usual | None) -> Usual | None:
        enough = (each for each in found if each and len(each.users - {one.actor}) >= self._at_least)
        return next(enough, None)

    def busy(self, one: UserDay) -> float:
        """How many times the usual the others at the organisation, in whatever role, looked at on this very
        day: the middle one of them, 1 where it is less or nobody else is known."""
        found = run(self._connection, _BESIDE, (one.day, one.organisation, one.actor)).fetchall()
        times = []
        for actor, role, people in found:
            usual = self.of(UserDay(one.day, actor, role, one.organisation))
            if usual is not None:
                times.append(people / usual.people)
        return max(1.0, median(times)) if times else 1.0

    def _of_role(self, one: UserDay) -> Mapping[str, Usual]:
        """By organisation, and of all under an empty one."""
        key = ("role", one.role, one.day)
        if key not in self._read:
            by_place: dict[str, list[tuple[str, int, int]]] = {}
            asked = (one.role, one.day - self._days, one.day)
            for organisation, actor, people, night in run(self._connection, _PEERS, asked).fetchall():
                for place in (organisation, ""):
                    by_place.setdefault(place, []).append((actor, people, night))
            self._read[key] = {place: _usual_of(rows) for place, rows in by_place.items()}
        return self._read[key]

    def _of_place(self, one: UserDay) -> Usual | None:
        key = ("place", one.organisation, one.day)
        if key not in self._read:
            asked = (one.organisation, one.day - self._days, one.day)
            rows = run(self._connection, _PLACE, asked).fetchall()
            self._read[key] = {"": _usual_of(rows)} if rows else {}
        return self._read[key].get("")


def _usual_of(rows: Sequence[tuple[str, int, int]]) -> Usual:
    people = [row[1] for row in rows]
    middle = float(median(people))
    spread = float(median(abs(each - middle) for each in people))
    return Usual(frozenset(row[0] for row in rows), middle, spread, sum(row[2] for row in rows) / sum(people))
