"""Each row of the audit hangs on the one before it, without a gap, whatever is rolled back."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy import Connection, text
from tests.support.tampering import add_to_former, disarm, hang_again

from scr.errors import Conflict, Fault
from scr.store.audit.chain import GENESIS, Linked, chains, link_hash, rows_of
from scr.store.audit.check import Problem, check
from scr.store.audit.form import COLUMNS
from scr.store.engine import Database
from scr.store.migrations import downgrade, migrate
from scr.store.trail import AuditRow, append


def row(what: str) -> AuditRow:
    """An act."""
    return AuditRow(at=1_000, actor="a|1", action="read", what=what, outcome="success", details={"é": "ü"})


def whole(database: Database) -> dict[str, list[Linked]]:
    """Every chain, whole."""

    def read(connection: Connection) -> dict[str, list[Linked]]:
        return {chain: list(rows_of(connection, chain)) for chain in chains(connection)}

    return database.read_now(read)


def assert_hangs_together(found: dict[str, list[Linked]]) -> None:
    """Places from 1 without a gap, each hash over the one before and the row."""
    for rows in found.values():
        before = GENESIS
        for place, one in enumerate(rows, 1):
            assert one.seq == place
            assert one.hash == link_hash(before, one.canonical)
            before = one.hash


async def test_rows_hang_together_whatever_is_rolled_back(database: Database) -> None:
    """Of 90 units at once, a third fail after their row and a third in a savepoint of their own: no gap."""

    def work(number: int, connection: Connection) -> None:
        append(connection, row(str(number)))
        if number % 3 == 1:
            raise Conflict("it fails")
        if number % 3 == 2:
            with connection.begin_nested() as inner:
                append(connection, row("undone"))
                inner.rollback()
            append(connection, row(f"{number} again"))

    units = [database.write(lambda conn, n=number: work(n, conn)) for number in range(90)]  # type: ignore[misc]
    done = await asyncio.gather(*units, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in done) == 30
    found = whole(database)
    assert_hangs_together(found)
    wanted = [str(n) for n in range(90) if n % 3 != 1] + [f"{n} again" for n in range(90) if n % 3 == 2]
    assert sorted(str(one.content["what"]) for rows in found.values() for one in rows) == sorted(wanted)


def test_nothing_changes_or_removes_a_row(database: Database) -> None:
    """The database itself refuses, whoever asks with its rights on the table."""
    database.write_now(lambda connection: append(connection, row("read")))
    for sql in ("UPDATE audit SET what = 'x'", "DELETE FROM audit"):
        with pytest.raises((Fault, Conflict)):
            database.write_now(lambda connection, sql=sql: connection.execute(text(sql)))  # type: ignore[misc]
    assert [one.content["what"] for rows in whole(database).values() for one in rows] == ["read"]


def test_what_stood_before_becomes_a_chain(database: Database) -> None:
    """An audit of an earlier version is hung together in its order, and taken back as it was."""
    downgrade(database, "0027")
    names = [name for name in COLUMNS if name not in {"id", "at", "person", "details"}]
    values = f"'r' || :n, :n, '{{}}', {', '.join(repr('') for _ in names)}"
    sql = text(f"INSERT INTO audit (id, at, details, {', '.join(names)}) VALUES ({values})")
    database.write_now(lambda connection: connection.execute(sql, [{"n": n} for n in (3, 1, 2)]))
    migrate(database)
    database.write_now(lambda connection: append(connection, row("new")))
    found = whole(database)
    assert [one.id for one in found.pop("before")] == ["r1", "r2", "r3"]
    assert [one.content["what"] for rows in found.values() for one in rows] == ["new"]
    assert_hangs_together(whole(database))
    downgrade(database, "0027")
    count = database.read_now(lambda conn: conn.execute(text("SELECT count(*) FROM audit")).scalar_one())
    assert count == 4


def test_what_hides_the_rows_outlives_going_back(database: Database) -> None:
    """One revision back and up again: rows of both versions are what they were, and stand."""
    database.write_now(add_to_former)
    before = whole(database)
    assert [one.version for rows in before.values() for one in rows] == [1, 1, 2]
    downgrade(database, "0035")
    migrate(database)
    assert whole(database) == before
    assert_hangs_together(before)
    with pytest.raises((Fault, Conflict)):
        database.write_now(lambda connection: connection.execute(text("UPDATE audit SET what = 'x'")))


def test_no_row_becomes_one_of_the_version_before(database: Database) -> None:
    """What hides a row cannot be taken from it, even where no seal is over it and every hash fits."""
    database.write_now(partial(add_to_former, rows=3))
    disarm(database)

    def lower(connection: Connection) -> list[Problem]:
        connection.execute(text("UPDATE audit SET version = 1, salt = NULL, told = NULL WHERE seq = 4"))
        (chain,) = chains(connection)
        hang_again(connection, chain)
        return check(connection, b"", []).problems

    found = database.write_now(lower)
    assert [(one.code, one.seq) for one in found] == [("version-lower", 4)]
