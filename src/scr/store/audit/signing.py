"""The key that signs the heads of the audit's tree: Ed25519 (RFC 8032), one for a deployment.

Whoever has the database alone cannot make a head anew. The public key is given away: what is proved is
proved to whoever has it from the deployment by another way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from scr.errors import Conflict, Invalid

_SEED_BYTES = 32


def key_id(public: bytes) -> str:
    """How a public key is named: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The private key, and its public one (32 bytes)."""

    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_text(cls, secret: bytes) -> SealingKey:
        """From the secret in base64, as ``create_sealing_key`` writes it. Raises Invalid."""
        try:
            seed = base64.b64decode(secret.strip(), validate=True)
        except binascii.Error:
            seed = b""
        if len(seed) != _SEED_BYTES:
            raise Invalid(
                "the audit key is not 32 bytes in base64; `scr audit key` makes one", code="bad-key"
            )
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> bytes:
        """The public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        """How it is named."""
        return key_id(self.public)

    def sign(self, content: bytes) -> bytes:
        """The signature (64 bytes) over some bytes."""
        return self.private.sign(content)


def is_signed(public: bytes, content: bytes, signature: bytes) -> bool:
    """Whether a signature of the key stands under the content."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def create_sealing_key(path: Path) -> None:
    """Write a new random key, in base64, mode 0600. Raises Conflict where one is there already: heads that it
    signed could not be told from forged ones without it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict("a key is there already and is kept", code="key-exists", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(_SEED_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
