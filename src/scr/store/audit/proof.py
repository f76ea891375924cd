"""What proves to somebody outside that rows of the audit are what was written, and where they stand.

A proof is JSON that ``conformance/verify_audit_proof.py`` checks with nothing but Python: each row as it was
hashed, the hash before it, its way up the tree of its seal, the seal, its way up the tree of seals, and the
signed head. With an older head of the asker's own it also proves that the tree then is the beginning of the
tree now (RFC 9162, 2.1.3 and 2.1.4).
"""

from __future__ import annotations

import base64
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from scr.errors import Invalid
from scr.store.audit.chain import GENESIS, Linked, rows_of
from scr.store.audit.merkle import consistency, inclusion
from scr.store.audit.seals import Seal, header, leaves_of, seals
from scr.store.driver import run, some

FORMAT = "scr-audit-proof/1"
_PLACES = some("SELECT chain, seq FROM audit WHERE id IN ({marks})")
_AT_ONCE = 500


class ProvedRow(msgspec.Struct, frozen=True):
    """A row and its way up. ``seal`` is empty where no seal is over it yet: then nothing is proved of it."""

    row: str
    before: str
    seal: str = ""
    index: int = 0
    size: int = 0
    path: tuple[str, ...] = ()
    seal_index: int = 0
    seal_path: tuple[str, ...] = ()


class Earlier(msgspec.Struct, frozen=True):
    """An older head, and the proof that the tree grew from it."""

    size: int
    root: str
    path: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True, omit_defaults=True):
    """A proof about rows; ``public_key`` and ``signature`` in base64, hashes in hexadecimal."""

    format: str
    head: str
    signature: str
    public_key: str
    rows: tuple[ProvedRow, ...]
    earlier: Earlier | None = None

    def write(self) -> bytes:
        """As it is given away."""
        return msgspec.json.encode(self)


def prove(
    connection: Connection, ids: Sequence[str], public: bytes, earlier_size: int | None = None
) -> Proof:
    """The proof about rows by their ids, in one snapshot.

    Raises Invalid ``nothing-sealed`` where there is no seal yet, ``no-such-head`` for an older head that
    never was.
    """
    every = list(seals(connection))
    if not every:
        raise Invalid("nothing of the audit is sealed yet: ask again in a minute", code="nothing-sealed")
    leaves = [one.leaf for one in every]
    earlier = None if earlier_size is None else _earlier(every, leaves, earlier_size)
    rows: list[ProvedRow] = []
    by_seal: dict[int, tuple[Seal, list[tuple[str, int]]]] = {}
    for chain, seq in sorted(_places(connection, ids)):
        at = _seal_of(every, chain, seq)
        if at is None:
            row, before = _row(connection, chain, seq)
            rows.append(ProvedRow(row.canonical.decode(), before.hex()))
        else:
            by_seal.setdefault(at, (every[at], []))[1].append((chain, seq))
    for at, (one, places) in sorted(by_seal.items()):
        beside = tuple(hash_.hex() for hash_ in inclusion(leaves, at))
        rows += _proved(connection, one, places, at, beside)
    last = every[-1]
    return Proof(
        format=FORMAT,
        head=last.head.decode(),
        signature=base64.b64encode(last.signature).decode(),
        public_key=base64.b64encode(public).decode(),
        rows=tuple(rows),
        earlier=earlier,
    )


def _proved(
    connection: Connection, one: Seal, places: Iterable[tuple[str, int]], at: int, beside: tuple[str, ...]
) -> Iterable[ProvedRow]:
    leaves = leaves_of(connection, one.spans)
    starts: dict[str, int] = {}
    count = 0
    for chain, (first, last) in sorted(one.spans.items()):
        starts[chain] = count - first
        count += last - first + 1
    told = header(one.number, one.at, one.spans, one.root).decode()
    for chain, seq in places:
        row, before = _row(connection, chain, seq)
        index = starts[chain] + seq
        path = tuple(hash_.hex() for hash_ in inclusion(leaves, index))
        yield ProvedRow(row.canonical.decode(), before.hex(), told, index, count, path, at, beside)


def _earlier(every: Sequence[Seal], leaves: Sequence[bytes], size: int) -> Earlier:
    if not 0 < size <= len(every):
        raise Invalid("there was no head of this size", code="no-such-head")
    root = str(msgspec.json.decode(every[size - 1].head)["root"])
    return Earlier(size, root, tuple(hash_.hex() for hash_ in consistency(leaves, size)))


def _places(connection: Connection, ids: Sequence[str]) -> Iterable[tuple[str, int]]:
    for at in range(0, len(ids), _AT_ONCE):
        part = ids[at : at + _AT_ONCE]
        for row in run(connection, _PLACES(len(part)), part).fetchall():
            yield row[0], row[1]


def _row(connection: Connection, chain: str, seq: int) -> tuple[Linked, bytes]:
    """A row, and the hash before it."""
    found = list(rows_of(connection, chain, max(seq - 2, 0), seq))
    return found[-1], found[-2].hash if len(found) > 1 else GENESIS


def _seal_of(every: Sequence[Seal], chain: str, seq: int) -> int | None:
    """Which seal (from 0) is over a place of a chain."""
    over = [(one.spans[chain][1], at) for at, one in enumerate(every) if chain in one.spans]
    found = bisect_left(over, (seq, -1))
    return over[found][1] if found < len(over) else None
