"""How long it takes to find one of a million people, by number and local identifier, and to open the record.

A few hundred are really there, with keys and facts that are unwrapped and opened. Of all others there are the
rows, of the same shape and size: random bytes where something is sealed, because a lookup reads one row and
unwraps that one; and one resource each. They go in by the driver itself (COPY, executemany), 20,000 at once.
What it takes to open a record is compared with a database of a thousand people beside it, in turns.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, make_url

from bench.payloads import record
from bench.report import Line, below
from bench.served import folder
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import NHSNumber, is_nhs_number
from scr.identity import index, links
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.migrations import migrate
from scr.store.people import Person
from scr.store.records import load_record

TARGET_MS = 1.0
_FEW = 1_000
_KNOWN = 300
"""People who are really there; of the others there are only rows of the same size."""
_BATCH = 20_000
_OPENED, _RESOURCES = 12, 500
"""People whose record is opened, and what it holds."""
_SEALED = 300
"""Bytes of the one resource that each of the others has."""
_SYSTEM = "Z9901|urn:example:mrn"


def index_of(
    people: int, rounds: int, *, database_url: str | None = None, engine: str = "SQLite"
) -> list[Line]:
    """A lookup among so many people: the mean over those who are really there, the best of some rounds."""
    keys = KeyRing(secrets.token_bytes(32), secrets.token_bytes(32))
    with folder() as home, ExitStack() as stack:
        url, beside = _addresses(database_url, home)
        less, database = (stack.enter_context(closing(Database.open(one))) for one in (beside, url))
        for each, size in ((less, _FEW), (database, people)):
            migrate(each)
            numbers = _people(each, keys)
            _fill(each, size - _KNOWN)
        _check_indexes(database, keys, numbers[0])
        read = [min(times) for times in zip(*_reading(keys, rounds, numbers, less, database), strict=True)]
        one, other = numbers[0], numbers[1]
        database.write_now(lambda conn: _link(conn, keys, one, other))
        by_number = f"Find one of {people:,} people by number, {engine}"
        opened = f"Open a record of {_RESOURCES} resources, {engine}"
        return [
            Line(f"{opened}: of {_FEW:,} people, of {people:,}",
                 f"{read[0] * 1000:.2f} ms, {read[1] * 1000:.2f} ms"),
            below(f"{opened}: of {people:,} / of {_FEW:,}", read[1] / read[0], 1.2, "", inclusive=True),
            _line(by_number, keys, rounds, database,
                  lambda conn: [_view(conn, keys, number) for number in numbers]),
            *_spread(by_number, keys, rounds, database, numbers),
            _line(f"Find one of {people:,} people by local identifier, {engine}", keys, rounds, database,
                  lambda conn: [index.find_local(conn, keys, _SYSTEM, str(n)) for n in range(_KNOWN)]),
            _line(f"The same by the former of two numbers, {engine}", keys, rounds, database,
                  lambda conn: [_view(conn, keys, one) for _ in range(_KNOWN)]),
        ]  # fmt: skip


def _addresses(database_url: str | None, home: Path) -> tuple[str, str]:
    """Of the database, and of the one beside it, which is made."""
    if database_url is None:
        return f"sqlite:///{home / 'scr.db'}", f"sqlite:///{home / 'few.db'}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE few")
    return database_url, make_url(database_url).set(database="few").render_as_string(hide_password=False)


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


def _people(database: Database, keys: KeyRing) -> list[NHSNumber]:
    """Those who are there, spread among the others as keyed hashes are; some of them have a long record."""
    valid = filter(is_nhs_number, map(str, range(9_990_000_000, 9_991_000_000)))
    numbers = [NHSNumber(next(valid)) for _ in range(_KNOWN)]

    def known(conn: Connection) -> None:
        for at, number in enumerate(numbers):
            person = index.register(conn, keys, number, Demographics("Sample", ("Ada",), "1941-07-05"), at)
            index.learn_local(conn, keys, person, _SYSTEM, str(at))
            if at < _OPENED:
                file_entries(conn, keys, person, _entries(at), 1)

    database.write_now(known)
    return numbers


def _entries(whose: int) -> list[Entry]:
    bundle = json.loads(record(_RESOURCES + 1, source=f"p{whose}"))
    told = [entry["resource"] for entry in bundle["entry"][1:]]
    return [pack({**one, "id": f"{whose}-{one['id']}"}, source="Z9901", now=1) for one in told]


def _reading(
    keys: KeyRing, rounds: int, numbers: Sequence[NHSNumber], *databases: Database
) -> Iterator[list[float]]:
    """Seconds that it takes to find somebody and to open their record: for each round, in each database."""

    def work(conn: Connection) -> int:
        people = [person for number in numbers[:_OPENED] for person in _view(conn, keys, number)]
        return sum(len(load_record(conn, keys, person)) for person in people)

    for _ in range(6 * rounds):
        taken = []
        for database in databases:
            keys.forget()
            started = time.perf_counter()
            if database.read_now(work) != _OPENED * _RESOURCES:
                raise RuntimeError("some of a record was not found")
            taken.append((time.perf_counter() - started) / _OPENED)
        yield taken


def _fill(database: Database, people: int) -> None:
    for size in _sizes(people):
        database.write_now(lambda conn, size=size: _others(conn, size))  # type: ignore[misc]


def _sizes(people: int) -> Iterator[int]:
    while people > 0:
        yield min(people, _BATCH)
        people -= _BATCH


def _others(conn: Connection, size: int) -> None:
    """Rows of the same size as a person's. By the driver itself: a million would take minutes otherwise."""
    keys = [os.urandom(13).hex() for _ in range(size)]
    people = [(key, os.urandom(13).hex(), os.urandom(60), 0, os.urandom(90), 0) for key in keys]
    tokens = [(os.urandom(32).hex(), key, kind) for key in keys for kind in ("nhs-number", "local")]
    held = [(key, os.urandom(13).hex(), "Observation", "Z9901") for key in keys]
    versions = [(*one, 1, 1, os.urandom(20), os.urandom(_SEALED)) for one in held]
    for table, columns, rows in (
        ("person", "key, patient_id, wrapped_key, created, sealed, revision", people),
        ("person_index", "token, person, kind", tokens),
        ("held", "person, id, type, source", held),
        ("resource", "person, id, type, source, version, last_updated, digest, sealed", versions),
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
