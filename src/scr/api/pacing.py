"""How many looks somebody may make in a minute: by user, and by the client through which users come.

Each process counts its own, in its memory: to count them in the store would cost more than most of them. A
deployment of several processes lets through so many at each. What must hold for all of them together (claims,
searches by demographics, wrong codes, refused sign-ins) is counted in the store (``scr.api.limits``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from scr.api.look import Asker
from scr.consent.actor import Actor
from scr.errors import TooMany
from scr.settings import Settings

_MINUTE = 60.0
_MOST_REMEMBERED = 50_000


@dataclass(slots=True)
class Pace:
    """So many a minute, at once or spread out; 0: no limit. ``clock`` gives seconds that never go back."""

    a_minute: int
    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)

    def take(self, who: str) -> None:
        """Count one. Raises TooMany, which says after how many seconds the next is let through."""
        if not self.a_minute or not who:
            return
        now = self.clock()
        until = max(self._until.get(who, now), now) + _MINUTE / self.a_minute
        if until > now + _MINUTE:
            wait = math.ceil(until - now - _MINUTE)
            raise TooMany("too many looks in a minute: wait", code="too-many-looks", retry_after=wait)
        if len(self._until) >= _MOST_REMEMBERED:
            self._until = {one: ends for one, ends in self._until.items() if ends > now}
        self._until[who] = until


def paced(
    settings: Settings, asker: Asker | None, clock: Callable[[], float] = time.monotonic
) -> Asker | None:
    """``asker``, behind the limits of the settings; itself, where they name none."""
    if not settings.looks_per_user and not settings.looks_per_client:
        return asker
    users, clients = Pace(settings.looks_per_user, clock), Pace(settings.looks_per_client, clock)

    async def ask(actor: Actor, request: Request) -> Actor:
        users.take(actor.subject)
        clients.take(actor.client)
        return actor if asker is None else await asker(actor, request)

    return ask
