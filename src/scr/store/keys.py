"""Keys: who can open what, and how a person is found without their number being stored.

Two secrets live outside the database. From the encryption key comes the wrapping of every data key;
from the index key come the blind index and the key of opaque ids. There may be several encryption keys:
the first wraps, the others only open what they wrapped before (``rewrap``). Each person and each message has
a random data key (AES-256-GCM, NIST SP 800-38D) that seals what is theirs; without its wrapped form
nothing of theirs can be opened again. Every sealed value is bound to its place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from scr.errors import Conflict, Fault, Invalid, Unavailable
from scr.fhir.identifiers import written_id

KEY_FILES = ("encryption.key", "index.key")
_NONCE = 12
_TAG = 16
_KEY = 32
_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one person or message, opened. It never prints itself.

    While it is changed for another (``scr.store.turning``), ``also`` opens what the first does not: what was
    sealed before, or by whoever has the next one already. ``kept`` is the key of digests, of one that was
    changed: digests are compared with those of before, and tell only that two things are the same.
    """

    raw: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False, compare=False)
    kept: bytes = field(default=b"", repr=False)
    other: bytes = field(default=b"", repr=False)
    also: AESGCM | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, material: bytes) -> DataKey:
        """The key with these 32 bytes; 32 more are its key of digests, and 32 more the other key."""
        raw, kept, other = material[:_KEY], material[_KEY : 2 * _KEY], material[2 * _KEY :]
        return cls(raw, AESGCM(raw), kept, other, AESGCM(other) if other else None)

    @classmethod
    def new(cls) -> DataKey:
        """A new random key."""
        return cls.of(secrets.token_bytes(_KEY))

    @property
    def material(self) -> bytes:
        """All of it, as ``of`` takes it."""
        return self.raw + self.kept + self.other

    def beside(self, other: bytes) -> DataKey:
        """This key, with another that opens only."""
        return DataKey.of(self.raw + self.digest_key() + other)

    def turned(self) -> DataKey:
        """The other one, which seals from now on; this one opens only."""
        return DataKey.of(self.other + self.digest_key() + self.raw)

    def alone(self) -> DataKey:
        """This key without the other one."""
        return DataKey.of(self.raw + self.digest_key())

    def digest_key(self) -> bytes:
        """The key of this person's digests: with the person's key they tell nothing any more."""
        return self.kept or hashlib.blake2b(b"scr digest", key=self.raw, digest_size=_KEY).digest()


def seal(key: DataKey, plain: bytes, place: bytes) -> bytes:
    """Encrypt, bound to ``place``: the random 96-bit nonce, the ciphertext, the 128-bit tag."""
    nonce = os.urandom(_NONCE)
    return nonce + key.cipher.encrypt(nonce, plain, place)


def seal_long(key: DataKey, plain: bytes, place: bytes) -> bytearray:
    """As ``seal``, without a copy on the way: a payload may be a great part of the memory that there is."""
    sealed = bytearray(_NONCE + len(plain) + _TAG)
    sealed[:_NONCE] = nonce = os.urandom(_NONCE)
    key.cipher.encrypt_into(nonce, plain, place, memoryview(sealed)[_NONCE:])
    return sealed


def unseal(key: DataKey, sealed: bytes, place: bytes) -> bytes:
    """Decrypt. Raises Fault ``unreadable`` where key, bytes or place are not the ones it was sealed with."""
    try:
        return key.cipher.decrypt(sealed[:_NONCE], memoryview(sealed)[_NONCE:], place)
    except (InvalidTag, ValueError):
        if key.also is None:
            raise unreadable(place) from None
    return unseal(DataKey.of(key.other), sealed, place)


def sealed_anew(key: DataKey, sealed: bytes, place: bytes) -> bytes | None:
    """A value that the key's other one sealed, sealed by the key itself; None where it is so already.

    Raises Fault ``unreadable``.
    """
    with suppress(InvalidTag, ValueError):
        key.cipher.decrypt(sealed[:_NONCE], memoryview(sealed)[_NONCE:], place)
        return None
    return seal(key, unseal(key, sealed, place), place)


def unreadable(place: bytes) -> Fault:
    """The error for a stored value that cannot be opened; ``place`` holds opaque ids only."""
    return Fault(
        "a stored value cannot be opened: it was changed, moved, or its key was destroyed or replaced",
        code="unreadable",
        where=place.decode("ascii", "replace"),
    )


def random_id() -> str:
    """A random id of 128 bits: 26 characters, base 32 in small letters."""
    return written_id(int.from_bytes(secrets.token_bytes(16)) << 2)


