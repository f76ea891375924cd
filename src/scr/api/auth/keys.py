"""The keys of one issuer, from its discovery document (OpenID Connect Discovery 1.0) and key set (RFC 7517).

They are kept. A key id that is not known makes one new look, a flood of unknown ones no flood of looks;
an issuer that is down does not stop those whose key is known, for a time of grace that its settings give.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import httpx
import msgspec
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from scr.errors import Unauthenticated, Unavailable
from scr.settings import Issuer
from scr.sources.http import SourceFailure, fetch

VerifyingKey: TypeAlias = RSAKey | ECKey | OKPKey

FRESH_SECONDS = 600
_RETRY_SECONDS = 5
_FETCH_SECONDS = 3
_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048

_FITS: dict[str, tuple[str, str]] = {
    **{f"{kind}{bits}": ("RSA", "") for kind in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""What key an algorithm takes: its type and its curve (RFC 7518, 3.1; RFC 8037; RFC 9864)."""


class KeySource(Protocol):
    """Where the keys of one issuer come from. ``verified`` holds digests of tokens that these keys signed."""

    verified: set[bytes]

    async def key(self, kid: str, algorithm: str) -> VerifyingKey:
        """The one key of this id, fit for the algorithm. Raises Unauthenticated, Unavailable."""


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: list[dict[str, object]] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Published:
    """A public key as it was published: for which algorithm, where that was said."""

    kid: str
    key: VerifyingKey
    algorithm: str

    def fits(self, algorithm: str) -> bool:
        """Whether a signature by this algorithm can be this key's."""
        if self.algorithm not in ("", algorithm) or algorithm not in _FITS:
            return False
        kind, curve = _FITS[algorithm]
        if self.key.key_type != kind:
            return False
        return isinstance(self.key, RSAKey) or self.key.curve_name == curve


def read_key_set(body: bytes) -> tuple[Published, ...]:
    """The keys of a set that may check signatures; others in it, and what is no key, are passed over.

    A key whose private part was published with it is nobody's any more and is passed over too. Raises
    ValueError where it is no set.
    """
    found = msgspec.json.decode(body, type=_KeySet).keys
    return tuple(key for each in found[:_MOST_KEYS] if (key := _published(each)) is not None)


def has_private(body: bytes) -> bool:
    """Whether a key of a set stands there with its private part, or is a shared secret. Raises ValueError."""
    found = msgspec.json.decode(body, type=_KeySet).keys
    return any(name in each for each in found for name in ("d", "k"))


def _published(each: dict[str, object]) -> Published | None:
    operations = each.get("key_ops", ["verify"])
    if "d" in each or each.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    kid, algorithm = each.get("kid"), each.get("alg", "")
    if not isinstance(kid, str) or not kid or not isinstance(algorithm, str):
        return None
    values = {name: value for name, value in each.items() if isinstance(value, str)}
    try:
        with warnings.catch_warnings():  # of a key that is too short, which is passed over below
            warnings.simplefilter("ignore", SecurityWarning)
            key = JWKRegistry.import_key({**values})
        if isinstance(key, RSAKey) and key.raw_value.key_size < _LEAST_RSA_BITS:
            return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return Published(kid, key, algorithm) if isinstance(key, RSAKey | ECKey | OKPKey) else None


def choose(keys: Iterable[Published], kid: str, algorithm: str) -> VerifyingKey:
    """The one key of this id that fits the algorithm. Raises Unauthenticated where there is not one."""
    named = [key for key in keys if key.kid == kid]
    if not named:
        raise Unauthenticated("the token's key is not one of its issuer's", code="unknown-key")
    fitting = [key for key in named if key.fits(algorithm)]
    if len(fitting) != 1:
        raise Unauthenticated("the token's key is not one for its algorithm", code="wrong-key")
    return fitting[0].key


Find: TypeAlias = Callable[[], Awaitable["tuple[Published, ...] | None"]]
"""Asks for a set of keys; None where it cannot be had."""


@dataclass(slots=True)
class KeptKeys:
    """Keys that are fetched, and kept. ``clock`` gives seconds since 1970."""

    find: Find
    grace_seconds: float
    clock: Callable[[], float] = time.time
    verified: set[bytes] = field(default_factory=set)
    _keys: tuple[Published, ...] = ()
    _fetched: float = float("-inf")
    _tried: float = float("-inf")
    _failed: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, kid: str, algorithm: str) -> VerifyingKey:
        """The key of this id. Raises Unauthenticated; Unavailable where it cannot be told now."""
        if not self._enough(kid):
            async with self._lock:
                now = self.clock()
                if not self._fresh(kid, now) and now - self._tried > _RETRY_SECONDS:
                    await self._look(now)
        if not self._in_grace() or (self._failed and not self._has(kid)):
            raise Unavailable("the token issuer's keys cannot be had: try again", code="issuer-down")
        return choose(self._keys, kid, algorithm)

    def _enough(self, kid: str) -> bool:
        """Nobody whose key is known waits for a look after another one, or for one that is under way."""
        if self._fresh(kid, self.clock()):
            return True
        return self._lock.locked() and self._has(kid) and self._in_grace()

    def _fresh(self, kid: str, now: float) -> bool:
        return now - self._fetched <= FRESH_SECONDS and self._has(kid)

    def _in_grace(self) -> bool:
        return self.clock() - self._fetched <= FRESH_SECONDS + self.grace_seconds

    def _has(self, kid: str) -> bool:
        return any(key.kid == kid for key in self._keys)

    async def _look(self, now: float) -> None:
        self._tried = now
        found = await self.find()
        self._failed = found is None
        if found is not None:
            self._keys, self._fetched = found, now
            self.verified.clear()


def issuer_keys(issuer: Issuer, client: httpx.AsyncClient, clock: Callable[[], float]) -> KeptKeys:
    """The keys of an issuer, which its discovery document names."""

    async def find() -> tuple[Published, ...] | None:
        told = await get_document(client, f"{issuer.url.rstrip('/')}/.well-known/openid-configuration")
        try:
            document = msgspec.json.decode(told or b"", type=_Discovery)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        # Keys that came in the clear could be anybody's.
        in_the_clear = issuer.url.startswith("https://") and not document.jwks_uri.startswith("https://")
        if document.issuer != issuer.url or in_the_clear:
            return None
        return await key_set_at(client, document.jwks_uri)

    return KeptKeys(find, issuer.grace_seconds, clock)


async def key_set_at(client: httpx.AsyncClient, url: str) -> tuple[Published, ...] | None:
    """The key set at an address; None where it cannot be had, or is none."""
    body = await get_document(client, url)
    try:
        return None if body is None else read_key_set(body)
    except (ValueError, RecursionError):
        return None


async def get_document(client: httpx.AsyncClient, url: str) -> bytes | None:
    """What stands at an address of an issuer; None where it cannot be had."""
    deadline = asyncio.get_running_loop().time() + _FETCH_SECONDS
    try:
        request = client.build_request("GET", url)
        fetched = await fetch(client, request, max_bytes=_MOST_BYTES, deadline=deadline)
    except (SourceFailure, httpx.InvalidURL):
        return None
    return fetched.body if fetched.status == 200 else None
