"""A made-up history of looks: some weeks of ordinary work, and misuses of each kind, each written down.

Ordinary work has what such rules stumble over: night shifts, a clinic day that doubles everybody's volume,
people who come to accident and emergency before anybody has told of it, letters that are written weeks
after a stay, colleagues and famous people who are treated by a whole ward, neighbours who are patients, and
partners of a practice who work at night now and then.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.misuse_people import (
    COMMUNITY,
    COUNCIL,
    DOCTOR,
    HOSPITAL,
    PRACTICE,
    Area,
    Member,
    Resident,
    make_area,
)

START = datetime(2026, 2, 2, tzinfo=UTC)  # a Monday, and winter time in London
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KINDS = ("own-record", "family", "colleague", "vip", "no-relationship", "night", "volume", "trying")
_BACK = 150
_CLINIC_DAY = 11
_MANY = {HOSPITAL: (7, 14), PRACTICE: (12, 22), COMMUNITY: (6, 10), COUNCIL: (4, 7)}


@dataclass(frozen=True, slots=True)
class Seen:
    """One user's looks at one resident at a moment (ms UTC): how many rows of the audit, and how it went."""

    at: int
    member: Member
    resident: Resident | None
    rows: int = 1
    refused: bool = False
    claimed: bool = False


@dataclass(slots=True)
class History:
    """An area, its relationships by resident, the looks in their order, and the misuses.

    ``misuses``: what kind, by user and resident (None for a whole day) and day; ``cases`` the same without
    the days, since who comes back is one case.
    """

    area: Area
    days: int
    ties: list[tuple[Resident, str, str, int, int | None]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    misuses: dict[tuple[str, int | None, int], str] = field(default_factory=dict)
    told: set[tuple[int, str]] = field(default_factory=set)

    def note(self, kind: str, member: Member, resident: Resident | None, day: int) -> None:
        """Write a misuse down."""
        self.misuses[(member.user, None if resident is None else resident.serial, day)] = kind


def make_history(seed: int, *, staff: int, days: int, misuses: int) -> History:
    """So many staff for so many days, and so many misuses of each kind."""
    draw = random.Random(seed)
    area = make_area(draw, staff, staff * 14, days, _BACK)
    history = History(area, days)
    _tell(history)
    for day in range(days):
        _ordinary(draw, history, day)
    Misusing(draw, history).all(misuses)
    history.seen.sort(key=lambda one: one.at)
    return history


def _at(day: int, hour: float) -> int:
    return round(START.timestamp() * 1000) + day * DAY_MS + round(hour * HOUR_MS)


def _tell(history: History) -> None:
    """The relationships: registered, in hospital, on a caseload, with a social worker."""
    hospitals = history.area.organisations[HOSPITAL]
    for one in history.area.residents:
        history.ties.append((one, one.practice, "registration", _at(-_BACK, 0), None))
        if one.caseload:
            history.ties.append((one, "ZZC01", "caseload", _at(-60, 0), None))
        if one.social:
            history.ties.append((one, "ZZS01", "caseload", _at(-60, 0), None))
        for first, last, ward in one.stays:
            place = hospitals[ward % len(hospitals)]
            history.ties.append((one, place, "encounter", _at(first, 7), _at(last, 20)))
            history.told.add((one.serial, place))
    history.told |= {(one.serial, place) for one, place, *_ in history.ties}


class _Known:
    """With whom each team has to do on a day."""

    def __init__(self, area: Area, day: int) -> None:
        self._wards: dict[tuple[str, int], list[Resident]] = defaultdict(list)
        self._former: dict[str, list[Resident]] = defaultdict(list)
        self._others: dict[str, list[Resident]] = defaultdict(list)
        hospitals = area.organisations[HOSPITAL]
        for one in area.residents:
            self._others[one.practice].append(one)
            for first, last, ward in one.stays:
                place = hospitals[ward % len(hospitals)]
                if first <= day <= last:
                    self._wards[(place, ward)].append(one)
                elif 0 < day - last < 70:
                    self._former[place].append(one)
        self._others["ZZC01"] = [one for one in area.residents if one.caseload]
        self._others["ZZS01"] = [one for one in area.residents if one.social]

    def to(self, draw: random.Random, member: Member) -> list[Resident]:
        """Whom a member of staff may have to look at: at the hospital the ward, some others, and a letter or
        two about people who left some time ago."""
        if member.setting != HOSPITAL:
            return self._others[member.organisation]
        place = member.organisation
        others = [one for (where, _), held in self._wards.items() if where == place for one in held]
        former = self._former[place]
        some = [*draw.sample(others, min(4, len(others))), *draw.sample(former, min(4, len(former)))]
        return list(dict.fromkeys([*self._wards[(place, member.ward)], *some]))


def _ordinary(draw: random.Random, history: History, day: int) -> None:
    known = _Known(history.area, day)
    for member in history.area.staff:
        hours = _shift(draw, member, day)
        if hours is None:
            continue
        people = known.to(draw, member)
        busy = 2 if member.setting == PRACTICE and day == _CLINIC_DAY else 1
        many = draw.randint(*_MANY[member.setting]) * busy
        for one in draw.sample(people, min(many, len(people))):
            if one is not member.resident and one not in history.area.kin[member.user]:
                at = _at(day, draw.uniform(*hours))
                history.seen.append(Seen(at, member, one, draw.choice((1, 1, 2, 3))))
    _emergencies(draw, history, day)
    _walk_ins(draw, history, day)


def _shift(draw: random.Random, member: Member, day: int) -> tuple[float, float] | None:
    """The hours of the day's work; None for a day off."""
    number = int(member.user[1:])
    if member.setting == HOSPITAL and member.role != "R8003":
        turn = (day + number) % 8
        if turn in (6, 7):
            return None
        return (0.0, 6.5) if turn == 5 else (13.0, 21.0) if turn in (3, 4) else (7.5, 15.5)
    if day % 7 >= 5 or draw.random() < 0.12:
        return None
    if member.setting == PRACTICE and member.role == DOCTOR and draw.random() < 0.06:
        return (20.0, 23.0)
    if member.setting == COMMUNITY and draw.random() < 0.04:
        return (19.0, 23.9)
    return (8.0, 18.0)


def _emergencies(draw: random.Random, history: History, day: int) -> None:
    """Somebody comes in whom the hospital does not know: a claim; mostly it is told of on the same day."""
    for member in history.area.staff:
        if member.setting != HOSPITAL or member.role != DOCTOR or draw.random() > 0.15:
            continue
        one = draw.choice(history.area.residents)
        if (one.serial, member.organisation) in history.told or one is member.resident:
            continue
        at = _at(day, draw.uniform(0, 23.5))
        history.seen.append(Seen(at, member, one, 2, claimed=True))
        if draw.random() < 0.9:
            history.ties.append((one, member.organisation, "encounter", at + HOUR_MS, at + 4 * HOUR_MS))
            history.told.add((one.serial, member.organisation))


def _walk_ins(draw: random.Random, history: History, day: int) -> None:
    """Somebody comes to a practice that does not know them yet: refused, then claimed; by the evening most
    are on its list."""
    for member in history.area.staff:
        if member.setting != PRACTICE or draw.random() > 0.03:
            continue
        one = draw.choice(history.area.residents)
        if (one.serial, member.organisation) in history.told or one is member.resident:
            continue
        at = _at(day, draw.uniform(9, 17))
        history.seen.append(Seen(at, member, one, 1, refused=True))
        if draw.random() < 0.5:
            history.seen.append(Seen(at + 60_000, member, one, 2, claimed=True))
        if draw.random() < 0.85:
            history.ties.append((one, member.organisation, "registration", at + HOUR_MS, None))
            history.told.add((one.serial, member.organisation))


class Misusing:
    """Puts misuses among the looks of a history."""

    def __init__(self, draw: random.Random, history: History) -> None:
        self._draw = draw
        self._history = history
        self._area = history.area
        self._listed = [one for one in self._area.staff if one.listed]
        self._latest = max(history.days // 2 + 1, history.days - 6)

    def all(self, each: int) -> None:
        """So many of each kind."""
        for member in self._some(each):
            self._look("own-record", member, member.resident)
        for member in self._some(each, lambda one: bool(self._area.kin[one.user])):
            self._look("family", member, self._draw.choice(self._area.kin[member.user]))
        for member in self._some(each):
            beside = [one for one in self._listed if one.organisation == member.organisation]
            other = self._draw.choice([one for one in beside if one is not member] or self._listed)
            self._look("colleague", member, other.resident)
        for member in self._some(each):
            self._look("vip", member, self._draw.choice(self._area.vips))
        for member in self._some(each):
            self._look("no-relationship", member, self._stranger(member))
        for member in self._some(each, lambda one: one.setting != HOSPITAL):
            self._look("night", member, self._patient(member), night=True)
        for member in self._some(max(2, each // 2)):
            self._trawl(member)
        for member in self._some(max(2, each // 2)):
            self._try(member)

    def _some(self, count: int, wanted: object = None) -> Iterator[Member]:
        fits = [one for one in self._listed if wanted is None or (callable(wanted) and wanted(one))]
        yield from (self._draw.choice(fits) for _ in range(count))

    def _day(self, member: Member) -> int:
        """A day in the later half, by which there are others to compare with."""
        return self._draw.randrange(self._history.days // 2, self._latest)

    def _look(self, kind: str, member: Member, resident: Resident, *, night: bool = False) -> None:
        """One look, or some days' of them; where nothing is known of a relationship, refused or claimed."""
        draw, day = self._draw, self._day(member)
        known = (resident.serial, member.organisation) in self._history.told
        refused = not known and draw.random() < 0.4
        for later in (
            (0, 2, 4) if draw.random() < (0.5 if kind in ("no-relationship", "night") else 0.2) else (0,)
        ):
            late = night or draw.random() < 0.15
            hour = draw.uniform(22.2, 23.7) if late else draw.uniform(8.5, 17.5)
            seen = Seen(
                _at(day + later, hour),
                member,
                resident,
                draw.choice((1, 2)),
                refused=refused,
                claimed=not known and not refused,
            )
            self._history.seen.append(seen)
            self._history.note(kind, member, resident, day + later)

    def _stranger(self, member: Member) -> Resident:
        """Somebody of whom the organisation knows nothing, or nothing lately."""
        told, draw = self._history.told, self._draw
        while True:
            one = draw.choice(self._area.residents)
            old = any(last < -20 for _, last, _ in one.stays)
            if (one.serial, member.organisation) not in told or (old and member.setting == HOSPITAL):
                return one

    def _patient(self, member: Member) -> Resident:
        known = [
            one for one in self._area.residents if (one.serial, member.organisation) in self._history.told
        ]
        return self._draw.choice(known)

    def _trawl(self, member: Member) -> None:
        """Many more people than on other days."""
        day = self._day(member)
        known = [
            one for one in self._area.residents if (one.serial, member.organisation) in self._history.told
        ]
        many = round(_MANY[member.setting][1] * self._draw.uniform(2.5, 6))
        for one in self._draw.sample(known, min(many, len(known))):
            self._history.seen.append(Seen(_at(day, self._draw.uniform(9, 17)), member, one))
        self._history.note("volume", member, None, day)

    def _try(self, member: Member) -> None:
        """One after the other of those whom the organisation does not know."""
        day, told = self._day(member), self._history.told
        strangers = [one for one in self._area.residents if (one.serial, member.organisation) not in told]
        for one in self._draw.sample(strangers, min(self._draw.randint(4, 14), len(strangers))):
            unknown = self._draw.random() < 0.3
            at = _at(day, self._draw.uniform(9, 17))
            self._history.seen.append(Seen(at, member, None if unknown else one, refused=True))
        self._history.note("trying", member, None, day)
