"""The keys that sign our own tokens: a private JSON Web Key Set (RFC 7517), the first of which signs.

The file is read again when it has changed, so that every process takes up a new key within a second. The
key before it goes on being published and believed, for the tokens that it signed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from scr.api.auth.keys import Published, VerifyingKey, choose
from scr.errors import Invalid
from scr.store.keys import random_id

ALGORITHM: Final = "ES384"
_CURVE = "P-384"
_KEPT = 2
_LOOK_SECONDS = 1.0


class _PrivateSet(msgspec.Struct):
    keys: list[dict[str, str]]


@dataclass(slots=True)
class SigningKeys:
    """Our keys, as ``read`` gives the file. Raises Invalid where it is no set of them."""

    read: Callable[[], bytes] = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    verified: set[bytes] = field(default_factory=set)
    _bytes: bytes | None = field(default=None, repr=False)
    _keys: tuple[ECKey, ...] = field(default=(), repr=False)
    _looked: float = float("-inf")

    def __post_init__(self) -> None:
        """Read them, so that a mistake is told at the start."""
        self._look()

    def sign(self, claims: Mapping[str, object], kind: str = "at+jwt") -> str:
        """A token with these claims: an access token (RFC 9068), or of another ``typ``."""
        key = self._current()[0]
        header = {"alg": ALGORITHM, "typ": kind, "kid": key.kid}
        return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])

    def public(self) -> dict[str, object]:
        """The public keys, to be published."""
        keys = [
            {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM, "kid": key.kid}
            for key in self._current()
        ]
        return {"keys": keys}

    async def key(self, kid: str, algorithm: str) -> VerifyingKey:
        """The key of an id, as any issuer's. Raises Unauthenticated."""
        keys = self._current()
        if all(key.kid != kid for key in keys):
            keys = self._look()  # another process may have taken up a new one just now
        return choose((Published(str(key.kid), key, ALGORITHM) for key in keys), kid, algorithm)

    def _current(self) -> tuple[ECKey, ...]:
        return self._keys if self.clock() - self._looked < _LOOK_SECONDS else self._look()

    def _look(self) -> tuple[ECKey, ...]:
        try:
            content = self.read()
            if content != self._bytes:
                self._keys, self._bytes = _read(content), content
                self.verified.clear()
        except (Invalid, OSError):
            if not self._keys:
                raise  # else the file is away, or half written: what was in it still holds
        self._looked = self.clock()
        return self._keys


def create_signing_key(path: Path) -> None:
    """Put a new key before those of a file, which is made where it is not there; the oldest goes.

    Mode 0600, and switched whole. Raises Invalid where the file holds something else.
    """
    known = _read(path.read_bytes()) if path.exists() else ()
    new = ECKey.generate_key(_CURVE, {"kid": random_id()})
    keys = [key.as_dict(private=True) for key in (new, *known)][:_KEPT]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode({"keys": keys}) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(content: bytes) -> tuple[ECKey, ...]:
    try:
        found = msgspec.json.decode(content, type=_PrivateSet).keys
        keys = tuple(ECKey.import_key({**each}) for each in found)
    except (msgspec.DecodeError, JoseError, ValueError, TypeError, KeyError):
        raise _bad() from None
    if not keys or any(key.curve_name != _CURVE or not key.is_private or not key.kid for key in keys):
        raise _bad()
    return keys


def _bad() -> Invalid:
    return Invalid(
        "the signing keys are not a JSON Web Key Set of private P-384 keys with ids; "
        "`scr clients rotate-key` makes one",
        code="bad-key",
    )
