"""Access to the NHS England API platform: signed-JWT client credentials, one token at a time.

https://digital.nhs.uk/developer/guides-and-documentation/security-and-authorisation/application-restricted-restful-apis-signed-jwt-authentication

We sign an assertion with our private key (RS512), and are given an access token for some minutes. It
is kept until shortly before its end; of many that need a new one, one asks and the others wait.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from scr.errors import Invalid
from scr.sources.http import Fetched, SourceFailure, bad_status, fetch, origin, retry_after

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 240
"""The platform takes five minutes at most; the rest is for clocks that differ."""
_EARLY_SECONDS = 30.0
_MAX_BYTES = 64 * 1024
_DENIED = frozenset({400, 401, 403})


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float
    token_type: str


_TOKEN = msgspec.json.Decoder(_Token, strict=False)  # the platform gives the seconds as a text


@dataclass(frozen=True, slots=True)
class Application:
    """We, as the platform knows us. ``private_key`` gives the PEM, read anew for each assertion."""

    token_url: str
    client_id: str
    key_id: str
    private_key: Callable[[], bytes] = field(repr=False)

    def assertion(self, now: float) -> str:
        """A signed assertion that is good for some minutes and for one use. Raises Invalid."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "exp": int(now) + _ASSERTION_SECONDS,
        }
        try:
            key = RSAKey.import_key(self.private_key())
            return jwt.encode(
                {"alg": "RS512", "typ": "JWT", "kid": self.key_id}, claims, key, algorithms=["RS512"]
            )
        except (JoseError, ValueError):
            raise Invalid(
                "the private key for PDS (`pds_key`) is not an RSA key in PEM", code="bad-key"
            ) from None


class AccessTokens:
    """The token of one application. ``clock`` gives seconds since 1970."""

    def __init__(
        self, client: httpx.AsyncClient, application: Application, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._application = application
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

    def forget(self, token: str) -> None:
        """Use this token no more: it was not accepted. A newer one stays."""
        if token == self._token:
            self._token = ""

    async def _renew(self, deadline: float) -> None:
        self._token = ""
        request = self._client.build_request(
            "POST",
            self._application.token_url,
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._application.assertion(self._clock()),
            },
            headers={"Accept": "application/json"},
        )
        place = origin(request.url)
        asked = self._clock()
        fetched = await fetch(self._client, request, max_bytes=_MAX_BYTES, deadline=deadline)
        given = _read(fetched, place)
        self._token = given.access_token
        self._ends = asked + max(given.expires_in - _EARLY_SECONDS, given.expires_in / 2)


def _read(fetched: Fetched, place: str) -> _Token:
    if fetched.status in _DENIED:
        text = f"{place}: it gives us no token; check `pds_client_id`, `pds_key` and `pds_key_id`"
        raise SourceFailure(text, code="denied")
    if fetched.status != 200:
        raise bad_status(fetched.status, place, retry_after(fetched.headers))
    try:
        given = _TOKEN.decode(fetched.body)
    except msgspec.DecodeError:
        raise SourceFailure(f"{place}: what it gave is no token", code="unreadable") from None
    if given.token_type.casefold() != "bearer" or not given.access_token.isascii() or given.expires_in <= 0:
        raise SourceFailure(f"{place}: it gave a token that is not a bearer's", code="unreadable")
    return given
