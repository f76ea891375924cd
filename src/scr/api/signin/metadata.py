"""What an upstream says of itself: OpenID Connect Discovery 1.0, chapter 3, and its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import msgspec

from scr.api.auth.keys import FRESH_SECONDS, KeptKeys, Published, get_document, key_set_at
from scr.errors import Unavailable
from scr.settings import Upstream

_RETRY_SECONDS = 5


class Metadata(msgspec.Struct, frozen=True):
    """Its addresses. ``names_itself``: its answers to a browser hold its ``iss`` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    names_itself: bool = msgspec.field(default=False, name="authorization_response_iss_parameter_supported")


_METADATA = msgspec.json.Decoder(Metadata)


@dataclass(slots=True)
class Directory:
    """Its addresses and keys, fetched and kept. ``clock`` gives seconds since 1970."""

    settings: Upstream
    client: httpx.AsyncClient
    clock: Callable[[], float]
    keys: KeptKeys = field(init=False)
    _known: Metadata | None = None
    _fetched: float = float("-inf")
    _tried: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Its keys are at the address that it names."""
        self.keys = KeptKeys(self._key_set, self.settings.grace_seconds, self.clock)

    async def metadata(self) -> Metadata:
        """Its addresses, ten minutes old at most unless it is down. Raises Unavailable ``upstream-down``."""
        async with self._lock:
            now = self.clock()
            if now - self._fetched > FRESH_SECONDS and now - self._tried > _RETRY_SECONDS:
                self._tried = now
                found = await self._ask()
                if found is not None:
                    self._known, self._fetched = found, now
            if self._known is None or now - self._fetched > FRESH_SECONDS + self.settings.grace_seconds:
                raise down(self.settings)
            return self._known

    async def _ask(self) -> Metadata | None:
        url = f"{self.settings.url.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = _METADATA.decode(await get_document(self.client, url) or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return found if self._believed(found) else None

    def _believed(self, found: Metadata) -> bool:
        """It names itself to the letter, and over https it sends nobody to an address in the clear."""
        begin = "https://" if self.settings.url.startswith("https://") else ("https://", "http://")
        addresses = [
            found.authorization_endpoint, found.token_endpoint, found.userinfo_endpoint, found.jwks_uri,
        ]  # fmt: skip
        if found.end_session_endpoint:
            addresses.append(found.end_session_endpoint)
        return found.issuer == self.settings.url and all(each.startswith(begin) for each in addresses)

    async def _key_set(self) -> tuple[Published, ...] | None:
        try:
            metadata = await self.metadata()
        except Unavailable:
            return None
        return await key_set_at(self.client, metadata.jwks_uri)


def down(settings: Upstream) -> Unavailable:
    """It cannot be reached, or what it says cannot be used."""
    return Unavailable(f"{settings.title} cannot be reached: try again in a minute", code="upstream-down")
