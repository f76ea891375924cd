"""Watches what each feed sends: how much of it is accounted for, and where a payload departs from it.

What is known of a feed is in memory, and written now and then; a minute that is lost with the process
is learnt again. What was pushed is looked at message by message; of a feed that is asked live one answer
in a while is, from whichever thread reads it, and compared when it is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection

from scr.decode.tree import BadUnit, NoColumn, Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter
from scr.mapping.coverage import Coverage
from scr.mapping.profile import Drift, Observer, Profile, drifts, lacking
from scr.store import coverage, profiles
from scr.store.engine import Database
from scr.store.losses import day_of
from scr.store.profiles import Place

LIVE = "live"
"""Where an event has the number of a message: the answers of a feed that is asked live have none."""

_TOLD = 3
_EVERY = 1000
"""Milliseconds between two live answers of a feed that are looked at."""
_log = structlog.get_logger("scr.intake")


@dataclass(slots=True)
class Look:
    """A look at one payload, beside what is known of its feed."""

    place: Place
    known: Profile
    observer: Observer
    seen: Profile = field(default_factory=Profile)
    covered: Coverage = field(default_factory=Coverage)
    refused: list[Drift] = field(default_factory=list)

    def see(self, unit: Unit | BadUnit) -> None:
        """Look at a unit. A file whose header lacks a column departs by that alone."""
        if isinstance(unit, Unit):
            self.observer.look(unit, self.seen, self.covered)
        elif isinstance(unit.error, NoColumn):
            self.refused.append(lacking(unit.error))

    def take(self, seen: Profile, covered: Coverage) -> None:
        """Take in what a look at some units has shown elsewhere."""
        self.seen.add(seen)
        self.covered.add(covered)

    def found(self) -> tuple[Drift, ...]:
        """How the units that were seen depart from what is known."""
        return (*self.refused, *drifts(self.known, self.seen))


class FeedWatch:
    """The profiles of all feeds. Used from one event loop, but for ``glance``.

    ``key`` is that of the hashes of codes.
    """

    def __init__(self, database: Database, key: bytes, clock: Callable[[], int]) -> None:
        self._database, self._key, self._clock = database, key, clock
        self._known: dict[Place, Profile] = {}
        self._unwritten: dict[Place, Profile] = {}
        self._observers: dict[str, Observer] = {}
        self._covered: dict[tuple[str, OdsCode, str], Coverage] = {}
        self._lock = threading.Lock()
        self._glanced: dict[Place, Look] = {}
        self._last: dict[Place, int] = {}

    async def look(self, provider: OdsCode, feed: str, adapter: Adapter, *, fresh: bool = False) -> Look:
        """Begin to look at a payload; ``fresh`` beside what every process has learnt until now."""
        place = Place(provider, feed, adapter.name)
        observer = self._observers.get(adapter.name) or Observer(adapter, self._key)
        self._observers[adapter.name] = observer
        return Look(place, await self._profile(place, fresh=fresh), observer)

    async def end(self, look: Look, message: str, *, held: bool) -> None:
        """Tell what was noticed of a message; learn from it, unless it was held back."""
        found = look.found()
        if found:
            await self._tell(look.place, message, found, "quarantined" if held else "warned")
        self._cover(look)
        if not held:
            self.learn(look)

    def learn(self, look: Look) -> None:
        """Take what was seen as what the feed sends."""
        if look.seen.units:
            self._known[look.place].add(look.seen)
            self._unwritten.setdefault(look.place, Profile()).add(look.seen)

    def glance(self, provider: OdsCode, feed: str, adapter: Adapter, units: Iterable[Unit]) -> None:
        """Look at a live answer, from any thread; at most one in a while, for it costs some milliseconds."""
        place, now = Place(provider, feed, adapter.name), self._clock()
        with self._lock:
            if now - self._last.get(place, 0) < _EVERY:
                return
            self._last[place] = now
            look = self._glanced.get(place)
            if look is None:
                look = self._glanced[place] = Look(place, Profile(), Observer(adapter, self._key))
            for unit in units:
                look.see(unit)

    async def flush(self, database: Database) -> None:
        """Write what was learnt since the last time; it is kept where the database is down."""
        with suppress(ScrError):
            await self._end_glances()
        taken, self._unwritten = self._unwritten, {}
        covered, self._covered = self._covered, {}
        if not taken and not covered:
            return
        now = self._clock()

        def write(connection: Connection) -> dict[Place, Profile]:
            for (day, provider, adapter), fields in covered.items():
                coverage.add(connection, day, provider, adapter, fields)
            return {place: profiles.learn(connection, place, seen, now) for place, seen in taken.items()}

        try:
            written = await database.write(write)
        except ScrError:
            for place, seen in taken.items():
                self._unwritten.setdefault(place, Profile()).add(seen)
            for key, fields in covered.items():
                self._covered.setdefault(key, Coverage()).add(fields)
            return
        for place, known in written.items():  # what other processes have learnt is known here too
            if place in self._unwritten:
                known.add(self._unwritten[place])
            self._known[place] = known

    async def _end_glances(self) -> None:
        """Compare the live answers that were looked at with what is known, and learn from them."""
        for place in list(self._glanced):
            known = await self._profile(place, fresh=False)
            with self._lock:
                look = self._glanced.pop(place)
            look.known = known
            await self.end(look, LIVE, held=False)

    async def _profile(self, place: Place, *, fresh: bool) -> Profile:
        if fresh or place not in self._known:
            read = await self._database.read(partial(profiles.read, place=place))
            if place in self._unwritten:
                read.add(self._unwritten[place])
            self._known[place] = read
        return self._known[place]

    def _cover(self, look: Look) -> None:
        if look.covered.total:
            key = (day_of(self._clock()), look.place.provider, look.place.adapter)
            self._covered.setdefault(key, Coverage()).add(look.covered)

    async def _tell(self, place: Place, message: str, found: tuple[Drift, ...], action: str) -> None:
        _log.warning(
            "drift",
            provider=place.provider.value,
            feed=place.feed,
            message=message,
            action=action,
            found=[f"{drift.kind} {drift.field}" for drift in found[:_TOLD]],
            more=max(0, len(found) - _TOLD),
        )
        now = self._clock()
        with suppress(ScrError):  # it is in the log, and the message is filed
            await self._database.write(
                lambda connection: profiles.note(connection, place, message, found, action, now)
            )
