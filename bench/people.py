"""How long it takes to find one of a million people, by number and by local identifier."""

from __future__ import annotations

import os
import secrets
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
            one, other = numbers[0], numbers[1]
            database.write_now(lambda conn: _link(conn, keys, one, other))
            return [
                _line(f"Find one of {people:,} people by number, {engine}", keys, rounds, database,
                      lambda conn: [_view(conn, keys, number) for number in numbers]),
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
