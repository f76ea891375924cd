"""Statements straight to the database's driver: for what is run for every unit that comes in.

SQLAlchemy's way to a statement and its result costs several times what SQLite takes to run it. What is
run here is in the same transaction as everything else of the connection, and fails with the same errors.

A way to PostgreSQL and back costs more than most statements. What nobody waits for (``send``), and what
somebody asks the answer of later (``ask``), goes there together with the next statement that somebody does
wait for, and at the latest before the unit of work ends (``scr.store.pipe``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scr.store.pipe import Asked, Pipe, together

Statement = Mapping[str, str]
"""A statement by dialect, as its driver takes it (``written``)."""

_WIDTHS = 600
_LONG = 256
"""Statements that are kept back at most."""
_LINK = "scr_link"
_NEVER_FAIL = ("BEGIN", "SET LOCAL", "SAVEPOINT", "RELEASE")
_ERRORS: Mapping[str, type[Exception]] = {"sqlite": sqlite3.Error, "postgresql": psycopg.Error}


class Ran(Protocol):
    """What the drivers' cursors have in common. ``rowcount`` is how many rows were changed."""

    @property
    def rowcount(self) -> int:
        """How many rows a statement has changed."""

    def fetchone(self) -> Any:
        """The next row of a query, None at its end."""

    def fetchall(self) -> list[Any]:
        """The rows of a query that are left."""


@dataclass(slots=True, eq=False)
class _Read:
    """An answer that was read."""

    rowcount: int
    rows: Iterator[Any]

    def fetchone(self) -> Any:
        return next(self.rows, None)

    def fetchall(self) -> list[Any]:
        return list(self.rows)


@dataclass(slots=True, eq=False)
class _Link:
    """What a connection whose transactions ``begin`` begins writes by: to SQLite without a pipe. ``held`` are
    the persons who are held since the last savepoint, and what their records remember of labels."""

    driver: Any
    pipe: Pipe | None
    held: dict[str, bytes | None] = field(default_factory=dict)


def written(sql: str) -> dict[str, str]:
    """A statement with ``?`` for each value, by dialect, as its driver takes it."""
    return {"sqlite": sql, "postgresql": sql.replace("?", "%s")}


def some(sql: str) -> Callable[[int], Statement]:
    """A statement by how many values stand at ``{marks}``."""

    @lru_cache(maxsize=_WIDTHS)
    def of(count: int) -> Statement:
        return written(sql.format(marks=", ".join("?" * count)))

    return of


def run(connection: Connection, statement: Statement, values: Sequence[object] = ()) -> Ran:
    """Run a statement once. Bytes come as bytes, and not as text, from either database.

    Raises SQLAlchemy's DBAPIError, as the connection itself would.
    """
    link = _link(connection)
    sql = statement[connection.dialect.name]
    try:
        if link is None:
            how = {} if connection.dialect.name == "sqlite" else {"binary": True}
            return cast(Ran, _driver(connection).execute(sql, values, **how))
        if link.pipe is None:
            return cast(Ran, link.driver.execute(sql, values))
        asked = link.pipe.tell(sql, values)
        link.pipe.flush()
        return asked
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def ask(connection: Connection, statement: Statement, values: Sequence[object] = ()) -> Ran:
    """Run a statement whose answer is asked for later: on PostgreSQL with the next one that is run, or when
    the answer is asked for (``settle`` first, so that what is refused is raised as an error of ours)."""
    link = _link(connection)
    if link is None or link.pipe is None:
        ran = run(connection, statement, values)
        return _Read(ran.rowcount, iter(ran.fetchall()))  # SQLite would read on when it is asked to
    return _tell(connection, link.pipe, statement["postgresql"], values)


def send(connection: Connection, statement: Statement, values: Sequence[object] = ()) -> None:
    """Run a statement of whose answer nothing is asked: on PostgreSQL with the next one that is run.

    Raises as ``run``, or lets that one raise.
    """
    pipe = _pipe(connection)
    if pipe is None:
        run(connection, statement, values)
    else:
        _tell(connection, pipe, statement["postgresql"], values)


def run_many(
    connection: Connection, statement: Statement, rows: Sequence[Sequence[object]], *, apart: bool = False
) -> None:
    """Run a statement for each row of values; some rows of an INSERT by one statement, where it updates none,
    or where no two rows are of one key (``apart``). Raises as ``run``, or lets the next one raise."""
    pipe = _pipe(connection)
    if pipe is not None:
        for sql, values in together(statement["postgresql"], rows, apart=apart):
            _tell(connection, pipe, sql, values)
        return
    sql, cursor = statement[connection.dialect.name], _driver(connection).cursor()
    try:
        cursor.executemany(sql, rows)
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error
    finally:
        cursor.close()


