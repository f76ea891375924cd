"""How many looks somebody may make in a minute: by user, and by the client through which users come.

A process counts its own in its memory: to count each in the store would cost more than most of them. After
every sixteenth part of a limit it tells the store how many it let through, and hears how many all processes
have: so all of them let through the limit, and at most one such part more for each. What must hold to the one
(claims, searches by demographics, wrong codes, refused sign-ins) is counted in the store each time
(``scr.api.limits``).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from scr.api.look import Asker, Clock
from scr.consent.actor import Actor
from scr.errors import TooMany
from scr.settings import Settings
from scr.store import limits
from scr.store.engine import Database
from scr.store.keys import KeyRing

_MINUTE = 60_000
_PARTS = 16
_MOST_REMEMBERED = 50_000

Told = Callable[[str, int, int], Awaitable[int]]
"""Tells of whom so long (ms) was let through until now (ms UTC); gives when all of it is forgotten."""


@dataclass(slots=True)
class _Count:
    """Of one user or client: when all looks are forgotten, as far as is known here (ms UTC); how many were
    let through here that the store was not told of, and since when."""

    until: float = 0.0
    own: int = 0
    since: int = 0


@dataclass(slots=True)
class Pace:
    """So many a minute, at once or spread out; 0: no limit. ``clock`` gives ms UTC. Without ``told`` this
    process counts alone."""

    a_minute: int
    clock: Clock
    told: Told | None = None
    _counts: dict[str, _Count] = field(default_factory=dict)

    async def take(self, who: str) -> None:
        """Count one. Raises TooMany, which says after how many seconds the next is let through."""
        if not self.a_minute or not who:
            return
        now, each = self.clock(), _MINUTE / self.a_minute
        count = self._counts.get(who) or self._new(who, now)
        until = max(count.until, now) + each
        _check(until, now)
        count.until = until
        if self.told is None:
            return
        if now - count.since > _MINUTE:
            count.own, count.since = 0, now
        count.own += 1
        if count.own >= max(1, self.a_minute // _PARTS):
            let_through, count.own, count.since = count.own, 0, now
            count.until = max(count.until, await self.told(who, int(let_through * each), now))
            _check(count.until, now)

    def _new(self, who: str, now: int) -> _Count:
        if len(self._counts) >= _MOST_REMEMBERED:
            self._counts = {one: count for one, count in self._counts.items() if count.until > now}
        made = self._counts[who] = _Count(since=now)
        return made


def _check(until: float, now: int) -> None:
    if until > now + _MINUTE + 1:  # what the store counts in is whole milliseconds
        wait = math.ceil((until - now - _MINUTE) / 1000)
        raise TooMany("too many looks in a minute: wait", code="too-many-looks", retry_after=wait)


def told_to(database: Database, keys: KeyRing, name: str) -> Told:
    """Counts to the limit of a name in the store."""

    async def tell(who: str, ms: int, now: int) -> int:
        return await database.write(lambda connection: limits.add(connection, keys, name, who, ms, now))

    return tell


def paced(
    settings: Settings, asker: Asker | None, database: Database, keys: KeyRing, clock: Clock
) -> Asker | None:
    """``asker``, behind the limits of the settings; itself, where they name none."""
    if not settings.looks_per_user and not settings.looks_per_client:
        return asker
    users = Pace(settings.looks_per_user, clock, told_to(database, keys, "looks-user"))
    clients = Pace(settings.looks_per_client, clock, told_to(database, keys, "looks-client"))

    async def ask(actor: Actor, request: Request) -> Actor:
        await users.take(actor.subject)
        await clients.take(actor.client)
        return actor if asker is None else await asker(actor, request)

    return ask
