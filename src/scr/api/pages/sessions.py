"""Signed-in browsers: a session on the server, a cookie that only names it, and tokens for its forms.

Where people sign in through an upstream, these are its visits (``scr.api.signin``). Elsewhere a session keeps
the access token that was given, sealed in the store, so that any process can serve it; the token is checked
again at each request, and what ends it ends the session. Each sign-in makes a new name. Of the name the
store has a keyed hash only.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from scr.api.signin.sign_in import SignIn
from scr.errors import Fault
from scr.store import sessions
from scr.store.engine import Database
from scr.store.keys import KeyRing

IDLE_SECONDS = 1800
LIFETIME_SECONDS = 8 * 3600
_NOTED_MS = 60_000
"""How often the use of a session is written: its idle time is right to a minute."""
_LONGEST_COOKIE = 200


class Session(msgspec.Struct, frozen=True):
    """One signed-in browser. ``csrf`` stands in each of its forms; ``who`` is shown, where it is known."""

    token: str
    csrf: str
    who: str = ""

    def __repr__(self) -> str:
        """Without what it holds: the token is somebody's."""
        return "Session()"


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of the pages, or of one site of them. ``now`` gives milliseconds since 1970."""

    database: Database
    keys: KeyRing
    now: Callable[[], int]
    site: str = ""
    sign_in: SignIn | None = None

    def of(self, site: str) -> Sessions:
        """Those of one site alone: the cookie of another one names none of them."""
        return replace(self, site=site)

    async def start(self, token: str) -> str:
        """Begin a session; gives the cookie's value, new each time."""
        cookie, now = secrets.token_urlsafe(32), self.now()
        content = msgspec.json.encode(Session(token, secrets.token_urlsafe(32)))
        ends = now + LIFETIME_SECONDS * 1000
        await self.database.write(
            lambda connection: sessions.begin(connection, self.keys, self._name(cookie), content, now, ends)
        )
        return cookie

    async def find(self, cookie: str | None) -> Session | None:
        """The session that a cookie names, if it lasts: 30 minutes unused and 8 hours in all."""
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        name, now = self._name(cookie), self.now()
        since = now - IDLE_SECONDS * 1000
        try:
            kept = await self.database.read(
                lambda connection: sessions.find(connection, self.keys, name, now, since)
            )
        except Fault:  # its row was changed, or the keys are others: nobody's session
            return None
        if kept is None:
            return None
        if now - kept.used >= _NOTED_MS:
            await self.database.write(lambda connection: sessions.touch(connection, self.keys, name, now))
        return msgspec.json.decode(kept.content, type=Session)

    async def end(self, cookie: str | None) -> None:
        """End a session, if there is one: in every process, from now on."""
        if cookie and len(cookie) <= _LONGEST_COOKIE:
            name = self._name(cookie)
            await self.database.write(lambda connection: sessions.end(connection, self.keys, name))

    def sign_in_token(self, cookie: str) -> str:
        """What the sign-in form must hold for a browser with this cookie: nobody else can make it."""
        return self.keys.blind("sign-in form", self._name(cookie))

    def _name(self, cookie: str) -> str:
        return f"{self.site}\x1f{cookie}"


async def sweep_sessions(database: Database, now: int) -> int:
    """Delete the sessions that are over; how many."""
    since = now - IDLE_SECONDS * 1000
    return await database.write(lambda connection: sessions.sweep(connection, now, since))


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, told in the same time whatever they are."""
    return hmac.compare_digest(one.encode(), other.encode())