class KeyRing:
    """What the two secrets give. One for a process; threads may share it."""

    def __init__(
        self,
        encryption_key: bytes,
        index_key: bytes,
        *,
        former: Sequence[bytes] = (),
        again: Callable[[], bytes] | None = None,
    ) -> None:
        """Take the secrets, 32 bytes each; ``former`` encryption keys open what they wrapped. ``again`` reads
        the encryption keys anew, as text: another process may have been given a new one.

        Raises Invalid where one is short, or the same as another.
        """
        every = (encryption_key, *former)
        if min(len(one) for one in (*every, index_key)) < 32 or len({*every, index_key}) <= len(every):
            raise Invalid("two different keys of 32 bytes are needed; `scr init` makes them", code="bad-key")
        self._wrapping = tuple(map(_wrapping_of, every))
        self._again = again
        self._blinding = HKDF(SHA256(), 32, salt=None, info=b"scr blind index 1").derive(index_key)
        self.id_key = HKDF(SHA256(), 32, salt=None, info=b"scr opaque id 1").derive(index_key)
        self._opened = lru_cache(maxsize=_CACHED)(self._unwrap)

    @classmethod
    def from_text(
        cls, encryption_key: bytes, index_key: bytes, again: Callable[[], bytes] | None = None
    ) -> KeyRing:
        """From the secrets in base64, as ``create_keys`` writes them and the settings read them: of the
        encryption keys one a line, the one that wraps first."""
        first, *former = _decoded_lines(encryption_key)
        return cls(first, _decoded(index_key, "index"), former=former, again=again)

    def blind(self, kind: str, value: str) -> str:
        """The keyed hash (hexadecimal) that a value is found by: the same for the same kind and value."""
        return self.fingerprint(kind, value.encode()).hex()

    def fingerprint(self, kind: str, value: bytes) -> bytes:
        """As ``blind``, of bytes: 32 bytes."""
        mac = hashlib.blake2b(kind.encode() + b"\x1f", key=self._blinding, digest_size=32)
        mac.update(value)
        return mac.digest()

    def wrap(self, key: DataKey, place: bytes) -> bytes:
        """A data key, wrapped for ``place``."""
        return seal(_wrapper(self._wrapping[0], place), key.material, place)

    def unwrap(self, wrapped: bytes, place: bytes) -> DataKey:
        """The data key again. Raises Fault ``unreadable`` where it was not wrapped here, for this place."""
        return self._opened(wrapped, place)

    def forget(self) -> None:
        """Drop every opened key from memory: after one was destroyed."""
        self._opened.cache_clear()

    @property
    def wrapping(self) -> tuple[str, ...]:
        """What names each encryption key, the one that wraps first: it tells nothing of the key."""
        return tuple(hashlib.sha256(b"scr key id" + one).hexdigest()[:8] for one in self._wrapping)

    def wrapped_by(self, wrapped: bytes, place: bytes) -> int:
        """Which encryption key wrapped it: 0 for the one that wraps now. Raises Fault ``unreadable``."""
        for number, wrapping in enumerate(self._wrapping):
            if _tried(wrapping, wrapped, place) is not None:
                return number
        raise unreadable(place)

    def _unwrap(self, wrapped: bytes, place: bytes) -> DataKey:
        for _ in range(2):
            for wrapping in self._wrapping:
                raw = _tried(wrapping, wrapped, place)
                if raw is not None:
                    return DataKey.of(raw)
            if not self.refresh():
                break
        raise unreadable(place)

    def refresh(self) -> bool:
        """Take up the encryption keys that there are by now; whether they are others."""
        if self._again is None:
            return False
        try:
            found = tuple(map(_wrapping_of, _decoded_lines(self._again())))
        except (Invalid, Unavailable, OSError):  # it is away, or half written: what was in it still holds
            return False
        changed, self._wrapping = found != self._wrapping, found
        return changed


def _wrapping_of(encryption_key: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"scr wrapping 1").derive(encryption_key)


def _wrapper(wrapping: bytes, place: bytes) -> DataKey:
    """A wrapping key for each place: random nonces of one key would run out in a year of messages."""
    info = b"scr wrap\x1f" + place
    return DataKey.of(hmac.digest(wrapping, info + b"\x01", "sha256"))  # HKDF-Expand, of one block (RFC 5869)


def _tried(wrapping: bytes, wrapped: bytes, place: bytes) -> bytes | None:
    try:
        return unseal(_wrapper(wrapping, place), wrapped, place)
    except Fault:
        return None


def _decoded_lines(text: bytes) -> list[bytes]:
    """The encryption keys, one a line. Raises Invalid."""
    return [_decoded(line, "encryption") for line in text.split()] or [b""]


def _decoded(text: bytes, name: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        raise Invalid(f"the {name} key is not base64", code="bad-key") from None


def create_keys(folder: Path) -> tuple[Path, Path]:
    """Write new random keys, ``encryption.key`` and ``index.key``, in base64, mode 0600.

    Raises Conflict where one is there already: overwriting it would make every record unreadable.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = (folder / KEY_FILES[0], folder / KEY_FILES[1])
    for path in paths:
        if path.exists():
            raise Conflict("a key is there already and is kept", code="key-exists", where=str(path))
    for path in paths:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return paths
