"""Access tokens that another system gives us, one at a time: OAuth 2.0 client credentials, RFC 6749, 4.4.

We sign an assertion with our private key, and are given an access token for some minutes. It is kept until
shortly before its end; of many that need a new one, one asks and the others wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import httpx
import msgspec

from scr.sources.http import Fetched, SourceFailure, bad_status, fetch, origin, retry_after

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EARLY_SECONDS = 30.0
_MAX_BYTES = 64 * 1024
_DENIED = frozenset({400, 401, 403})


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float
    token_type: str


_TOKEN = msgspec.json.Decoder(_Token, strict=False)  # NHS England's platform gives the seconds as a text


class Asker(Protocol):
    """We, as the other system knows us. ``remedy`` is what to look at where it does not know us."""

    @property
    def remedy(self) -> str:
        """What to check where no token is given."""
        ...

    async def request(self, client: httpx.AsyncClient, now: float, deadline: float) -> httpx.Request:
        """The call for a token, good for one use. Raises SourceFailure, Invalid."""
        ...


class AccessTokens:
    """The token of one asker. ``clock`` gives seconds since 1970."""

    def __init__(self, client: httpx.AsyncClient, asker: Asker, clock: Callable[[], float]) -> None:
        self._client = client
        self._asker = asker
        self._clock = clock
        self._token = ""
        self._ends = 0.0
        self._lock = asyncio.Lock()

    async def token(self, deadline: float) -> str:
        """A token that is good now. Raises SourceFailure (``denied``: we are not let in), Invalid."""
        async with self._lock:
            if not self._token or self._clock() >= self._ends:
                await self._renew(deadline)
            return self._token

    def forget(self, token: str | None = None) -> None:
        """Use this token no more, or whichever there is: it was not accepted. A newer one stays."""
        if token in (None, self._token):
            self._token = ""

    async def _renew(self, deadline: float) -> None:
        self._token = ""
        asked = self._clock()
        request = await self._asker.request(self._client, asked, deadline)
        place = origin(request.url)
        fetched = await fetch(self._client, request, max_bytes=_MAX_BYTES, deadline=deadline)
        given = _read(fetched, place, self._asker.remedy)
        self._token = given.access_token
        self._ends = asked + max(given.expires_in - _EARLY_SECONDS, given.expires_in / 2)


def form(assertion: str, **more: str) -> dict[str, str]:
    """The form of a call for a token, with a signed assertion of who asks (RFC 7523)."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        **more,
    }


def _read(fetched: Fetched, place: str, remedy: str) -> _Token:
    if fetched.status in _DENIED:
        raise SourceFailure(f"{place}: it gives us no token; {remedy}", code="denied")
    if fetched.status != 200:
        raise bad_status(fetched.status, place, retry_after(fetched.headers))
    try:
        given = _TOKEN.decode(fetched.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SourceFailure(f"{place}: what it gave is no token", code="unreadable") from None
    if given.token_type.casefold() != "bearer" or not given.access_token.isascii() or given.expires_in <= 0:
        raise SourceFailure(f"{place}: it gave a token that is not a bearer's", code="unreadable")
    return given
