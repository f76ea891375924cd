"""An audit that is sealed, and whoever has the database and changes it: every way that can be thought of."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from scr.errors import Fault
from scr.store.audit.chain import GENESIS, Head, link_hash, rows_of
from scr.store.audit.check import Report, check
from scr.store.audit.form import COLUMNS, former_form
from scr.store.audit.heads import SignedHead, heads, write_heads
from scr.store.audit.seals import leaves_of, seal, seals
from scr.store.audit.signing import SealingKey, create_sealing_key
from scr.store.audit.telling import Telling
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append

Change = Callable[[Connection, random.Random], None]
"""A way to change it, drawn by the second."""
_HEAD = "scr.audit.head"
_TEXTS = tuple(name for name in COLUMNS if name not in {"id", "at", "person"})


@dataclass(frozen=True)
class Sealed:
    """A database whose audit is sealed, the key that sealed it, and the heads outside."""

    database: Database
    key: SealingKey
    heads: tuple[SignedHead, ...]

    def check(self, connection: Connection, written: tuple[SignedHead, ...] | None = None) -> Report:
        """What is said of it."""
        return check(connection, self.key.public, self.heads if written is None else written)


def new_key(home: Path) -> SealingKey:
    """A key."""
    path = home / f"{random.randrange(10**9)}.key"
    create_sealing_key(path)
    return SealingKey.from_text(path.read_bytes())


def act(number: int) -> AuditRow:
    """An act."""
    return AuditRow(
        at=number, actor=f"a|{number % 3}", action="read", what="Patient", outcome="success", person="p"
    )


def add(connection: Connection, rows: int, *, chain: bool = False) -> list[str]:
    """Rows, in a chain of their own if ``chain``; their ids."""
    if chain:
        connection.info.pop(_HEAD, None)
    return [append(connection, act(number)) for number in range(rows)]


def add_to_former(connection: Connection, former: int = 2, rows: int = 1) -> list[str]:
    """A chain that the version before began, and went on with rows of this one; the ids of all."""
    chain, last = random_id(), GENESIS
    _execute(connection, "INSERT INTO audit_chain (chain, sealed) VALUES (:chain, 0)", chain=chain)
    names = (*COLUMNS, "chain", "seq", "hash")
    marks = ", ".join(f":{name}" for name in names)
    for place in range(1, former + 1):
        told = asdict(act(place)) | {"id": f"{place:012x}-{random_id()}", "details": "{}"}
        last = link_hash(last, former_form(told, chain, place))
        values = {**told, "chain": chain, "seq": place, "hash": last}
        _execute(connection, f"INSERT INTO audit ({', '.join(names)}) VALUES ({marks})", **values)
    connection.info[_HEAD] = Head(chain, former, last)
    add(connection, rows)
    return [row.id for row in rows_of(connection, chain)]


def disarm(database: Database) -> None:
    """Take the database's own guard off, as its owner may."""
    drop = (
        ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")
        if database.dialect == "sqlite"
        else ("DROP TRIGGER audit_append_only ON audit",)
    )
    for sql in drop:
        database.write_now(partial(_execute, sql=sql))


def sealed(database: Database, home: Path) -> Sealed:
    """Three chains, five seals, the first chain begun by the version before; and the database's own guard is
    off, as for its owner."""
    key, path = new_key(home), home / "heads.jsonl"
    for number in range(5):
        how = partial(add, rows=3, chain=True) if number < 3 else partial(add, rows=4)
        database.write_now(add_to_former if number == 0 else how)
        made = database.write_now(partial(seal, key=key, now=number))
        assert made is not None
        write_heads(path, [made])
    disarm(database)
    return Sealed(database, key, tuple(heads(path)))


def _execute(connection: Connection, sql: str, **values: object) -> int:
    return connection.execute(text(sql), values).rowcount


def hang_again(connection: Connection, chain: str) -> None:
    """Make every hash of a chain fit what its rows are now, as far as they are of any version."""
    before = GENESIS
    for place, row in enumerate(list(rows_of(connection, chain)), 1):
        try:
            own = link_hash(before, replace(row, seq=place).canonical)
        except Fault:
            own = row.hash
        sql = "UPDATE audit SET seq = :place, hash = :own WHERE id = :id"
        _execute(connection, sql, place=place, own=own, id=row.id)
        before = own


def _some_row(connection: Connection, random: random.Random) -> tuple[str, str, int]:
    query = "SELECT id, chain, seq FROM audit ORDER BY chain, seq"
    row = random.choice(connection.execute(text(query)).fetchall())
    return row[0], row[1], row[2]


def change_a_row(connection: Connection, random: random.Random) -> None:
    """One text of one row; perhaps with its hash, or with all that follow it."""
    row, chain, _ = _some_row(connection, random)
    name = random.choice(_TEXTS)
    _execute(connection, f"UPDATE audit SET {name} = {name} || 'x' WHERE id = :row", row=row)
    if random.random() < 0.5:
        hang_again(connection, chain)


def change_a_number(connection: Connection, random: random.Random) -> None:
    """When it was, or about whom."""
    row, chain, _ = _some_row(connection, random)
    change = random.choice(("at = at + 1", "person = NULL", "person = 'q'"))
    _execute(connection, f"UPDATE audit SET {change} WHERE id = :row", row=row)
    if random.random() < 0.5:
        hang_again(connection, chain)


