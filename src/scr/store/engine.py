"""One database: synchronous inside, asynchronous outside, with its commits in groups.

A unit of work is a function over an SQLAlchemy Core Connection. ``read`` runs one on a snapshot.
``write`` hands one to a writer thread, which takes everything that waits, runs each unit in its own
SAVEPOINT and commits once: many small writers share one ``fsync``, and each still hears of its own
outcome, after the commit is durable.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from scr.errors import Invalid
from scr.faults import reach
from scr.store.dialects import postgresql_engines, sqlite_engines
from scr.store.driver import (
    Statement,
    begin,
    commit,
    is_lost,
    release,
    run,
    set_savepoint,
    settle,
    undo,
)
from scr.store.failures import COLLIDED, closed, failure_of, rolled_back, sqlstate
from scr.store.line import Line
from scr.store.units import Unit, tell_all
from scr.store.units import Work as Work

T = TypeVar("T")
BATCH = 64
"""Units that one commit takes at most: more would keep the first one waiting for nothing."""

_UNIT = "unit"


class Database:
    """An open database. Make one with ``open``; every thread and every event loop may use it."""

    def __init__(
        self,
        dialect: Literal["sqlite", "postgresql"],
        read_engine: Engine,
        write_engine: Engine,
        writers: int,
        readers: int,
    ) -> None:
        """Take two engines over one database, as ``scr.store.dialects`` makes them."""
        self.dialect = dialect
        self._read_engine, self._write_engine = read_engine, write_engine
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._local = threading.local()
        self._kept: list[Connection] = []
        self._pool = ThreadPoolExecutor(readers, "scr-reader") if dialect == "postgresql" else None
        self._line = None if self._pool is None else Line(read_engine, self._pool)
        self._threads = [
            threading.Thread(target=self._serve, name=f"scr-writer-{n}", daemon=True) for n in range(writers)
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(cls, url: str, writers: int = 2, readers: int = 8) -> Database:
        """Open ``sqlite:///PATH`` (one writer, whatever is asked) or ``postgresql://...``.

        A SQLite file that is not there is made, readable by its owner only. The tables come from
        ``scr.store.migrate``. Raises Invalid for another kind of address, Unavailable where SQLite
        cannot open the file.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise Invalid("the database address cannot be read", code="bad-setting") from None
        backend = parsed.get_backend_name()
        try:
            if backend == "sqlite":
                return cls("sqlite", *sqlite_engines(parsed), writers=1, readers=1)
            if backend == "postgresql":
                return cls("postgresql", *postgresql_engines(parsed, writers, readers), writers, readers)
        except SQLAlchemyError as error:
            raise failure_of(error) from None
        raise Invalid(f"no database of kind {backend!r}: use sqlite or postgresql", code="bad-setting")

    async def read(self, work: Work[T]) -> T:
        """Run a unit on a consistent snapshot: inline on SQLite, in the reader pool on PostgreSQL."""
        if self._closed:
            raise closed()
        if self._pool is None:
            return self.read_now(work)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, work)

    def read_now(self, work: Work[T]) -> T:
        """As ``read``, for a synchronous caller. A unit does not start another one inside itself."""
        if self._closed:
            raise closed()
        try:
            if self._pool is not None:
                with self._read_engine.connect() as connection:
                    return work(connection)
            kept = self._connection()
            try:
                return work(kept)
            finally:
                kept.rollback()
        except SQLAlchemyError as error:
            raise failure_of(error) from error

    async def ask(self, statement: Statement, values: Sequence[object]) -> list[Any]:
        """The rows of one statement that reads, on a snapshot of its own: the quickest way to any."""
        if self._closed:
            raise closed()
        if self._line is None:
            found = self._asked(statement, values)
        else:
            found = await self._line.ask(statement, values)
        if found is not None:
            return found
        return await self.read(lambda connection: run(connection, statement, values).fetchall())

    async def write(self, work: Work[T]) -> T:
        """Run a unit in a transaction; returns when it is durable.

        What the unit raises is raised here, and its part is rolled back. Raises Conflict where another
        writer was first (try again), Unavailable where the database is down or stays locked. A waiter
        that is cancelled does not stop its unit.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._submit(Unit(work, waiter, loop))
        return await waiter

    def write_now(self, work: Work[T]) -> T:
        """As ``write``, for a synchronous caller."""
        waiter: Future[T] = Future()
        self._submit(Unit(work, waiter))
        return waiter.result()

    def close(self) -> None:
        """Finish what is queued, then close every connection. A second call does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.join()
        if self._pool is not None:
            self._pool.shutdown()
        if self._line is not None:
            self._line.close()
        for connection in self._kept:
            connection.close()
        self._read_engine.dispose()
        self._write_engine.dispose()

    def _submit(self, unit: Unit) -> None:
        with self._gate:
            if self._closed:
                raise closed()
            self._queue.put(unit)

    def _connection(self) -> Connection:
        """This thread's own reading connection: going through a pool costs more than a small read."""
        kept = getattr(self._local, "connection", None)
        if kept is None:
            kept = self._read_engine.connect()
            self._local.connection = kept
            with self._gate:
                self._kept.append(kept)
        return cast(Connection, kept)

    def _asked(self, statement: Statement, values: Sequence[object]) -> list[Any] | None:
        """The rows of a statement on SQLite; None where it fails: who asks in the other way is told why."""
        try:
            driver: Any = self._connection().connection.driver_connection
            return cast(list[Any], driver.execute(statement["sqlite"], values).fetchall())
        except (sqlite3.Error, SQLAlchemyError):
            return None

    def _serve(self) -> None:
        """A writer: take what waits, commit it, tell, until the queue says stop."""
        going = True
        while going:
            batch: list[Unit] = []
            while going and len(batch) < BATCH:
                try:
                    unit = self._queue.get(block=not batch)
                except Empty:
                    break
                if unit is None:
                    going = False
                else:
                    batch.append(unit)
            aside = self._commit(batch) if batch else []
            for unit in aside:  # it met a lock: alone it holds none while it waits, so it cannot deadlock
                self._commit([unit])

    def _commit(self, batch: list[Unit]) -> list[Unit]:
        """Run the units, commit once, tell each; the ones that met another's lock are given back."""
        aside: list[Unit] = []
        alone = len(batch) == 1
        try:
            with self._write_engine.connect() as connection, connection.begin():
                begin(connection, "10s" if alone else "50ms")
                if alone:  # with it the whole transaction fails, and there is nothing to be undone alone
                    batch[0].result = batch[0].work(connection)
                else:
                    for unit in batch:
                        if not _attempt(connection, unit):
                            aside.append(unit)
                        if is_lost(connection):
                            break
                reach("store.running")
                if not commit(connection):
                    raise rolled_back()
            reach("store.committed")
        except BaseException as error:  # noqa: BLE001 - the commit failed: so did every unit in it
            aside = []
            for unit in batch:
                unit.error = unit.error or failure_of(error)
        tell_all(unit for unit in batch if unit not in aside)
        return aside


def _attempt(connection: Connection, unit: Unit) -> bool:
    """Run a unit in a savepoint of its own; False where it met a lock and has to be run again, alone."""
    set_savepoint(connection, _UNIT)
    try:
        unit.result = unit.work(connection)
        if not is_lost(connection):
            settle(connection)
            release(connection, _UNIT)
    except BaseException as error:  # noqa: BLE001 - handed on to the one who waits for it
        undo(connection, _UNIT)
        if sqlstate(error) in COLLIDED:
            return False
        unit.error = failure_of(error)
    return True
