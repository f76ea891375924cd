"""Statements straight to the database's driver: for what is run for every unit that comes in.

SQLAlchemy's way to a statement and its result costs several times what SQLite takes to run it. What is
run here is in the same transaction as everything else of the connection, and fails with the same errors.

A way to PostgreSQL and back costs more than most statements. What nobody waits for (``send``) goes there
together with the next statement that somebody does wait for, and at the latest before the unit of work
ends. Its values stand in the text of the statement then, and so, where one is refused, in PostgreSQL's own
log: they are opaque keys, sealed bytes, codes of organisations and times, as everything in the tables is.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

import psycopg
from psycopg.abc import Buffer
from psycopg.pq import Escaping, TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Statement = Mapping[str, str]
"""A statement by dialect, as its driver takes it (``written``)."""

_WIDTHS = 600
_FEW = 20
"""Rows of values that are sent as text: more of them are prepared once, and bound."""
_INSERT = re.compile(r"(INSERT INTO \w+ \([\w, ]+\) VALUES )(\([%s, ]+\))((?: ON CONFLICT DO NOTHING)?)")
_UNSENT = "scr_unsent"
"""What PostgreSQL was not told yet, of a connection in a transaction that ``begin`` began."""
_HELD = "scr_held"
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
    sql, driver = statement[connection.dialect.name], _driver(connection)
    unsent = connection.info.get(_UNSENT)
    try:
        if connection.dialect.name == "sqlite":
            return cast(Ran, driver.execute(sql, values))
        if unsent:
            return _at_once(driver, unsent, _in_full(driver, sql, values))
        return cast(Ran, driver.execute(sql, values, binary=True))
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def send(connection: Connection, statement: Statement, values: Sequence[object] = ()) -> None:
    """Run a statement of whose answer nothing is asked: on PostgreSQL with the next one that is run.

    Raises as ``run``, or lets that one raise.
    """
    unsent = connection.info.get(_UNSENT)
    if unsent is None:
        run(connection, statement, values)
    else:
        sql = statement["postgresql"]
        try:
            unsent.append(_in_full(_driver(connection), sql, values))
        except psycopg.Error as error:
            raise _as_sqlalchemys(connection, sql, error) from error


def run_many(connection: Connection, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
    """Run a statement for each row of values; some few are sent as ``send`` does, those of one table in one
    statement: PostgreSQL plans it once. Raises as ``run``."""
    unsent = connection.info.get(_UNSENT)
    if unsent is not None and len(rows) <= _FEW:
        unsent += _few(connection, statement["postgresql"], rows)
        return
    settle(connection)
    sql, cursor = statement[connection.dialect.name], _driver(connection).cursor()
    try:
        cursor.executemany(sql, rows)
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error
    finally:
        cursor.close()


def _few(connection: Connection, sql: str, rows: Sequence[Sequence[object]]) -> list[str]:
    """The statements of some few rows: one, where it is an INSERT whose rows cannot meet each other."""
    one, driver = _INSERT.fullmatch(sql), _driver(connection)
    try:
        if one is None:
            return [_in_full(driver, sql, row) for row in rows]
        into, marks, unless = one.groups()
        return [into + ", ".join(_in_full(driver, marks, row) for row in rows) + unless] if rows else []
    except psycopg.Error as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def begin(connection: Connection, patience: str) -> None:
    """Begin a transaction that writes; on PostgreSQL it waits for a lock so long (``50ms``), and from here
    on what is sent waits for what is run."""
    connection.info[_HELD] = set()
    if connection.dialect.name == "postgresql":
        connection.info[_UNSENT] = ["BEGIN", f"SET LOCAL lock_timeout = '{patience}'"]


def settle(connection: Connection) -> None:
    """Send what was not sent yet. Raises as ``run``."""
    unsent = connection.info.get(_UNSENT)
    if unsent:
        last = unsent.pop()
        try:
            _at_once(_driver(connection), unsent, last)
        except psycopg.Error as error:
            raise _as_sqlalchemys(connection, "what was sent before", error) from error


def commit(connection: Connection) -> bool:
    """Commit; whether it stands: PostgreSQL answers COMMIT of a broken transaction with a quiet rollback.

    On SQLite the connection itself commits afterwards. Raises as ``run``.
    """
    if connection.dialect.name == "sqlite" or is_lost(connection):
        return not is_lost(connection)
    unsent = connection.info.get(_UNSENT) or []
    if "BEGIN" in unsent and not any(map(_may_fail, unsent)):
        unsent.clear()  # nothing was said, and nothing is to be committed
        return True
    ended: Any = run(connection, written("COMMIT"))
    return bool(ended.statusmessage == "COMMIT")


def held(connection: Connection) -> set[str]:
    """The persons (their keys) who are held since the last savepoint: they need not be locked again."""
    found: set[str] | None = connection.info.get(_HELD)
    return set() if found is None else found


def set_savepoint(connection: Connection, name: str) -> None:
    """Begin what can be undone. What was sent before it is told first: it is no part of that."""
    connection.info[_HELD] = set()
    tell = run if any(map(_may_fail, connection.info.get(_UNSENT) or ())) else send
    tell(connection, written(f"SAVEPOINT {name}"))


def undo(connection: Connection, name: str) -> None:
    """Undo everything since a savepoint, which is no more then."""
    connection.info[_HELD] = set()
    unsent, begun = connection.info.get(_UNSENT) or [], f"SAVEPOINT {name}"
    if begun in unsent:
        del unsent[len(unsent) - 1 - unsent[::-1].index(begun) :]
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


def _in_full(driver: Any, sql: str, values: Sequence[object]) -> str:
    """A statement with its values in it, texts quoted by PostgreSQL's own library. (psycopg takes ten times
    as long, and a message has two dozen of them.)"""
    if not values:
        return sql
    quote, encoding = Escaping(driver.pgconn).escape_literal, driver.info.encoding
    first, *rest = _around(sql)
    told = [first]
    for value, after in zip(values, rest, strict=True):
        told += (_literal(quote, encoding, value), after)
    return "".join(told)


@lru_cache(maxsize=_WIDTHS)
def _around(sql: str) -> list[str]:
    return sql.split("%s")


def _literal(quote: Callable[[bytes], Buffer], encoding: str, value: object) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            if "\0" in value:
                raise psycopg.DataError("a text with a NUL is none to PostgreSQL")
            return bytes(quote(value.encode(encoding))).decode(encoding)
        case int() | float():
            return f" {value}"  # a minus right after another would begin a comment
        case bytes() | bytearray() | memoryview():
            return f"'\\x{value.hex()}'::bytea"
    raise psycopg.DataError(f"a value of type {type(value).__name__} has no place in a statement")


def _at_once(driver: Any, unsent: list[str], last: str) -> Ran:
    """Several statements in one message; the answer of the last."""
    told = "; ".join((*unsent, last))
    unsent.clear()
    cursor: Any = psycopg.ClientCursor(driver)
    cursor.execute(told)
    cursor.set_result(-1)
    return cast(Ran, cursor)


def is_lost(connection: Connection) -> bool:
    """Whether the transaction has ended before its time; no database need be asked for that."""
    driver = _driver(connection)
    if connection.dialect.name == "sqlite":
        return not driver.in_transaction
    ended = driver.info.transaction_status == TransactionStatus.IDLE
    return ended and "BEGIN" not in connection.info.get(_UNSENT, ())


def _is_broken(connection: Connection) -> bool:
    """Whether PostgreSQL takes nothing more in this transaction, for a statement in it has failed."""
    if connection.dialect.name == "sqlite":
        return False
    return bool(_driver(connection).info.transaction_status == TransactionStatus.INERROR)


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
