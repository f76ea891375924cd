"""Whether the audit stands as it was written: every row, every chain, every seal, every signed head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection

from scr.errors import Fault, Invalid
from scr.store.audit.chain import GENESIS, Linked, chains, last_of, link_hash, rows_of
from scr.store.audit.heads import SignedHead, read_head, standing
from scr.store.audit.merkle import Frontier, root_of
from scr.store.audit.seals import TREE, Seal, leaves_of, seals
from scr.store.audit.signing import is_signed, key_id


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written: a stable code, a sentence, and where.

    ``seq`` is the place in the chain, ``row`` the id of the row where there is one, ``seal`` the number.
    """

    code: str
    sentence: str
    chain: str = ""
    seq: int = 0
    row: str = ""
    seal: int = 0


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong, in its order. ``unsealed`` rows are under no seal yet;
    ``given_up`` heads are of seals that were lost when a backup was restored."""

    rows: int = 0
    chains: int = 0
    seals: int = 0
    heads: int = 0
    unsealed: int = 0
    given_up: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check(connection: Connection, public: bytes, written: Iterable[SignedHead]) -> Report:
    """Look at all of it, in one snapshot. ``written`` are the heads that stand outside the database."""
    report = Report()
    for chain in chains(connection):
        report.chains += 1
        report.problems += _chain(connection, chain, report)
    sealed, roots = _seals(connection, public, report)
    for chain in sealed:
        last = last_of(connection, chain).seq
        if last < sealed[chain]:
            report.problems.append(
                Problem("rows-missing", "sealed rows at the end of this chain are gone", chain, last + 1)
            )
    report.unsealed = max(report.rows - sum(sealed.values()), 0)
    report.problems += _heads(public, written, roots, report)
    return report


def _chain(connection: Connection, chain: str, report: Report) -> Iterator[Problem]:
    before, place, version = GENESIS, 0, 1
    for row in rows_of(connection, chain):
        report.rows += 1
        place += 1
        if row.version < version:
            yield Problem(
                "version-lower", "this row is of an older version than the one before", chain, row.seq, row.id
            )
        version = max(version, row.version)
        if row.seq != place:
            yield Problem("row-missing", "the row of this place is gone", chain, place)
            place = row.seq
        elif not _hangs(row, before):
            yield Problem(
                "row-changed", "this row, or the hash before it, was changed", chain, row.seq, row.id
            )
        before = row.hash


def _hangs(row: Linked, before: bytes) -> bool:
    try:
        return row.hash == link_hash(before, row.canonical)
    except Fault:
        return False


def _seals(
    connection: Connection, public: bytes, report: Report
) -> tuple[dict[str, int], dict[int, tuple[str, bytes]]]:
    """Up to which place each chain is sealed, and by the size of the tree its root and its signed head."""
    sealed: dict[str, int] = {}
    roots: dict[int, tuple[str, bytes]] = {}
    tree = Frontier()
    for one in seals(connection):
        report.seals += 1
        if one.number != tree.size + 1:
            report.problems.append(Problem("seal-missing", "this seal is gone", seal=tree.size + 1))
            return sealed, roots  # the tree cannot be made without it
        report.problems += _spans(connection, one, sealed)
        tree.add(one.leaf)
        roots[one.number] = (tree.root.hex(), one.head)
        report.problems += _head(public, one, tree)
    return sealed, roots


def _spans(connection: Connection, one: Seal, sealed: dict[str, int]) -> Iterator[Problem]:
    for chain, (first, last) in one.spans.items():
        if first != sealed.get(chain, 0) + 1 or last < first:
            yield Problem(
                "seal-changed", "this seal does not follow the one before", chain, first, seal=one.number
            )
        sealed[chain] = last
    if root_of(leaves_of(connection, one.spans)) != one.root:
        chain, (first, _) = next(iter(sorted(one.spans.items())))
        yield Problem(
            "sealed-rows-changed",
            "a row under this seal was changed or is gone, and what follows it was made to fit",
            chain,
            first,
            seal=one.number,
        )


def _head(public: bytes, one: Seal, tree: Frontier) -> Iterator[Problem]:
    try:
        told = read_head(one.head)
    except Invalid:
        yield Problem("head-changed", "the head of this seal cannot be read", seal=one.number)
        return
    fits = (told.tree, told.size, told.root) == (TREE, one.number, tree.root.hex())
    if not fits or one.parts != tree.parts:
        yield Problem("head-changed", "the head of this seal is not that of the tree", seal=one.number)
    elif told.key == key_id(public) and not is_signed(public, one.head, one.signature):
        yield Problem("head-forged", "the head of this seal is not signed by the key", seal=one.number)
    elif told.key != key_id(public):
        yield Problem("other-key", "the head of this seal is signed by another key", seal=one.number)


def _heads(
    public: bytes, written: Iterable[SignedHead], roots: dict[int, tuple[str, bytes]], report: Report
) -> Iterator[Problem]:
    left = set(roots)
    counted, report.given_up = standing(written, public)
    for one in counted:
        report.heads += 1
        size = one.head.size
        if not is_signed(public, one.content, one.signature):
            yield Problem("written-head-forged", "a head outside is not signed by the key", seal=size)
        elif size not in roots and not (size == 0 and one.head.given_up):
            yield Problem("seals-missing", "a head outside is over seals that are gone", seal=size)
        elif size and roots[size][0] != one.head.root:
            yield Problem("history-changed", "a head outside has another root", seal=size)
        left.discard(size)
    if left:
        yield Problem("heads-missing", "heads outside are missing, from this on", seal=min(left))
