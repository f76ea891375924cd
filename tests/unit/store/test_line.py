"""The line to PostgreSQL: as many questions at once as there are, and nobody hears of its breaking."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, text
from tests.support.patience import LONG, until

from scr.errors import Fault, ScrError, Unavailable
from scr.store.driver import run, written
from scr.store.engine import Database

pytestmark = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

ECHO = written("SELECT CAST(? AS text), CAST(? AS bigint), CAST(NULL AS bytea)")
WHERE = written("SELECT pg_backend_pid(), current_setting('default_transaction_read_only')")
WRITES = written("INSERT INTO tally VALUES (?) RETURNING n")
OTHERS = text("SELECT pg_terminate_backend(:pid)")


async def asked(database: Database, value: str, number: int = 0) -> tuple[Any, ...]:
    """A question, and its answer."""
    [row] = await database.ask(ECHO, (value, number))
    return tuple(row)


async def line(database: Database) -> int:
    """The server's process at the other end of the line, once there is one: its session alone only reads."""
    async with asyncio.timeout(LONG):
        while True:
            [(of, reads_only)] = await database.ask(WHERE, ())
            if reads_only == "on":
                return int(of)


async def test_many_questions_at_once_have_each_its_own_answer(database: Database) -> None:
    """Texts, numbers and nothing come back as they went, in whatever order; one that nobody waits for any
    more takes nobody's."""
    await line(database)
    words = ["", "é", "'; --", "$1", "%s", "x" * 100_000]
    gone = [asyncio.ensure_future(asked(database, f"gone{n}")) for n in range(5)]
    await asyncio.sleep(0)
    waiting = [asyncio.ensure_future(asked(database, word, n - 3)) for n, word in enumerate(words * 20)]
    for one in gone:
        one.cancel()
    answers = await asyncio.gather(*waiting)
    assert answers == [(word, n - 3, None) for n, word in enumerate(words * 20)]


async def test_a_line_is_named_as_the_other_connections_of_its_process(database: Database) -> None:
    """A change of the tables waits for processes of other versions, which it knows by that name."""
    name = written("SELECT current_setting('application_name')")
    await line(database)
    [there] = await database.ask(name, ())
    assert there[0].startswith("scr ")
    assert there == database.read_now(lambda conn: tuple(run(conn, name).fetchone()))


async def test_nobody_hears_of_a_line_that_breaks(database: Database) -> None:
    """The server ends it: whoever asks then is answered all the same, and later there is another one."""
    first = await line(database)
    database.write_now(lambda conn: conn.execute(OTHERS, {"pid": first}).all())
    answers = await asyncio.gather(*(asked(database, str(n)) for n in range(50)))
    assert [row[0] for row in answers] == [str(n) for n in range(50)]
    assert await line(database) != first


async def test_what_is_refused_is_told_as_it_is_otherwise(database: Database) -> None:
    """A statement that is none, one that writes, a text with a NUL, and a database that was closed."""

    def make(conn: Connection) -> None:
        conn.exec_driver_sql("CREATE TABLE tally (n bigint)")

    database.write_now(make)
    await line(database)
    with pytest.raises(Fault):
        await database.ask(written("SELECT nothing FROM nowhere"), ())
    await line(database)
    with pytest.raises(ScrError):
        await database.ask(WRITES, (1,))
    await line(database)
    with pytest.raises(Fault):
        await asked(database, "a\0b")
    assert database.read_now(lambda conn: conn.execute(text("SELECT count(*) FROM tally")).scalar_one()) == 0
    database.close()
    with pytest.raises(Unavailable):
        await asked(database, "x")


async def test_what_was_prepared_is_prepared_anew_when_the_tables_change(database: Database) -> None:
    """A column of another type: a server would go on refusing the statement that it has kept."""
    statement = written("SELECT * FROM tally WHERE n > ?")
    database.write_now(lambda conn: conn.exec_driver_sql("CREATE TABLE tally AS SELECT 5::bigint AS n"))
    await line(database)
    assert await database.ask(statement, (1,)) == [(5,)]
    database.write_now(lambda conn: conn.exec_driver_sql("ALTER TABLE tally ADD also text DEFAULT 'x'"))
    for _ in range(3):
        assert await database.ask(statement, (1,)) == [(5, "x")]
    await line(database)
    assert await database.ask(statement, (1,)) == [(5, "x")]


def test_each_loop_that_comes_after_another_has_a_line(database: Database) -> None:
    """A command runs a loop of its own after the first has ended; while both run, one does without."""
    first = asyncio.run(line(database))
    assert asyncio.run(line(database)) != first

    async def beside() -> None:
        await line(database)
        other = await asyncio.to_thread(asyncio.run, asked(database, "there"))
        assert other[0] == "there"

    asyncio.run(beside())
    asyncio.run(_closed_in_time(database))


async def _closed_in_time(database: Database) -> None:
    """Whoever waits when it is closed is told something."""
    await line(database)
    waiting = asyncio.ensure_future(asked(database, "x"))
    await asyncio.sleep(0)
    database.close()
    await until(waiting.done)
    assert waiting.exception() is None or isinstance(waiting.exception(), Unavailable)


def test_a_line_that_comes_when_nobody_is_there_any_more_is_let_go(database: Database) -> None:
    """The loop ends while it is being made: no connection is left behind, which Python would tell of."""

    async def leave() -> None:
        await asyncio.gather(*(asked(database, "x") for _ in range(9)))

    asyncio.run(leave())
    database.close()
