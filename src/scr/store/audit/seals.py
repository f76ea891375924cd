"""Seals: every minute, or thousand rows, what all chains have added is put under one signed head.

A seal is over the rows since the one before it, of every chain, chains by name and rows by place: the tree
of their hashes. The seals are the leaves of a second tree, that only grows; its head (size, root, time, key)
is signed and written outside the database as well (``heads``). So a row that was sealed can be neither
changed nor taken out by whoever has the database, and any row is proved by two short paths (``proof``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from scr.store.audit.merkle import Frontier, leaf_hash, root_of
from scr.store.audit.signing import SealingKey
from scr.store.driver import Statement, run, some, written

ROWS_AT_ONCE = 10_000
TREE = "scr-audit"
_OPEN = written(
    "SELECT c.chain, c.sealed, (SELECT MAX(a.seq) FROM audit a WHERE a.chain = c.chain) FROM audit_chain c "
    "ORDER BY c.chain"
)
_OLDEST = written(
    "SELECT MIN(a.at) FROM audit_chain c JOIN audit a ON a.chain = c.chain AND a.seq = c.sealed + 1"
)
_HASHES = written("SELECT hash FROM audit WHERE chain = ? AND seq > ? AND seq <= ? ORDER BY seq")
_NAMES = "number, at, spans, root, parts, head, signature"
_LATEST = written(f"SELECT {_NAMES} FROM audit_seal ORDER BY number DESC LIMIT 1")  # noqa: S608
_SEALS = written(f"SELECT {_NAMES} FROM audit_seal WHERE number > ? ORDER BY number LIMIT ?")  # noqa: S608
_SOME = some(f"SELECT {_NAMES} FROM audit_seal WHERE number IN ({{marks}})")  # noqa: S608
_SEALED_TO = written("SELECT sealed FROM audit_chain WHERE chain = ?")
_SINCE = written("SELECT number FROM audit_seal WHERE at >= ? ORDER BY at, number LIMIT 1")
_UP = written("SELECT number, spans FROM audit_seal WHERE number >= ? ORDER BY number LIMIT ?")
_DOWN = written("SELECT number, spans FROM audit_seal WHERE number < ? ORDER BY number DESC LIMIT ?")
_INSERT = written(f"INSERT INTO audit_seal ({_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?)")  # noqa: S608
_SEALED = written("UPDATE audit_chain SET sealed = ? WHERE chain = ?")
_AT_ONCE = 500
_FEW = 40
_APART_MS = 120_000
"""How far the clocks of two processes may be apart before a seal is found slowly."""
_BEYOND = 2**62

Spans = Mapping[str, tuple[int, int]]
"""By chain the first and the last place of the rows that a seal is over."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The ``number``-th seal, from 1. ``root`` is that of its rows, ``head`` the signed JSON of the tree."""

    number: int
    at: int
    spans: Spans
    root: bytes
    parts: bytes
    head: bytes
    signature: bytes

    @property
    def rows(self) -> int:
        """How many rows it is over."""
        return sum(last - first + 1 for first, last in self.spans.values())

    @property
    def leaf(self) -> bytes:
        """Its leaf in the tree of seals."""
        return leaf_hash(header(self.number, self.at, self.spans, self.root))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows no seal is over yet, and the spans that the next seal takes."""

    rows: int
    spans: dict[str, tuple[int, int]]


def header(number: int, at: int, spans: Spans, root: bytes) -> bytes:
    """What a seal is, as its leaf is made of it: canonical JSON, as of a row."""
    told = {"number": number, "at": at, "spans": dict(spans), "root": root.hex()}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def tree_head(size: int, at: int, root: bytes, key: str) -> bytes:
    """What is signed: the tree of so many seals has this root."""
    told = {"tree": TREE, "size": size, "at": at, "root": root.hex(), "key": key}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def waiting(connection: Connection, most: int = ROWS_AT_ONCE) -> Waiting:
    """What no seal is over yet; a seal takes so many rows at most."""
    spans: dict[str, tuple[int, int]] = {}
    rows, left = 0, most
    for chain, sealed, last in run(connection, _OPEN).fetchall():
        new = (last or 0) - sealed
        if new > 0:
            rows += new
            taken = min(new, left)
            if taken:
                spans[chain] = (sealed + 1, sealed + taken)
                left -= taken
    return Waiting(rows, spans)


def waiting_since(connection: Connection) -> int | None:
    """When the oldest row was written that no seal is over yet (ms UTC); None where there is none."""
    row = run(connection, _OLDEST).fetchone()
    return None if row is None else row[0]


def seal(connection: Connection, key: SealingKey, now: int, most: int = ROWS_AT_ONCE) -> Seal | None:
    """Seal what waits; None where nothing does. Another process that was first makes this a Conflict."""
    spans = waiting(connection, most).spans
    if not spans:
        return None
    before = latest(connection)
    number = 1 if before is None else before.number + 1
    tree = Frontier() if before is None else Frontier(before.number, before.parts)
    root = root_of(leaves_of(connection, spans))
    tree.add(leaf_hash(header(number, now, spans, root)))
    head = tree_head(number, now, tree.root, key.id)
    made = Seal(number, now, spans, root, tree.parts, head, key.sign(head))
    told = orjson.dumps(spans, option=orjson.OPT_SORT_KEYS).decode()
    run(connection, _INSERT, (number, now, told, root, made.parts, head.decode(), made.signature))
    for chain, (_, last) in spans.items():
        run(connection, _SEALED, (last, chain))
    return made


def leaves_of(connection: Connection, spans: Spans) -> list[bytes]:
    """The leaves of the rows that a seal is over, in their order."""
    return [
        leaf_hash(bytes(row[0]))
        for chain, (first, last) in sorted(spans.items())
        for row in run(connection, _HASHES, (chain, first - 1, last)).fetchall()
    ]


def latest(connection: Connection) -> Seal | None:
    """The last seal."""
    row = run(connection, _LATEST).fetchone()
    return None if row is None else _seal(row)


def seals(connection: Connection, after: int = 0) -> Iterator[Seal]:
    """The seals in their order."""
    while True:
        found = run(connection, _SEALS, (after, _AT_ONCE)).fetchall()
        yield from map(_seal, found)
        if len(found) < _AT_ONCE:
            return
        after = found[-1][0]


def by_number(connection: Connection, numbers: Iterable[int]) -> dict[int, Seal]:
    """Some seals, by their numbers."""
    every = sorted(set(numbers))
    found: dict[int, Seal] = {}
    for at in range(0, len(every), _AT_ONCE):
        part = every[at : at + _AT_ONCE]
        found |= {row[0]: _seal(row) for row in run(connection, _SOME(len(part)), part).fetchall()}
    return found


def seal_over(connection: Connection, chain: str, seq: int, at: int) -> int | None:
    """The number of the seal over a row, by its place and its time (ms UTC); None where there is none yet."""
    row = run(connection, _SEALED_TO, (chain,)).fetchone()
    if row is None or row[0] < seq:
        return None
    row = run(connection, _SINCE, (at - _APART_MS,)).fetchone()
    start = _BEYOND if row is None else row[0]
    for number, first, last in _spans_of(connection, _UP, chain, start):
        if first <= seq <= last:
            return number
        if seq < first:
            break
    for number, first, last in _spans_of(connection, _DOWN, chain, start):
        if first <= seq <= last:
            return number
    return None


def _spans_of(
    connection: Connection, query: Statement, chain: str, start: int
) -> Iterator[tuple[int, int, int]]:
    """Of each seal over rows of a chain its number, and the first and the last place."""
    while True:
        found = run(connection, query, (start, _FEW)).fetchall()
        for number, spans in found:
            told = orjson.loads(spans).get(chain)
            if told is not None:
                yield number, int(told[0]), int(told[1])
        if len(found) < _FEW:
            return
        start = found[-1][0] + (1 if query is _UP else 0)


def _seal(row: tuple[int, int, str, bytes, bytes, str, bytes]) -> Seal:
    number, at, spans, root, parts, head, signature = row
    read = {str(chain): (int(one[0]), int(one[1])) for chain, one in orjson.loads(spans).items()}
    return Seal(number, at, read, bytes(root), bytes(parts), head.encode(), bytes(signature))
