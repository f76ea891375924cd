"""What proves to somebody outside that rows of the audit are what was written, and where they stand.

A proof is JSON that ``conformance/verify_audit_proof.py`` checks with nothing but Python: each row as it was
hashed, what opens the fields of it that are shown (``form``), the hash before it, its way up the tree of its
seal, the seal, its way up the tree of seals, and the signed head. With an older head of the asker's own it
also proves that the tree then is the beginning of the tree now (RFC 9162, 2.1.3 and 2.1.4). Of the seals only
those are read that the ways lead by: there are half a million a year.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from scr.errors import Fault, Invalid
from scr.store.audit.chain import GENESIS, Linked, rows_of
from scr.store.audit.merkle import Frontier, Part, consistency_parts, inclusion, inclusion_parts
from scr.store.audit.seals import Seal, by_number, header, latest, leaves_of, seal_over
from scr.store.driver import run, some

FORMAT = "scr-audit-proof/2"
_PLACES = some("SELECT id, chain, seq, at FROM audit WHERE id IN ({marks})")
_AT_ONCE = 500

Opened = Callable[[Mapping[str, object]], Iterable[str]]
"""Of the fields of a row the names of those that are shown."""


class ProvedRow(msgspec.Struct, frozen=True):
    """A row and its way up. ``opened`` shows fields of it, where it is of a version that hides them.

    ``seal`` is empty where no seal is over it yet: then nothing is proved of it.
    """

    row: str
    before: str
    seal: str = ""
    index: int = 0
    size: int = 0
    path: tuple[str, ...] = ()
    seal_index: int = 0
    seal_path: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()


class Earlier(msgspec.Struct, frozen=True):
    """An older head, and the proof that the tree grew from it."""

    size: int
    root: str
    path: tuple[str, ...]


class Left(msgspec.Struct, frozen=True):
    """A row that is not proved. ``why``: it is ``unsealed`` yet, or ``former``, of a version that is shown
    whole or not at all."""

    id: str
    why: str


class Proof(msgspec.Struct, frozen=True, omit_defaults=True):
    """A proof about rows; ``public_key`` and ``signature`` in base64, hashes in hexadecimal."""

    format: str
    head: str
    signature: str
    public_key: str
    rows: tuple[ProvedRow, ...]
    earlier: Earlier | None = None
    left: tuple[Left, ...] = ()

    def write(self) -> bytes:
        """As it is given away."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row is, and the number of the seal over it."""

    id: str
    chain: str
    seq: int
    seal: int | None


def prove(
    connection: Connection, ids: Sequence[str], public: bytes, earlier_size: int | None = None
) -> Proof:
    """The proof about rows by their ids, all of each shown, in one snapshot.

    Raises Invalid ``nothing-sealed`` where there is no seal yet, ``no-such-head`` for an older head that
    never was.
    """
    return _prove(connection, public, earlier_size, _places(connection, ids), None)


def prove_some(
    connection: Connection, shown: Mapping[str, Opened], public: bytes, earlier_size: int | None = None
) -> Proof:
    """The proof about rows by their ids, of which only some fields are shown: what cannot be proved so is
    told as left. Raises as ``prove``."""
    return _prove(connection, public, earlier_size, _places(connection, list(shown)), shown)


def _prove(
    connection: Connection,
    public: bytes,
    earlier_size: int | None,
    places: Sequence[_Place],
    shown: Mapping[str, Opened] | None,
) -> Proof:
    last = latest(connection)
    if last is None:
        raise Invalid("nothing of the audit is sealed yet: ask again in a minute", code="nothing-sealed")
    numbers = {one.seal for one in places if one.seal is not None}
    parts = [part for number in numbers for part in inclusion_parts(number - 1, last.number)]
    if earlier_size is not None:
        if not 0 < earlier_size <= last.number:
            raise Invalid("there was no head of this size", code="no-such-head")
        parts += consistency_parts(earlier_size, last.number)
        numbers.add(earlier_size)
    above = _Above(connection, last.number, numbers, parts)
    rows: list[ProvedRow] = []
    left: list[Left] = []
    for place, row, before in _rows(connection, places):
        if shown is not None and (row.version == 1 or place.seal is None):
            left.append(Left(row.id, "former" if row.version == 1 else "unsealed"))
        else:
            made = ProvedRow(row.canonical.decode(), before.hex(), opened=_opened(row, shown))
            rows.append(made if place.seal is None else above.over(made, place.seal, row))
    return Proof(
        format=FORMAT,
        head=last.head.decode(),
        signature=base64.b64encode(last.signature).decode(),
        public_key=base64.b64encode(public).decode(),
        rows=tuple(rows),
        earlier=None if earlier_size is None else above.earlier(earlier_size),
        left=tuple(left),
    )


