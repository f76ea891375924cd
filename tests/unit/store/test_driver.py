"""Statements straight to the driver are part of the connection's transaction, and fail as its own do."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from scr.errors import Conflict, Fault, Unavailable
from scr.store.driver import run, run_many, some, written
from scr.store.engine import Database

_ADD = written("INSERT INTO person_index (token, person, kind) VALUES (?, ?, 'local')")
_OF = some("SELECT token FROM person_index WHERE token IN ({marks}) ORDER BY token")
_PERSON = written("INSERT INTO person (key, patient_id, wrapped_key, created, sealed) VALUES (?, ?, ?, 0, ?)")


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
