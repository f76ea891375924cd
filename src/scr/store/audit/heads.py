"""The signed heads of the audit's tree, outside the database: a file to which a line is added for each seal.

It belongs on storage that whoever runs the database cannot write back: then a database that was put back to
an earlier day, or made anew, is seen. A line is JSON: the head as it was signed, and the signature (base64).
Whoever restores a backup says so by a signed head of its own, which gives up those that came after it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import orjson

from scr.errors import Invalid, Unavailable
from scr.store.audit.seals import TREE, Seal
from scr.store.audit.signing import SealingKey, is_signed

_TAIL = 8192


class TreeHead(msgspec.Struct, frozen=True):
    """A head: the tree of ``size`` seals had this ``root`` (hexadecimal) ``at`` (ms UTC).

    ``given_up``: a backup was restored that ends here; heads before it, up to that size, count no more.
    """

    tree: str
    size: int
    at: int
    root: str
    key: str
    given_up: int = 0


class _Line(msgspec.Struct):
    head: str
    signature: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head as it was read: its bytes, its signature, and what it says."""

    head: TreeHead
    content: bytes
    signature: bytes


def read_head(content: bytes) -> TreeHead:
    """What a signed head says. Raises Invalid."""
    try:
        return msgspec.json.decode(content, type=TreeHead)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Invalid("a head of the audit's tree cannot be read", code="bad-head") from None


def write_heads(path: Path, made: Iterable[Seal]) -> None:
    """Add a line for each seal, durable. Raises Unavailable."""
    _write(path, ((one.head, one.signature) for one in made))


def give_up(path: Path, key: SealingKey, size: int, root: bytes, now: int) -> int:
    """Say that a backup was restored whose tree of ``size`` seals has this root: the heads of later seals
    count no more; how many there were. Raises Unavailable."""
    later = [one.head.size for one in standing(heads(path), key.public)[0] if one.head.size > size]
    if later:
        head = TreeHead(TREE, size, now, root.hex(), key.id, max(later))
        content = orjson.dumps(msgspec.to_builtins(head), option=orjson.OPT_SORT_KEYS)
        _write(path, [(content, key.sign(content))])
    return len(later)


def standing(written: Iterable[SignedHead], public: bytes) -> tuple[list[SignedHead], int]:
    """The heads that count, and how many were given up when backups were restored."""
    kept: list[SignedHead] = []
    gone = 0
    for one in written:
        if one.head.given_up and is_signed(public, one.content, one.signature):
            left = [each for each in kept if each.head.size <= one.head.size]
            gone += len(kept) - len(left)
            kept = left
        kept.append(one)
    return kept, gone


def _write(path: Path, made: Iterable[tuple[bytes, bytes]]) -> None:
    lines = b"".join(
        msgspec.json.encode(_Line(content.decode(), base64.b64encode(signature).decode())) + b"\n"
        for content, signature in made
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "rb+") as file:
            if _tail(file, 1) not in (b"", b"\n"):  # half a line, of a process that died while it wrote
                lines = b"\n" + lines
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"the heads of the audit cannot be written: {error.strerror}", code="no-heads", where=str(path)
        ) from None


def heads(path: Path) -> Iterator[SignedHead]:
    """The heads that were written, in their order. What is no whole line of one is passed over: the head
    that it should have been is then missing, unless it was written again."""
    if path.is_file():
        with path.open("rb") as file:
            for line in file:
                found = _read(line)
                if found is not None:
                    yield found


def last_size(path: Path) -> int:
    """How many seals the last head that was written is over; 0 where there is none."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        found = [_read(line) for line in _tail(file, _TAIL).splitlines()]
    size = 0
    for one in found:
        if one is not None:
            size = one.head.size if one.head.given_up else max(size, one.head.size)
    return size


def _read(line: bytes) -> SignedHead | None:
    try:
        read = msgspec.json.decode(line, type=_Line)
        content = read.head.encode()
        return SignedHead(read_head(content), content, base64.b64decode(read.signature, validate=True))
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, Invalid):
        return None


def _tail(file: BinaryIO, most: int) -> bytes:
    """The last bytes of a file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - most, 0))
    return file.read()
