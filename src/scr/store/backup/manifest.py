"""What a backup is made of: files with their hashes, the state of the tables, and where the audit ended."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from scr.errors import Conflict, Invalid, NotFound, Unavailable
from scr.store.audit.chain import chains, last_of
from scr.store.audit.merkle import Frontier
from scr.store.audit.seals import latest
from scr.store.audit.signing import SealingKey, is_signed
from scr.store.migrations import revision_of

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
_BLOCK = 1 << 20
_FORMAT = 1


class Piece(msgspec.Struct, frozen=True):
    """A file: its size, and the SHA-256 of what is in it (hexadecimal)."""

    bytes: int
    sha256: str


class AuditEnd(msgspec.Struct, frozen=True):
    """Where the audit ended: by chain the place and hash of its last row; how many seals, and their root."""

    chains: dict[str, tuple[int, str]]
    seals: int
    root: str


class Manifest(msgspec.Struct, frozen=True):
    """A backup. ``kind``: sqlite, dump or base (a whole server of PostgreSQL). ``made`` is ms UTC.

    ``revision`` is that of the tables. ``keys`` name the encryption keys without which it opens nothing: no
    key is in it.
    """

    kind: str
    made: int
    version: str
    revision: str
    keys: tuple[str, ...]
    audit: AuditEnd
    files: dict[str, Piece]
    format: int = _FORMAT


def end_of_audit(connection: Connection) -> AuditEnd:
    """Where the audit ends, in a snapshot."""
    ends = (last_of(connection, chain) for chain in chains(connection))
    last = latest(connection)
    tree = Frontier() if last is None else Frontier(last.number, last.parts)
    return AuditEnd({one.chain: (one.seq, one.hash.hex()) for one in ends}, tree.size, tree.root.hex())


def state(connection: Connection) -> tuple[str, AuditEnd]:
    """The revision of the tables, and where the audit ends."""
    return revision_of(connection), end_of_audit(connection)


def piece(path: Path) -> Piece:
    """A file as it is."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Piece(size, digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest, key: SealingKey | None) -> None:
    """Write it, signed by the audit's key where there is one; all durable."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    _write(folder / MANIFEST, content)
    if key is not None:
        _write(folder / SIGNATURE, base64.b64encode(key.sign(content)) + b"\n")
    sync(folder)


def read_manifest(folder: Path, public: bytes | None) -> tuple[Manifest, bool]:
    """The manifest of a backup, and whether the audit's key signed it; every file is as it says.

    Raises NotFound where there is none, Invalid where it is of another version, Conflict where a file is
    gone or was changed, or the signature is not of it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFound("no backup is there: it would have a manifest", code="no-backup", where=str(folder))
    content = path.read_bytes()
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Invalid("the manifest cannot be read", code="bad-backup", where=str(path)) from None
    if manifest.format != _FORMAT:
        raise Invalid("the backup is of another version of this program", code="bad-backup", where=str(path))
    signed = _is_signed(folder / SIGNATURE, content, public)
    for name, expected in manifest.files.items():
        file = folder / name
        if not file.is_file() or file.is_symlink() or piece(file) != expected:
            raise Conflict("the file is not as the manifest says", code="backup-changed", where=str(file))
    return manifest, signed


def sync(folder: Path) -> None:
    """Let what a folder names be durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_signed(path: Path, content: bytes, public: bytes | None) -> bool:
    if public is None or not path.is_file():
        return False
    try:
        signature = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error:
        signature = b""
    if not is_signed(public, content, signature):
        raise Conflict(
            "the manifest is not what the audit's key signed", code="backup-changed", where=str(path)
        )
    return True


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"the backup cannot be written: {error.strerror}", code="no-backup", where=str(path)
        ) from None