def change_what_hides(connection: Connection, random: random.Random) -> None:
    """The version of a row, its salt, or what the person is told, down to a blank; perhaps made to fit."""
    row, chain, _ = _some_row(connection, random)
    change = random.choice(
        (
            "version = version + 1",
            "version = 3 - version",
            "salt = :junk",
            "salt = CASE WHEN version = 1 THEN :junk ELSE NULL END",
            "told = COALESCE(told, '') || ' '",
            "told = CASE WHEN version = 1 THEN '{}' ELSE NULL END",
            "told = CASE WHEN version = 1 THEN 'x' ELSE replace(told, 'true', 'false') END",
            "told = CASE WHEN version = 1 THEN 'x' ELSE replace(told, 'asked', 'acted') END",
        )
    )
    sql = f"UPDATE audit SET {change} WHERE id = :row AND :junk IS NOT NULL"
    _execute(connection, sql, row=row, junk=random.randbytes(16))
    if random.random() < 0.5:
        hang_again(connection, chain)


def change_the_version(connection: Connection, random: random.Random) -> None:
    """A row, or all of a chain, is made into one of the other version, whole, and everything made to fit."""
    row, chain, _ = _some_row(connection, random)
    which = random.choice(("id = :row", "chain = :chain"))
    told = Telling.of("read", "Patient", "success", "", "", {}).write()
    sql = (
        "UPDATE audit SET version = 3 - version, salt = CASE WHEN version = 1 THEN :salt ELSE NULL END,"
        f" told = CASE WHEN version = 1 THEN :told ELSE NULL END WHERE {which} AND :row || :chain <> ''"
    )
    _execute(connection, sql, row=row, chain=chain, salt=random.randbytes(16), told=told)
    hang_again(connection, chain)


def take_out_rows(connection: Connection, random: random.Random) -> None:
    """One, the end of a chain, or a chain; perhaps with what follows made to fit."""
    _, chain, seq = _some_row(connection, random)
    which = random.choice(("seq = :seq", "seq >= :seq", ":seq > 0"))
    _execute(connection, f"DELETE FROM audit WHERE chain = :chain AND {which}", chain=chain, seq=seq)
    if which == ":seq > 0" and random.random() < 0.5:
        _execute(connection, "DELETE FROM audit_chain WHERE chain = :chain", chain=chain)
    if random.random() < 0.5:
        hang_again(connection, chain)


def change_a_hash(connection: Connection, random: random.Random) -> None:
    """Of one row."""
    row, _, _ = _some_row(connection, random)
    _execute(connection, "UPDATE audit SET hash = :hash WHERE id = :row", hash=random.randbytes(32), row=row)


def swap_two_rows(connection: Connection, random: random.Random) -> None:
    """Two rows of a chain change places, and all is made to fit."""
    _, chain, seq = _some_row(connection, random)
    other = 2 if seq == 1 else seq - 1
    sql = "UPDATE audit SET seq = :to WHERE chain = :chain AND seq = :at"
    for at, to in ((seq, 1000), (other, seq), (1000, other)):
        _execute(connection, sql, at=at, to=to, chain=chain)
    if random.random() < 0.5:
        hang_again(connection, chain)


def change_a_seal(connection: Connection, random: random.Random) -> None:
    """Any of its columns."""
    number = random.randint(1, 5)
    change = random.choice(
        (
            "at = at + 1",
            "head = replace(head, 'size', 'sise')",
            "root = :junk",
            "parts = :junk",
            "signature = :junk",
            "number = number + 100",
            "spans = replace(spans, '[1,', '[2,')",
        )
    )
    if change.startswith("spans"):
        number = random.randint(1, 3)  # those that begin a chain
    _execute(
        connection,
        f"UPDATE audit_seal SET {change} WHERE number = :number AND :junk IS NOT NULL",
        number=number,
        junk=random.randbytes(32),
    )


def take_out_seals(connection: Connection, random: random.Random) -> None:
    """One, or all from one on, as a database that was put back."""
    which = random.choice(("=", ">="))
    _execute(connection, f"DELETE FROM audit_seal WHERE number {which} :n", n=random.randint(1, 5))


def seal_anew(connection: Connection, random: random.Random, key: SealingKey) -> None:
    """A row is changed, everything made to fit, and sealed by whoever has no key, or has another."""
    row, chain, _ = _some_row(connection, random)
    _execute(connection, "UPDATE audit SET what = 'x' WHERE id = :row", row=row)
    hang_again(connection, chain)
    every = list(seals(connection))
    if random.random() < 0.5:
        for one in every:
            assert leaves_of(connection, one.spans)
        _execute(connection, "DELETE FROM audit_seal")
        _execute(connection, "UPDATE audit_chain SET sealed = 0")
        seal(connection, key, 9)


KINDS: tuple[Change, ...] = (
    change_a_row,
    change_a_number,
    take_out_rows,
    change_what_hides,
    change_the_version,
    change_a_hash,
    swap_two_rows,
    change_a_seal,
    take_out_seals,
)


class _Undo(Exception):
    """The change is taken back."""


def is_found(of: Sealed, kind: Change, number: int) -> Report:
    """Change the audit, see what is said of it, and take the change back."""
    found: list[Report] = []

    def work(connection: Connection) -> None:
        kind(connection, random.Random(number))
        found.append(of.check(connection))
        raise _Undo

    with suppress(_Undo):
        of.database.write_now(work)
    return found[0]
