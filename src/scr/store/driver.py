"""Statements straight to the database's driver: for what is run for every unit that comes in.

SQLAlchemy's way to a statement and its result costs several times what SQLite takes to run it. What is
run here is in the same transaction as everything else of the connection, and fails with the same errors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Statement = Mapping[str, str]
"""A statement by dialect, as its driver takes it (``written``)."""

_WIDTHS = 600
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
    dialect = connection.dialect.name
    sql, driver = statement[dialect], _driver(connection)
    try:
        if dialect == "sqlite":
            return cast(Ran, driver.execute(sql, values))
        return cast(Ran, driver.execute(sql, values, binary=True))
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error


def run_many(connection: Connection, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
    """Run a statement for each row of values. Raises as ``run``."""
    sql, cursor = statement[connection.dialect.name], _driver(connection).cursor()
    try:
        cursor.executemany(sql, rows)
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_sqlalchemys(connection, sql, error) from error
    finally:
        cursor.close()


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


def _as_sqlalchemys(connection: Connection, sql: str, error: Exception) -> BaseException:
    return DBAPIError.instance(
        sql,
        None,
        error,
        _ERRORS[connection.dialect.name],
        hide_parameters=True,
        dialect=connection.dialect,
    )
