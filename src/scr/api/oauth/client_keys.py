"""The public keys of registered clients: those that were registered, or those at an address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from scr.api.auth.keys import KeptKeys, VerifyingKey, choose, key_set_at, read_key_set
from scr.api.auth.token import Header, check_header
from scr.errors import Unauthenticated
from scr.store.clients import Client

ALGORITHMS = ("RS384", "ES384", "RS512")
"""By which clients sign."""
_GRACE_SECONDS = 3600
_KEY_SOURCES = 1000


@dataclass(slots=True)
class ClientKeys:
    """Finds them. ``clock`` gives seconds since 1970."""

    client: httpx.AsyncClient
    clock: Callable[[], float]
    _fetched: dict[str, KeptKeys] = field(default_factory=dict)

    async def key(self, client: Client, header: Header) -> VerifyingKey:
        """The key that a client's token names. Raises Unauthenticated; Unavailable."""
        if not client.key_set_url:
            return choose(read_key_set(client.key_set.encode()), header.kid, header.alg)
        kept = self._fetched.get(client.key_set_url)
        if kept is None:
            if len(self._fetched) >= _KEY_SOURCES:
                self._fetched.clear()
            url = client.key_set_url
            kept = KeptKeys(lambda: key_set_at(self.client, url), _GRACE_SECONDS, self.clock)
            self._fetched[url] = kept
        return await kept.key(header.kid, header.alg)


def check_client_header(header: Header, kinds: frozenset[str]) -> None:
    """Raises Unauthenticated where a client's token is not of one of the ``kinds`` that are meant."""
    if header.alg not in ALGORITHMS:
        allowed = ", ".join(ALGORITHMS)
        raise Unauthenticated(f"an assertion is signed by one of {allowed}", code="bad-algorithm")
    check_header(header)
    if header.kind not in kinds:
        raise Unauthenticated("this is a token of another kind than an assertion", code="wrong-kind")
    if not header.kid:
        raise Unauthenticated("the assertion does not name its key", code="no-key-id")
