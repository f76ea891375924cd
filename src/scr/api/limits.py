"""How often something may be tried here, and the refusal of whoever tries it more often.

Counted in the store, so that several processes count as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from scr.api.look import Clock
from scr.errors import TooMany
from scr.store import limits
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.limits import Limit

WRONG_NUMBERS = Limit("wrong-numbers", 20, 180_000)
"""Of each user who claims to have to do with somebody: twenty an hour. Whom a number belongs to is not to
be found out by trying one after the other."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a deployment. ``now`` gives milliseconds UTC."""

    database: Database
    keys: KeyRing
    now: Clock

    async def take(self, limit: Limit, who: str, message: str, code: str) -> None:
        """Count a try. Raises TooMany, without counting it, where there were as many as may be."""
        now = self.now()
        wait = await self.database.write(lambda conn: limits.take(conn, self.keys, limit, who, now))
        self._check(wait, message, code)

    async def check(self, limit: Limit, who: str, message: str, code: str) -> None:
        """Raises TooMany where there were as many tries as may be; counts none."""
        now = self.now()
        wait = await self.database.read(lambda conn: limits.wait(conn, self.keys, limit, who, now))
        self._check(wait, message, code)

    async def count(self, limit: Limit, who: str) -> None:
        """Count a try that was ``check``ed, and turned out to be one that counts."""
        now = self.now()
        await self.database.write(lambda conn: limits.count(conn, self.keys, limit, who, now))

    async def give_back(self, limit: Limit, who: str) -> None:
        """Let a try that was taken not have been one."""
        await self.database.write(lambda conn: limits.give_back(conn, self.keys, limit, who))

    @staticmethod
    def _check(wait: int, message: str, code: str) -> None:
        if wait:
            raise TooMany(message, code=code, retry_after=-(-wait // 1000))