class _Above:
    """What stands over rows: the seals that are needed of a tree of ``size``, and parts of that tree."""

    def __init__(
        self, connection: Connection, size: int, numbers: Iterable[int], parts: Sequence[Part]
    ) -> None:
        self._connection = connection
        self._size = size
        ends = {end for _, end in parts}
        self._seals = by_number(connection, {*numbers, *ends, *(end - 1 for end in ends)})
        self._hashes = {part: self._hash(part).hex() for part in parts}
        self._leaves: tuple[int, list[bytes]] = (0, [])

    def over(self, made: ProvedRow, number: int, row: Linked) -> ProvedRow:
        """A row, with its way up."""
        one = self._seal(number)
        if self._leaves[0] != number:
            self._leaves = (number, leaves_of(self._connection, one.spans))
        leaves, index = self._leaves[1], _index(one, row)
        return msgspec.structs.replace(
            made,
            seal=header(one.number, one.at, one.spans, one.root).decode(),
            index=index,
            size=len(leaves),
            path=tuple(each.hex() for each in inclusion(leaves, index)),
            seal_index=number - 1,
            seal_path=self._path(inclusion_parts(number - 1, self._size)),
        )

    def earlier(self, size: int) -> Earlier:
        """An older head, and the way from it."""
        root = str(msgspec.json.decode(self._seal(size).head)["root"])
        return Earlier(size, root, self._path(consistency_parts(size, self._size)))

    def _path(self, parts: Iterable[Part]) -> tuple[str, ...]:
        return tuple(self._hashes[part] for part in parts)

    def _hash(self, part: Part) -> bytes:
        """The root over some seals: of what the last but one kept of the tree, and the last one's leaf."""
        begin, end = part
        before = Frontier() if end == 1 else Frontier(end - 1, self._seal(end - 1).parts)
        return before.root_with(begin, self._seal(end).leaf)

    def _seal(self, number: int) -> Seal:
        if number not in self._seals:
            raise Fault("a seal of the audit is gone: `scr audit verify` names it", code="audit-row")
        return self._seals[number]


def _opened(row: Linked, shown: Mapping[str, Opened] | None) -> tuple[str, ...]:
    if row.version == 1:
        return ()
    every = row.openings
    names = every if shown is None else set(shown[row.id](row.fields))
    return tuple(every[name].decode() for name in sorted(names))


def _index(one: Seal, row: Linked) -> int:
    """Which leaf under its seal a row is."""
    count = 0
    for chain, (first, last) in sorted(one.spans.items()):
        if chain == row.chain:
            return count + row.seq - first
        count += last - first + 1
    raise KeyError(row.chain)


def _places(connection: Connection, ids: Sequence[str]) -> list[_Place]:
    """Where rows are: those under one seal together."""
    found = []
    for at in range(0, len(ids), _AT_ONCE):
        part = ids[at : at + _AT_ONCE]
        for id_, chain, seq, when in run(connection, _PLACES(len(part)), part).fetchall():
            found.append(_Place(id_, chain, seq, seal_over(connection, chain, seq, when)))
    return sorted(found, key=lambda one: (one.seal or 0, one.chain, one.seq))


def _rows(connection: Connection, places: Iterable[_Place]) -> Iterator[tuple[_Place, Linked, bytes]]:
    """The rows of places, and the hash before each."""
    for one in places:
        found = list(rows_of(connection, one.chain, max(one.seq - 2, 0), one.seq))
        yield one, found[-1], found[-2].hash if len(found) > 1 else GENESIS
