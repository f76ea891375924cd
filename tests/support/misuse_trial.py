"""A made-up history, put into a store, and counted: what the rules found of it, and what in vain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, insert
from tests.support.misuse_history import KINDS, START, History, Seen
from tests.support.misuse_people import Resident

from scr.fhir.demographics import Demographics
from scr.identity.index import register
from scr.identity.misuse.imports import Importing
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse.findings import Finding, Status, listed
from scr.store.tables import RELATIONSHIP
from scr.store.trail import AuditRow, append

OFFICER = Watcher("Tamsin Arkwright", "issuer|officer")
_AT_ONCE = 1_000
_FIRST_DAY = START.toordinal() - 719_163
"""The first day of a history, in days since 1970."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one kind: how many cases were put in and how many of them found, by any rule; how many findings the
    rule of its name raised, and how many of these are misuse, of whatever kind."""

    kind: str
    put_in: int
    found: int
    findings: int
    right: int

    @property
    def recall(self) -> float:
        """The part of what was put in that was found."""
        return self.found / self.put_in if self.put_in else 1.0

    @property
    def precision(self) -> float:
        """The part of the findings that is misuse."""
        return self.right / self.findings if self.findings else 1.0


async def fill(database: Database, keys: KeyRing, history: History, now: int) -> None:
    """The people, the relationships and both lists; the looks are for ``write_looks``."""
    for part in _parts(history.area.residents):
        await database.write(lambda connection, part=part: _register(connection, keys, part))  # type: ignore[misc]
    await database.write(lambda connection: _relate(connection, history))
    rows = ["user,nhs_number,surname,postcode,organisation"]
    for one in history.area.staff:
        if one.listed:
            home = one.resident
            rows.append(f"{one.user},{home.number.value},{home.surname},{home.postcode},{one.organisation}")
    lists = Importing(database, keys, lambda: now)
    await lists.staff("\n".join(rows).encode(), OFFICER)
    vips = ["nhs_number,why", *(f"{one.number.value},in the news" for one in history.area.vips)]
    await lists.vips("\n".join(vips).encode(), OFFICER)


async def write_looks(database: Database, looks: Sequence[Seen]) -> int:
    """The looks as rows of the audit; how many these are."""
    rows = [row for one in looks for row in _rows(one)]
    for part in _parts(rows):
        await database.write(lambda connection, part=part: [append(connection, row) for row in part])  # type: ignore[misc]
    return len(rows)


def findings_of(database: Database, keys: KeyRing) -> list[Finding]:
    """Everything that was raised."""
    return database.read_now(lambda connection: listed(connection, keys, tuple(Status), 100_000))


def count(history: History, findings: Sequence[Finding]) -> list[Counted]:
    """By kind of misuse and by rule what was found; the last line is of all together."""
    by_key = {one.key: one.serial for one in history.area.residents}
    raised: dict[tuple[str, int | None, int], frozenset[str]] = {}
    for one in findings:
        user = one.user_day.actor.rpartition("|")[2]
        about = (user, by_key.get(one.person), one.user_day.day - _FIRST_DAY)
        raised[about] = frozenset(each.rule for each in one.seen.rules)
    cases: dict[tuple[str, str, int | None], bool] = defaultdict(bool)
    for about, kind in history.misuses.items():
        cases[(kind, about[0], about[1])] |= about in raised
    lines = [
        Counted(
            kind,
            sum(one[0] == kind for one in cases),
            sum(found for one, found in cases.items() if one[0] == kind),
            sum(kind in rules for rules in raised.values()),
            sum(kind in rules and _is_misuse(history, about) for about, rules in raised.items()),
        )
        for kind in KINDS
    ]
    right = sum(_is_misuse(history, about) for about in raised)
    return [*lines, Counted("all", len(cases), sum(cases.values()), len(raised), right)]


def table(lines: Sequence[Counted]) -> str:
    """The lines as text."""
    titles = f"{'put in':>8}{'found':>8}{'recall':>8}{'raised':>9}{'right':>7}{'precision':>11}"
    rows = [
        f"{one.kind:<17}{one.put_in:>8}{one.found:>8}{one.recall:>8.0%}{one.findings:>9}{one.right:>7}"
        f"{one.precision:>11.0%}"
        for one in lines
    ]
    return "\n".join([f"{'kind and rule':<17}{titles}", *rows])


def _is_misuse(history: History, about: tuple[str, int | None, int]) -> bool:
    """Whether it was put in, by itself or as a part of a whole day's."""
    user, _, day = about
    return about in history.misuses or (user, None, day) in history.misuses


def _register(connection: Connection, keys: KeyRing, part: Sequence[Resident]) -> None:
    for one in part:
        told = Demographics(one.surname, ("Alex",), "1970-01-01", "other", one.postcode)
        one.key = register(connection, keys, one.number, told, 1).key


def _relate(connection: Connection, history: History) -> None:
    """The latest of each kind; a registration is told again every day."""
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for one, place, kind, since, until in sorted(history.ties, key=lambda tie: tie[3]):
        row = {"person": one.key, "organisation": place, "kind": kind, "source": place}
        seen = since if until is None else until
        rows[(one.key, place, kind)] = row | {"since": since, "seen": seen, "until": until}
    connection.execute(insert(RELATIONSHIP), list(rows.values()))


def _rows(one: Seen) -> Iterator[AuditRow]:
    for number in range(one.rows):
        yield AuditRow(
            at=one.at + number * 900,
            actor=one.member.actor,
            actor_name=f"Member {one.member.user}",
            role=one.member.role,
            organisation=one.member.organisation,
            action="query",
            what="Patient" if number == 0 else "Observation",
            outcome="refused" if one.refused else "success",
            code="no-relationship" if one.refused else "permitted",
            person=one.resident.key if one.resident is not None else None,
            purpose="TREAT",
            details={"relationship": "a-claim"} if one.claimed else {},
        )


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(rows), _AT_ONCE):
        yield rows[at : at + _AT_ONCE]
