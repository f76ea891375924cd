"""How SQLite and PostgreSQL are opened: one engine that reads, one that writes."""

from __future__ import annotations

import errno
import os
import secrets
import select
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.pq import Format
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import NullPool, QueuePool

from scr.errors import Invalid, Unavailable
from scr.store.driver import run_at_once, settle

BINARY = "scr_binary"
"""Execution option of a read: PostgreSQL sends bytes as bytes, not as text, which takes twice the time."""

_EVERYWHERE = ("foreign_keys = ON", "busy_timeout = 5000", "cache_size = -16000")
_PAGE = "page_size = 8192"
"""A sealed resource of 1 to 2 kB stays on its page; with 4096 bytes it spills, and a read takes longer."""
_WRITING = (_PAGE, "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
_READING = ("query_only = ON",)


def sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    """The reading and the writing engine of a SQLite file; the file is made, mode 0600, if it is not there.

    Raises Invalid for a database in memory (it would be another one in every thread), Unavailable
    where the folder is missing or may not be written.
    """
    if not url.database or url.database == ":memory:":
        raise Invalid("SQLite needs a file: sqlite:///PATH", code="bad-setting")
    path = Path(url.database).absolute()
    try:
        _make(path)
    except OSError as error:
        raise Unavailable(
            f"cannot open: {error.strerror}", code="database-unavailable", where=str(path)
        ) from None
    write = _sqlite_engine(path, writing=True)
    with write.connect():
        pass  # the first connection turns the write-ahead log on, which a reader could not
    return _sqlite_engine(path, writing=False), write


def _make(path: Path) -> None:
    """Make a file that is not there. One that is there is not opened: to close it again would let go of the
    locks that SQLite holds on it for this process (POSIX). Raises OSError where it may not be written."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def _sqlite_engine(path: Path, *, writing: bool) -> Engine:
    address = f"file:{quote(str(path))}?mode={'rw' if writing else 'ro'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: BEGIN is ours to say, below, so that savepoints and snapshots hold.
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for pragma in _EVERYWHERE + (_WRITING if writing else _READING):
            connection.execute(f"PRAGMA {pragma}").close()
        return connection

    pool = QueuePool if writing else NullPool
    engine = create_engine("sqlite://", creator=connect, poolclass=pool, hide_parameters=True)
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"  # a writer that upgraded its lock could be refused

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        run_at_once(connection, begin)

    return engine


def postgresql_engines(url: URL, writers: int, readers: int) -> tuple[Engine, Engine]:
    """The reading and the writing engine of a PostgreSQL database, through psycopg 3."""
    address = url.set(drivername="postgresql+psycopg")
    name = {"application_name": f"scr {known_revisions()[0]} {secrets.token_hex(4)}"}
    read = create_engine(
        address,
        connect_args=name,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
        pool_size=readers,
        max_overflow=2,
        hide_parameters=True,
    )
    write = create_engine(
        address,
        # psycopg prepares nothing here: what ``scr.store.pipe`` prepares would go with what it lets go of
        connect_args={**name, "prepare_threshold": None},
        isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say (``scr.store.driver``)
        pool_size=writers,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(read, "before_cursor_execute")
    def _binary(_: Connection, cursor: Any, *told: Any) -> None:
        context: ExecutionContext = told[2]
        if context.execution_options.get(BINARY):
            cursor.format = Format.BINARY

    @event.listens_for(write, "before_cursor_execute")
    def _in_order(connection: Connection, *_: Any) -> None:
        settle(connection)

    for engine in (read, write):
        event.listen(engine, "checkout", _see_that_it_is_open)
    return read, write


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions of the tables that this version knows, the newest first: it names its connections by
    that one, for those of other versions (``scr.store.migrations.others``)."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return tuple(sorted((path.name[:4] for path in versions.glob("[0-9]*.py")), reverse=True))


def _see_that_it_is_open(driver: Any, *_: Any) -> None:
    """Take no connection that the server has closed since: what waits to be read on one that nobody uses is
    its end. To ask the server each time would cost as much as a small read."""
    if not driver.closed:
        waiting = select.poll()
        waiting.register(driver, select.POLLIN)
        if not waiting.poll(0):
            return
    raise DisconnectionError
