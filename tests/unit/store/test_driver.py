"""Statements straight to the driver are part of the connection's transaction, and fail as its own do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from scr.errors import Conflict, Fault, Unavailable
from scr.store.driver import (
    ask,
    release,
    run,
    run_many,
    send,
    set_savepoint,
    settle,
    some,
    undo,
    written,
)
from scr.store.engine import Database

_ADD = written("INSERT INTO person_index (token, person, kind) VALUES (?, ?, 'local')")
_OF = some("SELECT token FROM person_index WHERE token IN ({marks}) ORDER BY token")
_PERSON = written("INSERT INTO person (key, patient_id, wrapped_key, created, sealed) VALUES (?, ?, ?, 0, ?)")


_WHOLE = written(
    "INSERT INTO person (key, patient_id, wrapped_key, created, sealed, view) VALUES (?, ?, ?, ?, ?, ?)"
)
_READ = written("SELECT key, wrapped_key, created, view FROM person WHERE key IN (?, ?, ?) ORDER BY key")


def _add(connection: Connection, *tokens: str) -> None:
    run(connection, _PERSON, (tokens[0], tokens[0], b"\x00k", b"\xff"))
    run_many(connection, _ADD, [(token, tokens[0]) for token in tokens])


def _tokens(database: Database, *tokens: str) -> list[str]:
    rows = database.read_now(lambda conn: run(conn, _OF(len(tokens)), tokens).fetchall())
    return [row[0] for row in rows]


def test_it_is_in_the_units_own_savepoint(database: Database) -> None:
    """What a unit ran is there after its commit, and nothing of a unit that raised."""

    def half(connection: Connection) -> None:
        _add(connection, "half")
        raise Fault("stop", code="stop")

    database.write_now(lambda conn: _add(conn, "one", "two"))
    with pytest.raises(Fault, match="stop"):
        database.write_now(half)
    assert _tokens(database, "one", "two", "half") == ["one", "two"]


def test_reads_are_of_one_snapshot(database: Database) -> None:
    """Two reads of one unit see the same, whatever is committed between them."""
    database.write_now(lambda conn: _add(conn, "before"))

    def twice(connection: Connection) -> list[int]:
        first = run(connection, _OF(2), ("before", "after")).fetchall()
        database.write_now(lambda conn: _add(conn, "after"))
        return [len(first), len(run(connection, _OF(2), ("before", "after")).fetchall())]

    assert database.read_now(twice) == [1, 1]
    assert _tokens(database, "before", "after") == ["after", "before"]


def test_errors_are_those_of_the_connection(database: Database) -> None:
    """A row that is there already is a conflict, and a statement about no table an error of ours."""
    database.write_now(lambda conn: _add(conn, "there"))
    with pytest.raises(Conflict):
        database.write_now(lambda conn: _add(conn, "there"))
    with pytest.raises(Conflict):
        database.write_now(lambda conn: run_many(conn, _ADD, [("there", "there")]))
    with pytest.raises((Fault, Unavailable)):
        database.write_now(lambda conn: run(conn, written("SELECT nothing FROM nowhere")))


def test_what_is_sent_is_told_in_its_order(database: Database) -> None:
    """What nobody waits for is there for whatever is run after it, in either way, and after the commit."""

    def work(connection: Connection) -> list[int]:
        send(connection, _PERSON, ("one", "one", b"\x00'\\k", b"\xff"))
        first = run(connection, written("SELECT wrapped_key FROM person")).fetchall()
        assert [bytes(row[0]) for row in first] == [b"\x00'\\k"]
        send(connection, _ADD, ("one", "one"))
        there = connection.execute(text("SELECT count(*) FROM person_index")).scalar_one()
        run_many(connection, _ADD, [(f"n{n}", "one") for n in range(40)])
        send(connection, _ADD, ("last", "one"))
        return [there]

    assert database.write_now(work) == [1]
    assert len(_tokens(database, "one", "last", *(f"n{n}" for n in range(40)))) == 42


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.binary(max_size=12),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.sampled_from(["'", "\\", "%s", "?", "'; DROP TABLE person; --", "E'\\'"]),
)
def test_what_is_sent_is_what_is_read(
    database: Database, name: str, sealed: bytes, number: int, other: str | None
) -> None:
    """Whatever the values are, quotes and marks among them: one row, several of a statement, and one that is
    bound have the same in them. A text that the database cannot hold is refused."""
    at = f"{name}|"

    def work(connection: Connection) -> list[tuple[object, ...]]:
        rows = [(f"{at}{n}", f"{at}{n}", sealed, number, b"", other) for n in range(3)]
        run_many(connection, _WHOLE, rows[:2])
        send(connection, _WHOLE, rows[2])
        found = run(connection, _READ, (f"{at}0", f"{at}1", f"{at}2")).fetchall()
        connection.exec_driver_sql("DELETE FROM person")
        return [tuple(row) for row in found]

    found = database.write_now(work)
    assert found == [(f"{at}{n}", sealed, number, other) for n in range(3)]


def test_a_text_with_a_nul_is_refused(database: Database) -> None:
    """It is not cut short, as PostgreSQL's own quoting would."""
    if database.dialect == "postgresql":
        with pytest.raises(Fault):
            database.write_now(lambda conn: send(conn, _ADD, ("a\0b", "c")))


