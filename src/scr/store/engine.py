"""One database: synchronous inside, asynchronous outside, with its commits in groups.

A unit of work is a function over an SQLAlchemy Core Connection. ``read`` runs one on a snapshot.
``write`` hands one to a writer thread, which takes everything that waits, runs each unit in its own
SAVEPOINT and commits once: many small writers share one ``fsync``, and each still hears of its own
outcome, after the commit is durable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scr.errors import Conflict, Fault, Invalid, Unavailable
from scr.faults import reach
from scr.store.dialects import postgresql_engines, sqlite_engines
from scr.store.driver import begin, commit, is_lost, release, set_savepoint, settle, undo

T = TypeVar("T")
Work = Callable[[Connection], T]
"""A unit of work. It may be run a second time (after a lock), so it does nothing but use the connection."""

BATCH = 64
"""Units that one commit takes at most: more would keep the first one waiting for nothing."""

_UNIT = "unit"
_COLLIDED = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE: serialization failure, deadlock, lock not available."""


@dataclass(slots=True, eq=False)
class _Unit:
    """A unit of work under way, and who waits for it: a thread, or a coroutine of a ``loop``."""

    work: Work[Any]
    waiter: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None
    result: object = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Tell what came of it, in the waiter's own thread; one that went away hears nothing."""
        if self.waiter.done():
            return
        if self.error is None:
            self.waiter.set_result(self.result)
        else:
            self.waiter.set_exception(self.error)


def _tell_all(units: Iterable[_Unit]) -> None:
    """Tell every waiter. Those of one loop are woken once: waking it costs as much as two statements."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in units:
        if unit.loop is None:
            unit.tell()
        else:
            by_loop.setdefault(unit.loop, []).append(unit)
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop has closed, and with it every waiter
            loop.call_soon_threadsafe(_tell_each, waiting)


def _tell_each(units: Iterable[_Unit]) -> None:
    for unit in units:
        unit.tell()


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
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._local = threading.local()
        self._kept: list[Connection] = []
        self._pool = ThreadPoolExecutor(readers, "scr-reader") if dialect == "postgresql" else None
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
            raise _failure(error) from None
        raise Invalid(f"no database of kind {backend!r}: use sqlite or postgresql", code="bad-setting")

    async def read(self, work: Work[T]) -> T:
        """Run a unit on a consistent snapshot: inline on SQLite, in the reader pool on PostgreSQL."""
        if self._pool is None:
            return self.read_now(work)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, work)

    def read_now(self, work: Work[T]) -> T:
        """As ``read``, for a synchronous caller. A unit does not start another one inside itself."""
        if self._closed:
            raise _closed()
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
            raise _failure(error) from error

    async def write(self, work: Work[T]) -> T:
        """Run a unit in a transaction; returns when it is durable.

        What the unit raises is raised here, and its part is rolled back. Raises Conflict where another
        writer was first (try again), Unavailable where the database is down or stays locked. A waiter
        that is cancelled does not stop its unit.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._submit(_Unit(work, waiter, loop))
        return await waiter

    def write_now(self, work: Work[T]) -> T:
        """As ``write``, for a synchronous caller."""
        waiter: Future[T] = Future()
        self._submit(_Unit(work, waiter))
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
        for connection in self._kept:
            connection.close()
        self._read_engine.dispose()
        self._write_engine.dispose()

    def _submit(self, unit: _Unit) -> None:
        with self._gate:
            if self._closed:
                raise _closed()
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

    def _serve(self) -> None:
        """A writer: take what waits, commit it, tell, until the queue says stop."""
        going = True
        while going:
            batch: list[_Unit] = []
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

    def _commit(self, batch: list[_Unit]) -> list[_Unit]:
        """Run the units, commit once, tell each; the ones that met another's lock are given back."""
        aside: list[_Unit] = []
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
                    raise _rolled_back()
            reach("store.committed")
        except BaseException as error:  # noqa: BLE001 - the commit failed: so did every unit in it
            aside = []
            for unit in batch:
                unit.error = unit.error or _failure(error)
        _tell_all(unit for unit in batch if unit not in aside)
        return aside


def _attempt(connection: Connection, unit: _Unit) -> bool:
    """Run a unit in a savepoint of its own; False where it met a lock and has to be run again, alone."""
    set_savepoint(connection, _UNIT)
    try:
        unit.result = unit.work(connection)
        if not is_lost(connection):
            settle(connection)
            release(connection, _UNIT)
    except BaseException as error:  # noqa: BLE001 - handed on to the one who waits for it
        undo(connection, _UNIT)
        if _sqlstate(error) in _COLLIDED:
            return False
        unit.error = _failure(error)
    return True


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def _failure(error: BaseException) -> BaseException:
    """The error of ours that a database error stands for; any other is given back as it is."""
    if not isinstance(error, SQLAlchemyError):
        return error
    if isinstance(error, IntegrityError) or _sqlstate(error) in _COLLIDED:
        return Conflict("another writer was first; try again")
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return Unavailable(
            "the database did not serve: it is down, locked, full or without its tables; "
            "see its own log, and `scr init`",
            code="database-unavailable",
        )
    fault = Fault(f"the database refused a statement ({type(error).__name__})", code="database")
    fault.__cause__ = error
    return fault


def _rolled_back() -> Unavailable:
    return Unavailable("the database gave up the transaction; nothing was written", code="rolled-back")


def _closed() -> Unavailable:
    return Unavailable("the database is closed", code="database-closed")
