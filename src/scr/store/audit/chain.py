"""Every row of the audit hangs on the one before it: a chain for each writing connection.

A row's hash is SHA-256 over the hash before it (32 zero bytes before the first) and the row's canonical form
(``form``), whose version stands in the row and never falls within a chain. Places count from 1 without a
gap. A connection commits its rows in their order, so what is seen of a chain is always its beginning
(docs/adr/0019-audit-chain.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.errors import Fault
from scr.store.audit.form import COLUMNS, VERSION, closed_form, fields_of, former_form, new_key, openings
from scr.store.audit.telling import Telling
from scr.store.driver import run, written
from scr.store.keys import random_id

GENESIS = bytes(32)
_ALL = (*COLUMNS, "version", "salt", "told", "chain", "seq", "hash")
_HEAD = "scr.audit.head"
_INSERT = written(
    f"INSERT INTO audit ({', '.join(_ALL)}) SELECT {', '.join('?' * len(_ALL))} "  # noqa: S608
    "WHERE (SELECT COALESCE(MAX(seq), 0) FROM audit WHERE chain = ?) = ?"
)
_LAST = written("SELECT seq, hash FROM audit WHERE chain = ? ORDER BY seq DESC LIMIT 1")
_BEGIN = written("INSERT INTO audit_chain (chain, sealed) VALUES (?, 0) ON CONFLICT DO NOTHING")
_CHAINS = written("SELECT chain FROM audit UNION SELECT chain FROM audit_chain ORDER BY 1")
_ROWS = written(
    f"SELECT {', '.join(_ALL)} FROM audit WHERE chain = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
)
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the place of its last row (0: it has none yet) and its hash."""

    chain: str
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Linked:
    """A row as it stands: its columns, its place, its hash, and by what it is hidden (``form``)."""

    content: Mapping[str, object]
    chain: str
    seq: int
    hash: bytes
    version: int = 1
    salt: bytes | None = None
    told: str | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.content["id"])

    @property
    def canonical(self) -> bytes:
        """What its hash is over, beside the hash before it. Raises Fault where it is of no version."""
        if self.version == 1 and self.salt is None and self.told is None:
            return former_form(self.content, self.chain, self.seq)
        return closed_form(self.fields, self._key, self.chain, self.seq)

    @property
    def fields(self) -> dict[str, object]:
        """Its fields, of version 2. Raises Fault where it is of another."""
        telling = Telling.read(self.told or "")
        if telling is None:
            raise Fault("what is told of a row of the audit is not as it was written", code="audit-row")
        return fields_of(self.content, telling)

    @property
    def openings(self) -> dict[str, bytes]:
        """By the name of each field what opens it. Raises Fault where it is not of version 2."""
        return dict(openings(self.fields, self._key))

    @property
    def _key(self) -> bytes:
        if self.version != VERSION or self.salt is None:
            raise Fault("a row of the audit is of no version that there is", code="audit-row")
        return self.salt


def link_hash(before: bytes, form: bytes) -> bytes:
    """The hash of a row with this canonical form after one with that hash."""
    return hashlib.sha256(before + form).digest()


def append_linked(connection: Connection, content: Mapping[str, object], telling: Telling) -> None:
    """Add a row with these columns to the chain of a connection, and what the person is told of it.

    A rollback leaves the remembered end of the chain ahead of what stands: the row is then not added where
    it would leave a gap, and hung on what stands instead.
    """
    info = connection.info
    salt, fields = new_key(), fields_of(content, telling)
    own_values = [*(content[name] for name in COLUMNS), VERSION, salt, telling.write()]
    head: Head = info.get(_HEAD) or Head(random_id(), 0, GENESIS)
    for _ in range(2):
        if head.seq == 0:
            run(connection, _BEGIN, (head.chain,))
        seq = head.seq + 1
        own = link_hash(head.hash, closed_form(fields, salt, head.chain, seq))
        values = [*own_values, head.chain, seq, own, head.chain, head.seq]
        if run(connection, _INSERT, values).rowcount == 1:
            info[_HEAD] = Head(head.chain, seq, own)
            return
        head = last_of(connection, head.chain)
    raise Fault("the audit's chain does not take a row: another writer is on it", code="audit-chain")


def last_of(connection: Connection, chain: str) -> Head:
    """Where a chain ends."""
    row = run(connection, _LAST, (chain,)).fetchone()
    return Head(chain, 0, GENESIS) if row is None else Head(chain, row[0], bytes(row[1]))


def chains(connection: Connection) -> list[str]:
    """The chains of the audit: of its rows, and those that were begun."""
    return [row[0] for row in run(connection, _CHAINS).fetchall()]


def rows_of(connection: Connection, chain: str, after: int = 0, until: int | None = None) -> Iterator[Linked]:
    """The rows of a chain in order, after a place and up to another (with it)."""
    while until is None or after < until:
        most = _AT_ONCE if until is None else min(_AT_ONCE, until - after)
        found = run(connection, _ROWS, (chain, after, most)).fetchall()
        for row in found:
            content = dict(zip(COLUMNS, row, strict=False))
            version, salt, told, place = row[-6], row[-5], row[-4], row[-2]
            kept = None if salt is None else bytes(salt)
            yield Linked(content, row[-3], place, bytes(row[-1]), version, kept, told)
        if len(found) < most:
            return
        after = found[-1][-2]
