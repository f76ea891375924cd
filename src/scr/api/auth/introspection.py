"""Opaque tokens: what their issuer says of them. OAuth 2.0 Token Introspection, RFC 7662.

The issuer is asked as the client that the deployment is to it. What it says counts for a few seconds; an
issuer that does not say leaves the token refused.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import httpx
import msgspec

from scr.api.auth.token import Claims
from scr.errors import Unauthenticated, Unavailable
from scr.settings import Introspection, Issuer
from scr.sources.http import SourceFailure, fetch

_SECONDS = 3
_MOST_BYTES = 64 * 1024
_REMEMBERED = 10_000
_BEARER = "bearer"


class _Answer(msgspec.Struct):
    active: bool
    token_type: str = _BEARER
    iss: str | None = None


@dataclass(slots=True)
class Introspector:
    """Asks one issuer. ``secret`` gives our client secret, read anew each time."""

    issuer: Issuer
    settings: Introspection
    client: httpx.AsyncClient
    secret: Callable[[str], bytes]
    clock: Callable[[], float]
    _known: dict[bytes, tuple[float, Claims | None]] = field(default_factory=dict)

    async def claims(self, token: str) -> Claims:
        """What an active token says. Raises Unauthenticated ``inactive``, Unavailable ``issuer-down``."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is None or known[0] <= self.clock():
            asked = self.clock()
            known = (asked + self.settings.cache_seconds, await self._ask(token))
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[digest] = known
        if known[1] is None:
            raise Unauthenticated("the token is not one that its issuer says is active", code="inactive")
        return known[1]

    async def _ask(self, token: str) -> Claims | None:
        request = self.client.build_request(
            "POST",
            self.settings.url,
            data={"token": token, "token_type_hint": "access_token"},
            headers={"Accept": "application/json", "Authorization": self._credentials()},
        )
        deadline = asyncio.get_running_loop().time() + _SECONDS
        try:
            fetched = await fetch(self.client, request, max_bytes=_MOST_BYTES, deadline=deadline)
            if fetched.status != 200:
                raise ValueError("no answer of that kind")
            answer = msgspec.json.decode(fetched.body, type=_Answer)
            return self._believed(answer, fetched.body)
        except (SourceFailure, msgspec.DecodeError, ValueError, RecursionError):
            raise Unavailable(
                "the token's issuer does not say whether it is active: try again", code="issuer-down"
            ) from None

    def _believed(self, answer: _Answer, body: bytes) -> Claims | None:
        """Closed: what is active and says neither for whom it is nor how long is not taken."""
        if not answer.active or answer.token_type.lower() != _BEARER:
            return None
        if answer.iss not in (None, self.issuer.url):
            return None
        told = json.loads(body)
        try:
            return msgspec.convert({**told, "iss": self.issuer.url}, type=Claims)
        except msgspec.ValidationError:
            return None

    def _credentials(self) -> str:
        """RFC 6749, 2.3.1: each part is encoded as in a form, before the two are joined."""
        secret = self.secret(self.settings.secret).decode("utf-8")
        pair = f"{quote_plus(self.settings.client_id)}:{quote_plus(secret)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
