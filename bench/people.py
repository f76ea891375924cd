"""How long it takes to find one of a million people, by number and by local identifier.

A few hundred are really there, with keys and facts that are unwrapped and opened. Of all others there are the
rows, of the same shape and size: random bytes where a key or facts are sealed, because a lookup reads one row
and unwraps that one. They go in by the driver itself (COPY, executemany), 20,000 at a time.
"""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from bench.report import Line, below
from bench.served import folder
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, is_nhs_number
from scr.identity import index, links
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate
from scr.store.people import Person

TARGET_MS = 1.0
_KNOWN = 300
"""People who are really there; of the others there are only rows of the same size."""
_BATCH = 20_000
_SYSTEM = "Z9901|urn:example:mrn"


def index_of(
    people: int, rounds: int, *, database_url: str | None = None, engine: str = "SQLite"
) -> list[Line]:
    """A lookup among so many people: the mean over those who are really there, the best of some rounds."""
    keys = KeyRing(secrets.token_bytes(32), secrets.token_bytes(32))
    with folder() as home:
        database = Database.open(database_url or f"sqlite:///{home / 'scr.db'}")
        try:
            migrate(database)
            numbers = _people(database, keys, people)
            _check_indexes(database, keys, numbers[0])
            one, other = numbers[0], numbers[1]
            database.write_now(lambda conn: _link(conn, keys, one, other))
            by_number = f"Find one of {people:,} people by number, {engine}"
            return [
                _line(by_number, keys, rounds, database,
                      lambda conn: [_view(conn, keys, number) for number in numbers]),
                *_spread(by_number, keys, rounds, database, numbers),
                _line(f"Find one of {people:,} people by local identifier, {engine}", keys, rounds, database,
                      lambda conn: [index.find_local(conn, keys, _SYSTEM, str(n)) for n in range(_KNOWN)]),
                _line(f"The same by the former of two numbers, {engine}", keys, rounds, database,
                      lambda conn: [_view(conn, keys, one) for _ in range(_KNOWN)]),
            ]  # fmt: skip
        finally:
            database.close()


def _view(conn: Connection, keys: KeyRing, number: NHSNumber) -> tuple[Person, ...]:
    """As a question begins: the person, and whoever is linked with them."""
    found = index.find(conn, keys, number)
    if found is None:
        raise RuntimeError("somebody who is there was not found")
    return links.view_of(conn, keys, found)


def _line(
    measure: str,
    keys: KeyRing,
    rounds: int,
    database: Database,
    work: Callable[[Connection], Sequence[object]],
) -> Line:
    best = float("inf")
    for _ in range(rounds):
        keys.forget()  # as at the first look at each
        started = time.perf_counter()
        found = database.read_now(work)
        best = min(best, (time.perf_counter() - started) / len(found))
    return below(measure, best * 1000, TARGET_MS, "ms", inclusive=True)


def _spread(
    measure: str, keys: KeyRing, rounds: int, database: Database, numbers: Sequence[NHSNumber]
) -> list[Line]:
    """Each lookup by itself, of all rounds: the middle one, and the one that 99 of 100 are quicker than."""

    def each(conn: Connection) -> list[float]:
        taken = []
        for number in numbers:
            started = time.perf_counter()
            _view(conn, keys, number)
            taken.append(time.perf_counter() - started)
        return taken

    taken: list[float] = []
    for _ in range(rounds):
        keys.forget()
        taken += database.read_now(each)
    percentiles = statistics.quantiles(taken, n=100)
    return [
        Line(
            f"{measure}, {name}", f"{percentiles[at - 1] * 1000:.3g} ms"
        )  # p99 is of the machine's load, too
        for name, at in (("p50", 50), ("p99", 99))
    ]


def _check_indexes(database: Database, keys: KeyRing, number: NHSNumber) -> None:
    """A lookup goes by the indexes alone. Raises RuntimeError where the database would read a table."""
    sql = "SELECT p.key FROM person_index i JOIN person p ON p.key = i.person WHERE i.token = "
    token = index.token_of(keys, number)

    def plan(conn: Connection) -> str:
        postgresql = conn.dialect.name == "postgresql"
        told = conn.exec_driver_sql(
            f"EXPLAIN {sql}%s" if postgresql else f"EXPLAIN QUERY PLAN {sql}?", (token,)
        )
        return "\n".join(" ".join(map(str, row)) for row in told)

    found = database.read_now(plan)
    if "Seq Scan" in found or "SCAN" in found:
        raise RuntimeError(f"a lookup reads a whole table:\n{found}")


def _people(database: Database, keys: KeyRing, people: int) -> list[NHSNumber]:
    """Those who are there, spread among the others as keyed hashes are."""
    valid = filter(is_nhs_number, map(str, range(9_990_000_000, 9_991_000_000)))
    numbers = [NHSNumber(next(valid)) for _ in range(_KNOWN)]

    def known(conn: Connection) -> None:
        for at, number in enumerate(numbers):
            person = index.register(conn, keys, number, Demographics("Sample", ("Ada",), "1941-07-05"), at)
            index.learn_local(conn, keys, person, _SYSTEM, str(at))

    database.write_now(known)
    for size in _sizes(people - _KNOWN):
        database.write_now(lambda conn, size=size: _others(conn, size))  # type: ignore[misc]
    return numbers


def _sizes(people: int) -> Iterator[int]:
    while people > 0:
        yield min(people, _BATCH)
        people -= _BATCH


def _others(conn: Connection, size: int) -> None:
    """Rows of the same size as a person's. By the driver itself: a million would take minutes otherwise."""
    keys = [os.urandom(13).hex() for _ in range(size)]
    people = [(key, os.urandom(13).hex(), os.urandom(60), 0, os.urandom(90), 0) for key in keys]
    tokens = [(os.urandom(32).hex(), key, kind) for key in keys for kind in ("nhs-number", "local")]
    for table, columns, rows in (
        ("person", "key, patient_id, wrapped_key, created, sealed, revision", people),
        ("person_index", "token, person, kind", tokens),
    ):
        if conn.dialect.name == "postgresql":
            driver: Any = conn.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(rows[0]))
            conn.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _link(conn: Connection, keys: KeyRing, former: NHSNumber, retained: NHSNumber) -> None:
    one, other = index.find(conn, keys, former), index.find(conn, keys, retained)
    if one is None or other is None:
        raise RuntimeError("somebody who is there was not found")
    links.link(conn, keys, one, other, kind="superseded", reasons=["bench"], evidence={}, by="bench", now=0)
