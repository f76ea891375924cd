"""Signed-in browsers: a session on the server, a cookie that only names it, and tokens for its forms.

A session keeps the access token that was given, in this process's memory and nowhere else, and the token is
checked again at each request: what ends it ends the session. Another process knows nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

IDLE_SECONDS = 1800
LIFETIME_SECONDS = 8 * 3600
MOST = 500


@dataclass(slots=True)
class Session:
    """One signed-in browser. ``csrf`` stands in each of its forms. Times are of the monotonic clock."""

    token: str
    csrf: str
    began: float
    used: float


class Sessions:
    """The sessions of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """None yet."""
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._secret = secrets.token_bytes(32)

    def start(self, token: str) -> str:
        """Begin a session; gives the cookie's value, new each time. The least used makes room."""
        self._sweep()
        while len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used)]
        cookie, now = secrets.token_urlsafe(32), self._clock()
        self._sessions[_key(cookie)] = Session(token, secrets.token_urlsafe(32), now, now)
        return cookie

    def find(self, cookie: str | None) -> Session | None:
        """The session that a cookie names, if it lasts: 30 minutes unused and 8 hours in all."""
        self._sweep()
        session = self._sessions.get(_key(cookie or ""))
        if session is not None:
            session.used = self._clock()
        return session

    def end(self, cookie: str | None) -> None:
        """End a session, if there is one."""
        self._sessions.pop(_key(cookie or ""), None)

    def sign_in_token(self, cookie: str) -> str:
        """What the sign-in form must hold for a browser with this cookie: nobody else can make it."""
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()

    def _sweep(self) -> None:
        now = self._clock()
        over = [
            key
            for key, session in self._sessions.items()
            if now - session.used > IDLE_SECONDS or now - session.began > LIFETIME_SECONDS
        ]
        for key in over:
            del self._sessions[key]


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, told in the same time whatever they are."""
    return hmac.compare_digest(one.encode(), other.encode())


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
