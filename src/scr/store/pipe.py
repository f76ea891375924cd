"""Statements to PostgreSQL by libpq's own words: several in one message, prepared once, their values bound.

psycopg's way to a statement takes three times what libpq takes, and a statement that PostgreSQL has to parse
and plan anew twice what it takes to run. So what is told here waits until somebody asks for an answer, and
goes with it in one message; of each statement that comes again PostgreSQL keeps what it made of it.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import re
import select
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NoReturn

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

_MOST = 300
"""Statements that are prepared on a connection; what more there are is planned each time."""
_WORTH = 3
"""How often a statement has come when it is prepared: one that comes once costs more by it."""
_WIDTHS = 600
_AT_ONCE = (8, 4, 2, 1)
"""Rows that are written by one statement: for each number there is a statement to be kept."""
_INSERT = re.compile(r"(INSERT INTO \w+ \([\w, ]+\) VALUES )(\([%s, ]+\))((?: ON CONFLICT .*)?)")
_STALE = frozenset({"0A000", "26000"})
"""SQLSTATE of what was prepared of a table that has other columns since, or is prepared no more."""
_GOOD = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY})

_BYTES = (bytes, bytearray, memoryview)

Driver = psycopg.Connection[Any]
Value = bytes | bytearray | memoryview | None


class Asked:
    """A statement, and its answer: asking for that sends everything that was told until then."""

    __slots__ = ("_pipe", "_result", "_rows", "formats", "sql", "values")

    def __init__(self, pipe: Pipe, sql: str, values: list[Value], formats: list[Format]) -> None:
        self._pipe, self.sql, self.values, self.formats = pipe, sql, values, formats
        self._result: PGresult | None = None
        self._rows: Iterator[tuple[Any, ...]] | None = None

    @property
    def rowcount(self) -> int:
        """How many rows it has changed."""
        return self.answer().command_tuples or 0

    @property
    def statusmessage(self) -> str:
        """What PostgreSQL says that it has done: ``COMMIT``, say."""
        return (self.answer().command_status or b"").decode()

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row of a query, None at its end."""
        return next(self._left(), None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of a query that are left."""
        return list(self._left())

    def answer(self) -> PGresult:
        """What came back. Raises psycopg's errors."""
        if self._result is None:
            self._pipe.flush()
        if self._result is None:
            raise psycopg.OperationalError("a statement that was undone has no answer")
        return self._result

    def take(self, result: PGresult) -> None:
        """Have the answer; its values are let go of."""
        self._result, self.values = result, []

    def _left(self) -> Iterator[tuple[Any, ...]]:
        if self._rows is None:
            self._rows = iter(self._pipe.rows_of(self.answer()))
        return self._rows


class Pipe:
    """The pipe of one connection, in whose transaction everything is that goes through it."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.unsent: list[Asked] = []
        """What was told and not sent yet."""
        self._wire = driver.pgconn
        self._ready = select.poll()
        self._ready.register(self._wire.socket, select.POLLIN)
        self._loaders = Transformer(driver)
        self._encoding = driver.info.encoding
        self._came: Counter[str] = Counter()
        self._prepared: dict[str, bytes] = {}

    def tell(self, sql: str, values: Sequence[object] = ()) -> Asked:
        """Take a statement with ``%s`` for each value; it is sent with the next that is asked for an answer.

        Raises psycopg's DataError for a value that has no place in the database.
        """
        told = [_told(one, self._encoding) for one in values]
        formats = [Format.BINARY if isinstance(one, _BYTES) else Format.TEXT for one in values]
        asked = Asked(self, sql, told, formats)
        self.unsent.append(asked)
        return asked

    def flush(self) -> None:
        """Send what was told, and take every answer. Raises psycopg's error of the first that was refused;
        then PostgreSQL has run nothing after it."""
        told = self.unsent[:]
        self.unsent.clear()
        if not told:
            return
        refused = None
        try:
            self._wire.enter_pipeline_mode()
            fresh = self._send(told)
            refused = self._take(told, fresh)
            self._wire.exit_pipeline_mode()
        except BaseException:  # where it stands nobody knows: it is not used again
            with suppress(psycopg.Error):
                self.driver.close()
            raise
        if refused is not None:
            self._refuse(refused)

    def rows_of(self, result: PGresult) -> list[tuple[Any, ...]]:
        """The rows of an answer, as Python's own values."""
        self._loaders.set_pgresult(result, format=Format.BINARY)
        return self._loaders.load_rows(0, result.ntuples, tuple)

    def _send(self, told: Sequence[Asked]) -> dict[int, bytes]:
        """Send statements, and what PostgreSQL is short of; the names of those, by place."""
        fresh: dict[int, bytes] = {}
        also: dict[str, bytes] = {}
        for at, one in enumerate(told):
            name = self._prepared.get(one.sql) or also.get(one.sql)
            if name is None and self._is_worth(one.sql, len(also)):
                name = f"scr_{len(self._prepared) + len(also)}".encode()
                fresh[at] = also[one.sql] = name
                self._wire.send_prepare(name, _numbered(one.sql))
            if name is None:
                self._wire.send_query_params(_numbered(one.sql), one.values, None, one.formats, Format.BINARY)
            else:
                self._wire.send_query_prepared(name, one.values, one.formats, Format.BINARY)
        self._wire.pipeline_sync()
        while self._wire.flush():  # more than the socket takes at once; meanwhile there may be answers
            self._wait(select.POLLIN | select.POLLOUT)
        return fresh

    def _is_worth(self, sql: str, also: int) -> bool:
        self._came[sql] += 1
        if len(self._came) > 4 * _MOST:
            self._came.clear()
        return self._came[sql] >= _WORTH and len(self._prepared) + also < _MOST

    def _take(self, told: Sequence[Asked], fresh: dict[int, bytes]) -> PGresult | None:
        """Take the answers; the first that refuses."""
        refused: PGresult | None = None
        for at, one in enumerate(told):
            if at in fresh:
                result = self._next()
                if result.status == ExecStatus.COMMAND_OK:
                    self._prepared[one.sql] = fresh[at]
                elif refused is None:
                    refused = result
            result = self._next()
            if result.status in _GOOD:
                one.take(result)
            elif refused is None:
                refused = result
        if self._next().status != ExecStatus.PIPELINE_SYNC:
            raise _lost()
        return refused

    def _refuse(self, refused: PGresult) -> NoReturn:
        error = error_from_result(refused, self._encoding)
        if error.sqlstate in _STALE:
            self.driver.close()
            raise psycopg.OperationalError("what was prepared is of no use any more") from error
        raise error

    def _next(self) -> PGresult:
        """The next answer: between two statements there is one that is none."""
        for _ in range(2):
            while self._wire.is_busy():
                self._wait(select.POLLIN)
            result = self._wire.get_result()
            if result is not None and self._wire.status != ConnStatus.BAD:
                return result
        raise _lost()

    def _wait(self, events: int) -> None:
        """Wait for the server: in ``get_result`` the whole process would wait with this thread."""
        self._ready.modify(self._wire.socket, events)
        if any(event & ~select.POLLOUT for _, event in self._ready.poll()):
            self._wire.consume_input()


def together(
    sql: str, rows: Sequence[Sequence[object]], *, apart: bool
) -> Iterator[tuple[str, list[object]]]:
    """A statement for some rows at once, where it is an INSERT whose rows cannot meet each other: it updates
    none, or they are ``apart``."""
    one = _INSERT.fullmatch(sql)
    width = 1 if one is None or (" DO UPDATE " in one[3] and not apart) else _AT_ONCE[0]
    at = 0
    while at < len(rows):
        count = next(each for each in _AT_ONCE if each <= min(width, len(rows) - at))
        yield _of_rows(sql, count), [value for row in rows[at : at + count] for value in row]
        at += count


@lru_cache(maxsize=_WIDTHS)
def _of_rows(sql: str, count: int) -> str:
    one = _INSERT.fullmatch(sql)
    if one is None or count == 1:
        return sql
    into, marks, unless = one.groups()
    return into + ", ".join([marks] * count) + unless


def _told(value: object, encoding: str) -> Value:
    """A value as it goes out."""
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("a text with a NUL is none to PostgreSQL")
        return value.encode(encoding)
    if value is None or isinstance(value, _BYTES):
        return value
    if isinstance(value, int | float):
        return str(value).encode()
    raise psycopg.DataError(f"a value of type {type(value).__name__} has no place in a statement")


@lru_cache(maxsize=_WIDTHS)
def _numbered(sql: str) -> bytes:
    """A statement with its values numbered, as PostgreSQL itself writes them."""
    first, *rest = sql.split("%s")
    return "".join((first, *(f"${at}{after}" for at, after in enumerate(rest, 1)))).encode()


def _lost() -> psycopg.OperationalError:
    return psycopg.OperationalError("the connection to the server was lost")
