"""How often something may be tried: never more than the limit says, and no longer a wait than it tells."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select
from tests.unit.store.samples import NOW

from scr.store import limits
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.limits import Limit
from scr.store.tables import ATTEMPTS

LIMIT = Limit("tests", 3, 1000)
_numbers = iter(range(10**9))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.integers(0, 1500), max_size=25))
def test_no_more_are_let_through_than_the_limit_says(
    database: Database, keys: KeyRing, gaps: list[int]
) -> None:
    """In any time: so many at once, and one more for each so long of it; the wait that is told is right."""
    who, now, through = str(next(_numbers)), NOW, list[int]()

    def tries(connection: Connection) -> None:
        nonlocal now
        for gap in gaps:
            now += gap
            told = limits.wait(connection, keys, LIMIT, who, now)
            waits = limits.take(connection, keys, LIMIT, who, now)
            assert waits == told
            if not waits:
                through.append(now)
                continue
            assert limits.wait(connection, keys, LIMIT, who, now + waits) == 0
            assert limits.wait(connection, keys, LIMIT, who, now + waits - 1) == 1

    database.write_now(tries)
    for at, first in enumerate(through):
        for count, last in enumerate(through[at:], 1):
            assert count <= LIMIT.at_once + (last - first) // LIMIT.every


def test_what_counts_is_counted_and_what_was_given_back_is_not(database: Database, keys: KeyRing) -> None:
    """One counted beyond the limit makes the wait longer; one given back, shorter; others are not touched."""

    def run(connection: Connection) -> list[int]:
        told = []
        for _ in range(LIMIT.at_once + 1):
            limits.count(connection, keys, LIMIT, "a", NOW)
        told.append(limits.wait(connection, keys, LIMIT, "a", NOW))
        limits.give_back(connection, keys, LIMIT, "a")
        told.append(limits.wait(connection, keys, LIMIT, "a", NOW))
        limits.give_back(connection, keys, LIMIT, "a")
        told.append(limits.take(connection, keys, LIMIT, "a", NOW))
        told.append(limits.take(connection, keys, LIMIT, "b", NOW))
        return told

    assert database.write_now(run) == [2000, 1000, 0, 0]
    text = str(database.read_now(lambda conn: list(conn.execute(ATTEMPTS.select()))))
    assert "'a'" not in text  # a keyed hash


def test_what_is_forgotten_leaves_no_row(database: Database, keys: KeyRing) -> None:
    """A row goes when every try of it is forgotten, and not before."""
    database.write_now(lambda conn: limits.count(conn, keys, LIMIT, "a", NOW))
    count = select(func.count()).select_from(ATTEMPTS)
    assert database.write_now(lambda conn: limits.forget(conn, NOW + 999)) == 0
    assert database.write_now(lambda conn: limits.forget(conn, NOW + 1000)) == 1
    assert database.read_now(lambda conn: conn.execute(count).scalar_one()) == 0
