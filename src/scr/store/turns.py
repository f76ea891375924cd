"""One process at a time does what takes several transactions: the others see that somebody is at it.

On PostgreSQL it is a lock of a session, on SQLite one of a file beside the database: either ends with the
process that holds it, however that ends. Nothing is to be cleared up, and nobody waits for a clock.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from scr.errors import Unavailable
from scr.store.engine import Database

_PAUSE_SECONDS = 0.2
_TAKE = text("SELECT pg_try_advisory_lock(:number)")
Release = Callable[[], None]


@asynccontextmanager
async def turn(database: Database, what: str) -> AsyncIterator[None]:
    """Wait until nobody is at ``what``, and be at it. Raises Unavailable where the database is down."""
    release = await asyncio.to_thread(_take, database, what)
    while release is None:
        await asyncio.sleep(_PAUSE_SECONDS)
        release = await asyncio.to_thread(_take, database, what)
    try:
        yield
    finally:
        release()


async def somebody_is_at(database: Database, what: str) -> bool:
    """Whether it is anybody's turn, of this process or of another."""
    release = await asyncio.to_thread(_take, database, what)
    if release is not None:
        release()
    return release is None


def _take(database: Database, what: str) -> Release | None:
    if database.dialect == "sqlite":
        return _take_file(Path(database.read_now(_file_of)), what)
    return _take_session(database.read_now(lambda connection: connection.engine.url), what)


def _file_of(connection: Connection) -> str:
    return str(connection.execute(text("PRAGMA database_list")).one()[2])


def _take_file(database: Path, what: str) -> Release | None:
    """A file of its own for each turn, which whoever had it removes."""
    path = database.with_name(f"{database.name}-turn-{_number(what) & 0xFFFFFFFFFFFFFFFF:016x}")
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(descriptor), path.stat())  # it was not removed since it was opened
    except OSError:
        ours = False
    if not ours:
        os.close(descriptor)
        return None

    def release() -> None:
        path.unlink(missing_ok=True)
        os.close(descriptor)

    return release


def _take_session(url: URL, what: str) -> Release | None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        connection = engine.connect()
        if connection.execute(_TAKE, {"number": _number(what)}).scalar_one():
            return lambda: _close(connection)
        _close(connection)
    except SQLAlchemyError:
        raise Unavailable("the database did not serve", code="database-unavailable") from None
    return None


def _close(connection: Connection) -> None:
    with suppress(SQLAlchemyError):
        connection.close()


def _number(what: str) -> int:
    return int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest(), "big", signed=True)