def _tell(connection: Connection, pipe: Pipe, sql: str, values: Sequence[object]) -> Asked:
    try:
        asked = pipe.tell(sql, values)
        if len(pipe.unsent) >= _LONG:
            pipe.flush()
        return asked
    except psycopg.Error as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def begin(connection: Connection, patience: str) -> None:
    """Begin a transaction that writes; on PostgreSQL it waits for a lock so long (``50ms``), and from here
    on what is sent waits for what is run."""
    driver, link = _driver(connection), _link(connection)
    if link is None or link.driver is not driver:
        pipe = Pipe(driver) if connection.dialect.name == "postgresql" else None
        link = connection.info[_LINK] = _Link(driver, pipe)
    link.held.clear()
    if link.pipe is not None:
        link.pipe.unsent.clear()
        link.pipe.tell("BEGIN")
        link.pipe.tell(f"SET LOCAL lock_timeout = '{patience}'")


def settle(connection: Connection) -> None:
    """Send what was not sent yet. Raises as ``run``."""
    pipe = _pipe(connection)
    try:
        if pipe is not None:
            pipe.flush()
    except psycopg.Error as error:
        raise _as_sqlalchemys(connection, "what was sent before", error) from error


def commit(connection: Connection) -> bool:
    """Commit; whether it stands: PostgreSQL answers COMMIT of a broken transaction with a quiet rollback.

    On SQLite the connection itself commits afterwards. Raises as ``run``.
    """
    if connection.dialect.name == "sqlite" or is_lost(connection):
        return not is_lost(connection)
    pipe = _pipe(connection)
    if pipe is not None and _is_bare(pipe):
        pipe.unsent.clear()  # nothing was said, and nothing is to be committed
        return True
    ended: Any = run(connection, written("COMMIT"))
    return bool(ended.statusmessage == "COMMIT")


def held(connection: Connection) -> dict[str, bytes | None]:
    """The persons (their keys) who are held since the last savepoint, and need not be locked again; of each
    what is remembered of labels, sealed, as it stands."""
    link = _link(connection)
    return {} if link is None else link.held


def set_savepoint(connection: Connection, name: str, *, inner: bool = False) -> None:
    """Begin what can be undone. What was sent before it is told first: it is no part of that. ``inner``: it
    is a part of the same unit of work, and who was held before is so still."""
    if not inner:
        held(connection).clear()
    pipe = _pipe(connection)
    tell = run if pipe is not None and any(_may_fail(one.sql) for one in pipe.unsent) else send
    tell(connection, written(f"SAVEPOINT {name}"))


def undo(connection: Connection, name: str) -> None:
    """Undo everything since a savepoint, which is no more then."""
    held(connection).clear()
    pipe, begun = _pipe(connection), f"SAVEPOINT {name}"
    unsent = [] if pipe is None else pipe.unsent
    for at in reversed(range(len(unsent))):
        if unsent[at].sql == begun:
            del unsent[at:]
            return
    unsent.clear()
    send(connection, written(f"ROLLBACK TO {begun}"))
    run(connection, written(f"RELEASE {begun}"))


def release(connection: Connection, name: str) -> None:
    """Let what was done since a savepoint stand with the rest of the transaction. Raises as ``run`` where
    that is broken by a statement whose error nobody heard of."""
    tell = run if _is_broken(connection) else send
    tell(connection, written(f"RELEASE SAVEPOINT {name}"))


def run_at_once(connection: Connection, sql: str) -> None:
    """Run a statement that begins a transaction, on SQLite. Raises as ``run``."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(sql)
    except sqlite3.Error as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def _driver(connection: Connection) -> Any:
    """The driver's connection, its transaction begun as the connection begins one."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection


def _link(connection: Connection) -> _Link | None:
    found: _Link | None = connection.info.get(_LINK)
    return found


def _pipe(connection: Connection) -> Pipe | None:
    """The pipe of a connection that writes to PostgreSQL."""
    link = _link(connection)
    return None if link is None else link.pipe


def is_lost(connection: Connection) -> bool:
    """Whether the transaction has ended before its time; no database need be asked for that."""
    driver, pipe = _driver(connection), _pipe(connection)
    if connection.dialect.name == "sqlite":
        return not driver.in_transaction
    begun = pipe is not None and any(one.sql == "BEGIN" for one in pipe.unsent)
    return not begun and driver.pgconn.transaction_status == TransactionStatus.IDLE


def _is_broken(connection: Connection) -> bool:
    """Whether PostgreSQL takes nothing more in this transaction, for a statement in it has failed."""
    if connection.dialect.name == "sqlite":
        return False
    return bool(_driver(connection).pgconn.transaction_status == TransactionStatus.INERROR)


def _is_bare(pipe: Pipe) -> bool:
    """Whether a transaction was begun of which the database has not heard, and nothing said in it."""
    told = [one.sql for one in pipe.unsent]
    return "BEGIN" in told and not any(map(_may_fail, told))


def _may_fail(sql: str) -> bool:
    return not sql.startswith(_NEVER_FAIL)


def _as_sqlalchemys(connection: Connection, sql: str, error: Exception) -> BaseException:
    return DBAPIError.instance(
        sql,
        None,
        error,
        _ERRORS[connection.dialect.name],
        hide_parameters=True,
        dialect=connection.dialect,
    )
