"""Which revisions a former version lives through, and that nobody is at work where one does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Inspector, event, inspect, make_url, text
from tests.support.patience import until_now
from tests.unit.store.test_migrations_with_data import looking

from scr.errors import Conflict
from scr.store.engine import Database
from scr.store.migrations import _config, between, downgrade, migrate, revision_of, revisions, serves
from scr.store.migrations.others import others

_OPENS = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM person'); print()"
_STAYS = f"{_OPENS}; sys.stdout.flush(); sys.stdin.read()"

FIRST = "0030"
"""Those after it are looked at: the one after it needed a stop, so that nobody goes on from before it."""

Shape = dict[str, dict[str, tuple[str, bool, bool]]]


def shape(connection: Connection) -> tuple[Shape, set[str]]:
    """Each table's columns (type, whether it may be empty, whether it has a default), and what binds rows."""
    seen: Inspector = inspect(connection)
    tables = [name for name in seen.get_table_names() if name != "alembic_version"]
    columns = {
        table: {
            one["name"]: (str(one["type"]), one["nullable"], one["default"] is not None)
            for one in seen.get_columns(table)
        }
        for table in tables
    }
    bound = set()
    for table in tables:
        bound |= {f"{table} {index['column_names']}" for index in seen.get_indexes(table) if index["unique"]}
        bound |= {f"{table} {key}" for key in seen.get_foreign_keys(table)}
        bound |= {f"{table} {seen.get_pk_constraint(table)['constrained_columns']}"}
        bound |= {f"{table} {check['sqltext']}" for check in seen.get_check_constraints(table)}
    return columns, bound


def refused_of(before: tuple[Shape, set[str]], after: tuple[Shape, set[str]]) -> list[str]:
    """What a version that knows the former tables cannot do with the later: read a column, add a row."""
    (old, bound), (new, binding) = before, after
    found = [f"{table} is gone" for table in old if table not in new]
    for table, columns in old.items():
        later = new.get(table, columns)
        found += [f"{table}.{name} is another" for name, one in columns.items() if later.get(name) != one]
        found += [
            f"{table}.{name} is needed"
            for name, (_, empty, default) in later.items()
            if name not in columns and not (empty or default)
        ]
    return found + [f"bound by {one}" for one in binding - bound if one.split(" ")[0] in old]


@contextmanager
def told(database: Database) -> Iterator[list[str]]:
    """What is told to the database meanwhile."""
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def moves_rows(statement: str) -> bool:
    """Whether it writes a row: a table that is filled from another is not filled by a former version."""
    verb, *_ = statement.split(maxsplit=1)
    return verb.upper() in {"INSERT", "UPDATE", "DELETE"} and "alembic_version" not in statement


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_revision_only_adds_or_says_that_it_needs_a_stop(database_url: str) -> None:
    """Of each revision, what the version before it cannot do with the tables, and whether rows are moved."""
    stops = {one.number for one in between(FIRST, "head") if one.needs_stop}
    found = set()
    with looking(database_url) as database:
        downgrade(database, FIRST)
        for number in revisions()[: revisions().index(FIRST)][::-1]:
            before = database.read_now(shape)
            with told(database) as heard:
                migrate(database, number)
            if refused_of(before, database.read_now(shape)) or any(map(moves_rows, heard)):
                found.add(number)
    assert found == stops
    assert "0031" in stops


def test_the_revisions_are_one_line_by_their_numbers() -> None:
    """They are listed by the names of their files; Alembic goes by what each says that it follows."""
    walked = ScriptDirectory.from_config(_config()).walk_revisions()
    assert tuple(one.revision for one in walked) == revisions()


@contextmanager
def somebody_else(url: str) -> Iterator[None]:
    """Another process that has the database open and does nothing."""
    if url.startswith("postgresql"):
        with psycopg.connect(make_url(url).render_as_string(hide_password=False)):
            yield
        return
    command = [sys.executable, "-c", _STAYS, str(Path(make_url(url).database or ""))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.stdin.close()


def test_what_needs_a_stop_is_refused_while_others_are_there(database_url: str) -> None:
    """Rows are moved where nobody else has the database open, and nothing is taken back from anybody; what
    only adds goes on. Nothing is changed by what was refused."""
    with looking(database_url) as database:
        downgrade(database, "0031")
        with somebody_else(database_url):
            migrate(database, "0032")
            with pytest.raises(Conflict, match="every other process"):
                downgrade(database, "-1")
            assert database.read_now(revision_of) == "0032"
        until_now(lambda: not database.read_now(others))
        downgrade(database, "0030")
        with somebody_else(database_url), pytest.raises(Conflict, match=r"0031.*every other process"):
            migrate(database, "0031")
        assert database.read_now(revision_of) == "0030"
        until_now(lambda: not database.read_now(others))
        with looking(database_url):  # of this version, and waiting for the tables as this one does
            migrate(database, "0031")
        assert database.read_now(revision_of) == "0031"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_newer_tables_say_whether_they_serve_a_former_version(database: Database) -> None:
    """A former version starts on tables that only added to its own, changes nothing, and refuses others."""

    def put(version: str, least: str | None) -> None:
        change = text("UPDATE alembic_version SET version_num = :version, least = :least")
        values = {"version": version, "least": least}
        database.write_now(lambda connection: connection.execute(change, values).close())

    least = text("SELECT least FROM alembic_version")
    assert database.read_now(lambda c: c.execute(least).scalar_one()) == "0031"
    assert database.read_now(lambda c: serves(c, revision_of(c)))
    put("9999", "0031")
    migrate(database)
    assert database.read_now(lambda c: (revision_of(c), serves(c, "9999"))) == ("9999", True)
    put("9999", "9998")
    with pytest.raises(Conflict, match="serve this version no more"):
        migrate(database)
    assert not database.read_now(lambda c: serves(c, "9999"))


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_change_gives_way_to_whoever_is_at_work_on_its_tables(database_url: str) -> None:
    """While somebody holds one of them it is tried, given up and tried again, others are answered from the
    tables that it has changed already, and nobody's work is ended for it; then it is done."""
    address = make_url(database_url).render_as_string(hide_password=False)
    waiting = "SELECT xact_start FROM pg_stat_activity WHERE wait_event = 'relation' AND datname = %s"
    tries: set[object] = set()
    with looking(database_url) as database:
        downgrade(database, "0036")
    with looking(database_url) as database, psycopg.connect(address) as at_work:
        at_work.execute("LOCK TABLE session IN ACCESS SHARE MODE")
        with psycopg.connect(address, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
            name = other.info.dbname
            done = pool.submit(migrate, database)

            def tried_again() -> bool:
                tries.update(other.execute(waiting, [name]).fetchall())
                return len(tries) > 1

            until_now(tried_again)
            assert other.execute("SELECT count(*) FROM message").fetchone() == (0,)
            assert at_work.execute("SELECT count(*) FROM message").fetchone() == (0,)
            assert not done.done()
            at_work.rollback()
            done.result()
        assert database.read_now(revision_of) == revisions()[0]
