"""Units of work: one fails alone, a commit is shared, and nobody waits for what never comes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from tests.support.patience import LONG

from scr.errors import Conflict, Fault, Invalid, Unavailable
from scr.store.engine import Database, Work


def _make_tally(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE tally (n INTEGER PRIMARY KEY)")


@pytest.fixture(autouse=True)
def tally(database: Database) -> None:
    """A table of numbers to write to."""
    database.write_now(_make_tally)


def _adding(number: int) -> Work[int]:
    """A unit that adds a number and gives it back."""

    def add(connection: Connection) -> int:
        connection.execute(text("INSERT INTO tally VALUES (:n)"), {"n": number})
        return number

    return add


def _numbers(connection: Connection) -> set[int]:
    return set(connection.execute(text("SELECT n FROM tally")).scalars())


async def test_writers_at_once_lose_nothing(database: Database) -> None:
    """Two hundred concurrent writes each give their own result, and all are there."""
    results = await asyncio.gather(*(database.write(_adding(n)) for n in range(200)))
    assert results == list(range(200))
    assert await database.read(_numbers) == set(range(200))


async def test_a_unit_that_fails_fails_alone(database: Database) -> None:
    """In one batch, a unit that raises is rolled back by itself, and the others are committed."""

    def doubtful(number: int) -> Work[int]:
        def add(connection: Connection) -> int:
            _adding(number)(connection)
            if number % 3 == 0:
                raise LookupError(str(number))
            return number

        return add

    results = await asyncio.gather(*(database.write(doubtful(n)) for n in range(30)), return_exceptions=True)
    assert [isinstance(result, LookupError) for result in results] == [n % 3 == 0 for n in range(30)]
    assert await database.read(_numbers) == {n for n in range(30) if n % 3}


class _Held:
    """A database with one writer, which is held up until ``go``, so that what follows is one batch."""

    def __init__(self, url: str) -> None:
        self.database = Database.open(url, writers=1, readers=1)
        self._going = threading.Event()
        self._first = threading.Thread(target=lambda: self.database.write_now(self._hold))
        self._started = threading.Event()
        self._first.start()
        assert self._started.wait(LONG)

    def _hold(self, _: Connection) -> None:
        self._started.set()
        assert self._going.wait(LONG)

    async def batch(self, *units: Work[Any]) -> list[Any]:
        waiting = [asyncio.ensure_future(self.database.write(unit)) for unit in units]
        await asyncio.sleep(0)
        self._going.set()
        return await asyncio.gather(*waiting, return_exceptions=True)


@pytest.fixture
def held(database: Database, database_url: str) -> Iterator[_Held]:
    """See ``_Held``."""
    opened = _Held(database_url)
    yield opened
    opened.database.close()


async def test_many_units_share_a_commit(held: _Held) -> None:
    """Units that wait while one runs are committed in one transaction."""
    found = await held.batch(*[lambda connection: connection.get_transaction()] * 20)
    assert len({id(transaction) for transaction in found}) == 1


async def test_a_commit_that_fails_fails_the_whole_batch(held: _Held) -> None:
    """What the database refuses at the commit was not written, and every unit of the batch is told so."""
    reference = "INTEGER REFERENCES tally (n) DEFERRABLE INITIALLY DEFERRED"

    def orphan(connection: Connection) -> None:
        connection.exec_driver_sql(f"CREATE TABLE child (n {reference})")
        connection.exec_driver_sql("INSERT INTO child VALUES (99)")

    results = await held.batch(_adding(1), orphan, _adding(2))
    assert [type(result) for result in results] == [Conflict] * 3
    assert await held.database.read(_numbers) == set()


async def test_a_unit_that_hides_a_database_error_harms_no_other(held: _Held) -> None:
    """PostgreSQL refuses everything after an error: only the unit that went on regardless fails."""

    def careless(connection: Connection) -> None:
        with contextlib.suppress(SQLAlchemyError):
            connection.execute(text("SELECT * FROM nowhere"))

    results = await held.batch(_adding(1), careless, _adding(2))
    assert (results[0], results[2]) == (1, 2)
    assert await held.database.read(_numbers) == {1, 2}


async def test_a_transaction_that_is_gone_is_told(held: _Held) -> None:
    """Where the database drops the transaction, no unit of the batch is told that it was written."""

    def lose(connection: Connection) -> None:
        connection.connection.rollback()

    results = await held.batch(_adding(1), lose, _adding(2))
    assert [type(result) for result in results] == [Unavailable] * 3
    assert await held.database.read(_numbers) == set()


def test_a_waiter_that_goes_away_does_not_stop_its_unit(database: Database, database_url: str) -> None:
    """A cancelled write is done all the same, and closing finishes what is queued."""

    async def main() -> None:
        task = asyncio.ensure_future(database.write(_adding(7)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    database.close()
    again = Database.open(database_url)
    assert again.read_now(_numbers) == {7}
    again.close()


def test_one_database_serves_several_event_loops(database: Database) -> None:
    """A write is told in the loop that waits for it."""
    for number in range(3):
        assert asyncio.run(database.write(_adding(number))) == number
    assert database.read_now(_numbers) == {0, 1, 2}


def test_the_second_of_a_kind_is_a_conflict(database: Database) -> None:
    """A broken key is a Conflict, without the values that collided."""
    database.write_now(_adding(4711))
    with pytest.raises(Conflict) as caught:
        database.write_now(_adding(4711))
    assert "4711" not in str(caught.value)


def test_a_missing_table_and_a_wrong_statement(database: Database) -> None:
    """What the database refuses is an error of ours, on both sides, and never a driver's."""
    for run in (database.read_now, database.write_now):
        with pytest.raises((Unavailable, Fault)):
            run(lambda connection: connection.execute(text("SELECT * FROM nowhere")).all())


