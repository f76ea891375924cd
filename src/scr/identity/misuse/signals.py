"""What can be seen of one user's looks at one person on one day, and of all of a user's looks on a day.

Some of it is known at once; the rest when the day is over: by then somebody else has looked, too, and the
visit that a look was for has been told of. Nothing that is known at once goes away by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from scr.consent.misuse import MisuseRules, Signals
from scr.consent.ties import Tie, TiePolicy, in_force
from scr.fhir.dates import utc
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.identity.misuse.hashes import Hashes, users_of
from scr.store.driver import run, written
from scr.store.keys import KeyRing
from scr.store.misuse.days import Peers, Usual, counted, refused
from scr.store.misuse.lists import Lists, Staff, numbers_of
from scr.store.misuse.visits import CLAIMED, NEIGHBOUR, UserDay, Visit
from scr.store.people import person_by_key

_DAY_MS = 24 * 3600 * 1000
_REMEMBERED = 20_000
_TIES = written(
    "SELECT kind, source, since, seen, until FROM relationship WHERE organisation = ? AND kind <> 'objection'"
    " AND person IN (SELECT key FROM person WHERE key = ? OR view = (SELECT view FROM person WHERE key = ?))"
)
_OTHERS = written(
    "SELECT 1 FROM misuse_visit WHERE person = ? AND day >= ? AND day <= ? AND organisation = ?"
    " AND actor <> ? AND looks > 0 LIMIT 1"
)
_DAYS = written(
    "SELECT COUNT(DISTINCT day) FROM misuse_visit WHERE person = ? AND day > ? AND day <= ? AND actor = ?"
)


@dataclass(slots=True)
class Memory:
    """What a run reads once: both lists, what is usual, and by which hashes people are compared."""

    lists: Lists
    hashes: Hashes
    usual: dict[tuple[str, str, int], Mapping[str, Usual]] = field(default_factory=dict)
    numbers: dict[str, frozenset[str]] = field(default_factory=dict)
    homes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def settle(self) -> None:
        """Let go of people, where these are many."""
        for known in (self.numbers, self.homes):
            if len(known) > _REMEMBERED:
                known.clear()


class Seeing:
    """What signals are read with, in one snapshot of the database."""

    def __init__(
        self, connection: Connection, keys: KeyRing, rules: MisuseRules, ties: TiePolicy, memory: Memory
    ) -> None:
        self.connection = connection
        self.rules = rules
        self._keys = keys
        self.policy = ties
        self._memory = memory
        self.lists = memory.lists
        self._hashes = memory.hashes
        self.peers = Peers(connection, rules.peers.days, rules.peers.at_least, memory.usual)
        memory.settle()

    def of_visit(self, visit: Visit, *, settled: bool) -> Signals:
        """The signals of a visit; ``settled``: its day is over. Of somebody who was erased there are none."""
        found: dict[str, Mapping[str, int]] = {}
        if not visit.person or not self._numbers_of(visit.person):
            return found
        found |= self._lists(visit)
        if settled:
            found |= self._relationship(visit)
            found |= self._circumstances(visit)
        return found

    def of_day(self, one: UserDay, *, settled: bool) -> Signals:
        """The signals of a user's day; ``settled``: it is over."""
        found: dict[str, Mapping[str, int]] = {}
        if settled:
            found |= self._volume(one)
        times = refused(self.connection, one)
        if times >= self.rules.refused.at_least:
            found["refused-often"] = {"people": times}
        return found

    def _volume(self, one: UserDay) -> dict[str, Mapping[str, int]]:
        """Whether the user looked at many more people than is usual, on a day that is not busy for all."""
        people, _ = counted(self.connection, one)
        many, usual = self.rules.volume, self.peers.of(one)
        if usual is None or people < many.at_least:
            return {}
        limit = max(many.times * usual.people, usual.people + many.spread * usual.spread)
        if people <= limit or people <= limit * self.peers.busy(one):
            return {}
        users = len(usual.users - {one.actor})
        return {"volume": {"people": people, "usual": round(usual.people), "users": users}}

    def _lists(self, visit: Visit) -> dict[str, Mapping[str, int]]:
        """What the staff list and the other one tell of a visit."""
        found: dict[str, Mapping[str, int]] = {}
        own = self._staff(visit.actor)
        numbers = self._numbers_of(visit.person)
        if own is not None and own.number and own.number in numbers:
            return {"own-record": {}}
        if numbers & self.lists.vips:
            found["vip"] = {}
        others = [one for number in numbers if (one := self.lists.by_number.get(number)) is not None]
        place = self._hashes.organisation(visit.organisation)
        if any(one.organisation in ("", place) for one in others):
            found["colleague"] = {}
        if own is not None and (own.family or own.postcode):
            found |= self._alike(own, visit.person)
        return found

    def _alike(self, own: Staff, person: str) -> dict[str, Mapping[str, int]]:
        """Whether the person has the user's surname, or lives at their postcode."""
        family, postcode = self._home(person)
        found: dict[str, Mapping[str, int]] = {}
        if own.family and family == own.family:
            others = self.lists.families[own.family] - 1
            if others * 1000 <= self.rules.surname.common_in_1000 * len(self.lists.staff):
                found["same-surname"] = {"others": others}
        if own.postcode and postcode == own.postcode:
            found["same-postcode"] = {}
        return found

    def _relationship(self, visit: Visit) -> dict[str, Mapping[str, int]]:
        """Whether the organisation had to do with the person, by the end of the day, and how lately."""
        if visit.marks & NEIGHBOUR:  # it tells of its own relationships, and these are not here
            return {}
        when = (utc(visit.first), utc(visit.last + _DAY_MS))
        ties = [one for one in self._ties(visit) if any(in_force(one, self.policy, at) for at in when)]
        if ties:
            lasting = self.rules.quiet.lasting
            days = min((visit.first - one.seen) // _DAY_MS for one in ties)
            if not any(one.kind in lasting for one in ties) and days > self.rules.quiet.after_days:
                return {"quiet": {"days": days}}
            return {}
        found: dict[str, Mapping[str, int]] = {}
        if visit.looks:
            found["no-relationship"] = {"claimed": visit.marks & CLAIMED}
        if visit.refused:
            found["refused"] = {"times": visit.refused}
        return found

    def _circumstances(self, visit: Visit) -> dict[str, Mapping[str, int]]:
        """Who else looked, how often the user did, and when."""
        found: dict[str, Mapping[str, int]] = {}
        days = self.rules.alone.days
        since = (visit.person, visit.day - days, visit.day, visit.organisation, visit.actor)
        if run(self.connection, _OTHERS, since).fetchone() is None:
            found["alone"] = {"days": days}
        back = self.rules.returning
        asked = (visit.person, visit.day - back.days, visit.day, visit.actor)
        times = int(run(self.connection, _DAYS, asked).fetchone()[0])
        if times >= back.at_least:
            found["returning"] = {"times": times, "days": back.days}
        return found | self._night(visit)

    def _night(self, visit: Visit) -> dict[str, Mapping[str, int]]:
        """Whether it was at night, which is not usual in the role, and no shift."""
        night = self.rules.night
        if not visit.hours & night.hours:
            return {}
        usual = self.peers.at_place(visit.user_day)
        if usual is None or usual.night * 100 > night.usual_above_percent:
            return {}
        if counted(self.connection, visit.user_day)[1] >= night.shift_of:
            return {}
        at = visit.hours & night.hours
        hour = (at & -at).bit_length() - 1
        found: dict[str, Mapping[str, int]] = {"night": {"hour": hour, "of_1000": round(usual.night * 1000)}}
        if usual.night * 100 <= night.unheard_below_percent:
            found["night-unheard"] = {}
        return found

    def _staff(self, actor: str) -> Staff | None:
        """The user in the staff list."""
        for user in users_of(actor):
            found = self.lists.staff.get(self._hashes.user(user))
            if found is not None:
                return found
        return None

    def _numbers_of(self, person: str) -> frozenset[str]:
        known = self._memory.numbers
        if person not in known:
            known[person] = numbers_of(self.connection, person)
        return known[person]

    def _home(self, person: str) -> tuple[str, str]:
        """The hashes of a person's surname and postcode."""
        known = self._memory.homes
        if person not in known:
            found = person_by_key(self.connection, self._keys, person)
            told = Demographics() if found is None else found.demographics
            known[person] = (self._hashes.family(told.family), self._hashes.postcode(told.postcode))
        return known[person]

    def _ties(self, visit: Visit) -> list[Tie]:
        asked = (visit.organisation, visit.person, visit.person)
        place = OdsCode(visit.organisation)
        return [
            Tie(place, kind, since, OdsCode(source), seen, until)
            for kind, source, since, seen, until in run(self.connection, _TIES, asked).fetchall()
        ]
