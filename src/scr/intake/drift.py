"""Watches what each feed sends, and notices where a payload departs from it.

What is known of a feed is in memory, and written now and then; a minute that is lost with the process
is learnt again. By the feed's policy a payload that departs is filed with a warning and learnt from, or
quarantined as a whole and not learnt from until a person has released it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection

from scr.decode.tree import BadUnit, Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter
from scr.mapping.profile import Drift, Observer, Profile, drifts
from scr.store import profiles
from scr.store.engine import Database
from scr.store.profiles import Place

DRIFT = "drift"
"""The code by which a payload is in quarantine that departs from what its feed sent before."""

_TOLD = 3
_AT_ONCE = 40
_log = structlog.get_logger("scr.intake")


@dataclass(slots=True)
class Look:
    """A look at one payload, beside what is known of its feed."""

    place: Place
    known: Profile
    observer: Observer
    seen: Profile = field(default_factory=Profile)
    refused: list[Drift] = field(default_factory=list)

    def see(self, unit: Unit | BadUnit) -> None:
        """Look at a unit. A file whose header lacks a column departs by that alone."""
        if isinstance(unit, Unit):
            self.observer.look(unit, self.seen)
        elif unit.error.code == "no-column":
            self.refused.append(Drift("missing", unit.place, unit.error.message))

    def found(self) -> tuple[Drift, ...]:
        """How the units that were seen depart from what is known."""
        return (*self.refused, *drifts(self.known, self.seen))


class DriftWatch:
    """The profiles of all feeds. Used from one event loop; ``key`` is that of the hashes of codes."""

    def __init__(self, database: Database, key: bytes, clock: Callable[[], int]) -> None:
        self._database, self._key, self._clock = database, key, clock
        self._known: dict[Place, Profile] = {}
        self._unwritten: dict[Place, Profile] = {}
        self._observers: dict[str, Observer] = {}

    async def look(self, provider: OdsCode, feed: str, adapter: Adapter, *, fresh: bool = False) -> Look:
        """Begin to look at a payload; ``fresh`` beside what every process has learnt until now."""
        place = Place(provider, feed, adapter.name)
        if fresh or place not in self._known:
            read = await self._database.read(partial(profiles.read, place=place))
            if place in self._unwritten:
                read.add(self._unwritten[place])
            self._known[place] = read
        observer = self._observers.get(adapter.name) or Observer(adapter, self._key)
        self._observers[adapter.name] = observer
        return Look(place, self._known[place], observer)

    async def end(self, look: Look, message: str, *, held: bool) -> None:
        """Tell what was noticed of a message; learn from it, unless it was held back."""
        found = look.found()
        if found:
            await self._tell(look.place, message, found, "quarantined" if held else "warned")
        if not held:
            self.learn(look)

    def learn(self, look: Look) -> None:
        """Take what was seen as what the feed sends."""
        if look.seen.units:
            self._known[look.place].add(look.seen)
            self._unwritten.setdefault(look.place, Profile()).add(look.seen)

    async def flush(self, database: Database) -> None:
        """Write what was learnt since the last time; it is kept where the database is down."""
        taken, self._unwritten = self._unwritten, {}
        if not taken:
            return
        now = self._clock()

        def write(connection: Connection) -> dict[Place, Profile]:
            return {place: profiles.learn(connection, place, seen, now) for place, seen in taken.items()}

        try:
            written = await database.write(write)
        except ScrError:
            for place, seen in taken.items():
                self._unwritten.setdefault(place, Profile()).add(seen)
            return
        for place, known in written.items():  # what other processes have learnt is known here too
            if place in self._unwritten:
                known.add(self._unwritten[place])
            self._known[place] = known

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


async def departs(look: Look, units: Iterator[Unit | BadUnit]) -> str:
    """Why a whole payload is to be held back; empty where it is as its feed's payloads are."""
    for number, unit in enumerate(units):
        look.see(unit)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a long file does not keep the others waiting
    found = look.found()
    if not found:
        return ""
    told = "; ".join(str(drift) for drift in found[:_TOLD])
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"It departs from what this feed sent before ({told}{more}): mend it at the source, or release it."
