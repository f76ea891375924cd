"""A line to PostgreSQL for short questions: one connection, held by the event loop itself.

A question that a thread asks costs three times what the database takes to answer it: it is handed over and
back, and each time the interpreter's lock with it. On the line questions are sent as they come, none waits
for the answer of another (libpq's pipeline mode), and their answers are taken as they come. What is asked is
one statement that reads, and sees what one snapshot sees: no transaction need be begun or ended.

Where the line is not there, or breaks, nobody is told anything: ``ask`` gives None, and the question is asked
in the other way, which tells of what is wrong. Nothing of it may fail for its being asked twice.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, cast

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format
from sqlalchemy import Engine

Driver = psycopg.Connection[Any]
Rows = list[tuple[Any, ...]]
_ENOUGH = 8
"""Questions after which a line is worth its connection: a command asks fewer."""
_READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"


class Line:
    """The line of a process. It is the first event loop's that asks on it; the others do without."""

    def __init__(self, engine: Engine, threads: Executor) -> None:
        """``engine`` makes the connection, in one of the ``threads``."""
        self._engine, self._threads = engine, threads
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: _Open | None = None
        self._fresh: list[Driver] = []
        self._making = self._closed = False
        self._asked = 0

    async def ask(self, statement: Mapping[str, str], values: Sequence[object]) -> Rows | None:
        """The rows of a statement (``scr.store.driver``); None where it has to be asked otherwise."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._loop is not loop:
            self._wanted(loop)
            return None
        told = _told(values)
        return None if told is None else await self._open.ask(statement["postgresql"], told)

    def close(self) -> None:
        """Let go of it, when none of the threads is at work any more; a second call does nothing."""
        self._closed = True
        if self._open is not None:
            self._open.end()
        while self._fresh:  # it came when nobody was there any more
            self._fresh.pop().close()

    def _wanted(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to open a line, where there have been enough questions; nobody waits for it."""
        if self._loop is not loop and self._loop is not None and not self._loop.is_closed():
            return  # it is another's
        if self._loop is not loop:
            self.close()
            self._loop, self._open, self._making, self._closed = loop, None, False, False
        self._asked += 1
        if not self._making and not self._closed and self._asked >= _ENOUGH:
            self._making = True
            made = loop.run_in_executor(self._threads, self._connect)
            made.add_done_callback(self._made)

    def _connect(self) -> None:
        made = self._engine.raw_connection()  # named as all that this process has
        driver = cast(Driver, made.driver_connection)
        made.detach()
        try:
            driver.autocommit = True
            driver.execute(_READ_ONLY)
        except psycopg.Error:
            driver.close()
            raise
        self._fresh.append(driver)

    def _made(self, made: asyncio.Future[None]) -> None:
        self._making, self._asked = False, 0
        if not made.cancelled():
            made.exception()  # whoever asks is told why in the other way
        while self._fresh:
            driver = self._fresh.pop()
            if self._closed or self._loop is None or self._open is not None:
                driver.close()
            else:
                self._open = _Open(driver, self._loop, self._ended)

    def _ended(self) -> None:
        self._open = None


class _Open:
    """A line that is open: who waits for an answer, in their order."""

    def __init__(self, driver: Driver, loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
        self._driver, self._loop, self._ended = driver, loop, ended
        self._wire = driver.pgconn
        self._wire.nonblocking = 1
        self._wire.enter_pipeline_mode()
        self._rows = Transformer(driver)
        self._names: dict[str, bytes] = {}
        self._waiting: deque[asyncio.Future[Rows | None]] = deque()
        self._came: Rows | None = None
        self._failed = False
        self._socket = self._wire.socket  # a connection that is lost does not know it any more
        loop.add_reader(self._socket, self._read)

    def ask(self, sql: str, values: Sequence[bytes | None]) -> asyncio.Future[Rows | None]:
        """Send a statement, and what it is short of; what comes of it."""
        waiter: asyncio.Future[Rows | None] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            name = self._names.get(sql)
            if name is None:
                name = self._names[sql] = f"scr{len(self._names)}".encode()
                self._wire.send_prepare(name, _numbered(sql).encode())
            self._wire.send_query_prepared(name, values, None, Format.BINARY)
            self._wire.pipeline_sync()
            self._send()
        except psycopg.Error:
            self.end()
        return waiter

    def end(self) -> None:
        """Close it; whoever waits asks otherwise."""
        self._ended()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._driver.close()
        while self._waiting:
            self._tell(None)

    def _send(self) -> None:
        """Send what can be sent now, and the rest when it can."""
        if self._wire.flush():
            self._loop.add_writer(self._socket, self._send_on)

    def _send_on(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._send()
        except psycopg.Error:
            self.end()

    def _read(self) -> None:
        try:
            self._wire.consume_input()
            self._take()
        except psycopg.Error:
            self._failed = True
        if self._failed:  # and with what it was: what is prepared may be of tables that have changed since
            self.end()

    def _take(self) -> None:
        """Take every result that has come. Of each question there is a last one that says that it is so."""
        anything = True
        while self._waiting and not self._wire.is_busy():
            result = self._wire.get_result()
            if result is None:
                if not anything:
                    return
                anything = False
                continue
            anything = True
            if result.status == ExecStatus.PIPELINE_SYNC:
                self._tell(self._came)
                self._came = None
            elif result.status == ExecStatus.TUPLES_OK:
                self._rows.set_pgresult(result, format=Format.BINARY)
                self._came = self._rows.load_rows(0, result.ntuples, tuple)
            elif result.status != ExecStatus.COMMAND_OK:
                self._failed = True

    def _tell(self, rows: Rows | None) -> None:
        waiter = self._waiting.popleft()
        with suppress(RuntimeError, asyncio.InvalidStateError):  # the loop has closed, or the waiter has gone
            waiter.set_result(rows)


def _told(values: Sequence[object]) -> list[bytes | None] | None:
    """Values as they go out, as text; None where one is no text to PostgreSQL: at a NUL it would end."""
    try:
        told = [None if value is None else str(value).encode() for value in values]
    except UnicodeEncodeError:
        return None
    return None if any(one is not None and b"\0" in one for one in told) else told


def _numbered(sql: str) -> str:
    """A statement with its values numbered, as PostgreSQL itself writes them."""
    first, *rest = sql.split("%s")
    return "".join((first, *(f"${at}{after}" for at, after in enumerate(rest, 1))))