def test_a_reader_cannot_write(database: Database) -> None:
    """A read runs on a connection that refuses to change anything."""
    with pytest.raises((Unavailable, Fault)):
        database.read_now(_adding(1))
    assert database.read_now(_numbers) == set()


def test_a_read_sees_one_moment(database: Database) -> None:
    """Within one read, a commit by another does not show; in the next one it does."""

    def twice(connection: Connection) -> tuple[set[int], set[int]]:
        before = _numbers(connection)
        database.write_now(_adding(1))
        return before, _numbers(connection)

    assert database.read_now(twice) == (set(), set())
    assert database.read_now(_numbers) == {1}


def test_a_unit_that_meets_a_lock_waits_and_is_done(database: Database, database_url: str) -> None:
    """Two processes that change the same row one after the other both succeed."""
    database.write_now(_adding(0))
    other = Database.open(database_url, writers=1)
    holding = threading.Event()

    def hold(connection: Connection) -> None:
        connection.execute(text("UPDATE tally SET n = n + 1"))
        holding.set()
        time.sleep(0.3)

    thread = threading.Thread(target=lambda: other.write_now(hold))
    thread.start()
    assert holding.wait(LONG)

    def step(connection: Connection) -> int:
        return connection.execute(text("UPDATE tally SET n = n + 1")).rowcount

    async def several() -> None:
        await asyncio.gather(*(database.write(step) for _ in range(8)))

    asyncio.run(several())
    thread.join()
    other.close()
    assert database.read_now(_numbers) == {9}


def test_threads_read_side_by_side(database: Database) -> None:
    """Each thread reads for itself; closing closes what they all opened, or a warning fails this test."""
    database.write_now(_adding(1))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: database.read_now(_numbers), range(40)))
    assert found == [{1}] * 40
    database.close()
    gc.collect()


def test_after_closing_nothing_is_taken(database: Database) -> None:
    """A closed database says so, and closing it twice is no harm."""
    database.close()
    database.close()
    with pytest.raises(Unavailable):
        database.write_now(lambda connection: None)
    with pytest.raises(Unavailable):
        database.read_now(lambda connection: None)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The file of a new SQLite database can be read by its owner only."""
    Database.open(f"sqlite:///{tmp_path / 'new.db'}").close()
    assert (tmp_path / "new.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("sqlite://", Invalid),
        ("sqlite:///:memory:", Invalid),
        ("mysql://localhost/x", Invalid),
        ("not an address", Invalid),
        ("sqlite:////nowhere/at/all.db", Unavailable),
    ],
)
def test_addresses_that_cannot_be_opened(url: str, error: type[Exception]) -> None:
    """Each wrong address is refused with an error that says what is wrong."""
    with pytest.raises(error):
        Database.open(url)


def test_a_database_that_is_down_is_unavailable() -> None:
    """A PostgreSQL that nobody serves is Unavailable on first use."""
    database = Database.open("postgresql://nobody@127.0.0.1:1/nothing", writers=1, readers=1)
    with pytest.raises(Unavailable):
        database.read_now(lambda connection: None)
    with pytest.raises(Unavailable):
        database.write_now(lambda connection: None)
    database.close()