async def test_what_is_sent_and_refused_fails_its_own_unit(database: Database) -> None:
    """A unit hears of what was refused although it did not wait for it; those beside it do not."""

    def unit(name: str, *, twice: bool) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            send(connection, _PERSON, (name, name, b"k", b"s"))
            for token in (name, name) if twice else (name,):
                send(connection, _ADD, (token, name))

        return work

    names = [f"p{n}" for n in range(12)]
    units = (database.write(unit(name, twice=name == "p5")) for name in names)
    found = await asyncio.gather(*units, return_exceptions=True)
    assert [type(one) for one in found] == [Conflict if name == "p5" else type(None) for name in names]
    assert _tokens(database, *names) == sorted(set(names) - {"p5"})


@pytest.mark.parametrize("told", [False, True])
def test_what_is_undone_leaves_nothing(database: Database, *, told: bool) -> None:
    """What came after a savepoint is undone, whether the database has heard of it or not; the rest stands."""

    def work(connection: Connection) -> None:
        _add(connection, "before")
        set_savepoint(connection, "part")
        send(connection, _ADD, ("undone", "before"))
        if told:
            settle(connection)
        undo(connection, "part")
        set_savepoint(connection, "part")
        send(connection, _ADD, ("kept", "before"))
        release(connection, "part")

    database.write_now(work)
    assert _tokens(database, "before", "undone", "kept") == ["before", "kept"]


def test_a_connection_that_was_closed_is_not_used_again(database: Database) -> None:
    """Where the server has ended every connection, the next unit gets a new one."""
    database.write_now(lambda conn: _add(conn, "before"))
    assert _tokens(database, "before") == ["before"]
    if database.dialect == "postgresql":
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        end = written(f"SELECT pg_terminate_backend(pid, 60000) {others}")
        database.read_now(lambda conn: run(conn, end).fetchall())
    database.write_now(lambda conn: run_many(conn, _ADD, [("after", "before")]))
    assert _tokens(database, "before", "after") == ["after", "before"]


def test_an_answer_is_asked_for_later(database: Database) -> None:
    """Whatever was asked meanwhile, and in whatever order the answers are taken: each is of its own
    statement, and of the moment at which it was asked."""

    def work(connection: Connection) -> list[object]:
        _add(connection, "one")
        before = ask(connection, _OF(2), ("one", "two"))
        added = ask(connection, _ADD, ("two", "one"))
        after = ask(connection, _OF(2), ("one", "two"))
        settle(connection)
        found = [row[0] for row in after.fetchall()]
        first = before.fetchone()
        return [found, first and first[0], before.fetchone(), added.rowcount]

    assert database.write_now(work) == [["one", "two"], "one", None, 1]


def test_rows_of_one_key_are_added_one_after_the_other(database: Database) -> None:
    """Unless they are said to be apart, rows that update each other may be told at once."""
    add = written(
        "INSERT INTO loss_day (day, provider, adapter, kind, name, writer, count)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, provider, adapter, kind, name, writer) DO UPDATE SET"
        " count = loss_day.count + excluded.count"
    )
    read = written("SELECT name, count FROM loss_day ORDER BY name")
    rows = [("2026-01-01", "Z", "a", "k", f"n{n % 3}", "w", n) for n in range(6)]

    def work(connection: Connection) -> list[tuple[str, int]]:
        run_many(connection, add, rows)
        run_many(connection, add, [*rows[:3]], apart=True)
        return [tuple(row) for row in run(connection, read).fetchall()]

    assert database.write_now(work) == [("n0", 0 + 3 + 0), ("n1", 1 + 4 + 1), ("n2", 2 + 5 + 2)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_may_be_longer_than_the_line_takes_at_once(database: Database) -> None:
    """Some megabytes go with what was told before them, and come back as they went."""
    sealed = bytes(range(256)) * 24_000

    def work(connection: Connection) -> list[tuple[object, ...]]:
        run_many(connection, _WHOLE, [(f"k{n}", f"k{n}", sealed, n, b"", None) for n in range(3)])
        return [tuple(row) for row in run(connection, _READ, ("k0", "k1", "k2")).fetchall()]

    assert database.write_now(work) == [(f"k{n}", sealed, n, None) for n in range(3)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_prepared_of_a_table_that_changes_is_let_go(database: Database) -> None:
    """Whoever asks then is told to ask again, and gets what is there now."""
    read = written("SELECT told FROM changing")
    database.write_now(lambda conn: conn.exec_driver_sql("CREATE TABLE changing AS SELECT 1 AS told"))
    for _ in range(4):
        assert database.write_now(lambda conn: run(conn, read).fetchall()) == [(1,)]
    database.write_now(lambda conn: conn.exec_driver_sql("ALTER TABLE changing ALTER told TYPE text"))
    seen: list[object] = []
    for _ in range(4):
        try:
            seen.append(database.write_now(lambda conn: run(conn, read).fetchall()))
        except Unavailable:
            seen.append(None)
    assert None in seen
    assert seen[-1] == [("1",)]
