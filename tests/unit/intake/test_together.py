"""A file's rows in one transaction come to the same as each row alone."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.intake.feeder import HEADER, NOW, Feeder

from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate
from scr.store.quarantine import quarantined
from scr.store.records import load_history, load_record

NUMBERS = ("9990001014", "9990001022")

ROWS = st.lists(
    st.tuples(
        st.sampled_from([*NUMBERS, "1"]),
        st.sampled_from(["Sample", "Else"]),
        st.sampled_from(["1941-07-05", "1941-07-06", "1980-01-01"]),
        st.sampled_from(["F", "F", "?"]),
        st.sampled_from(["ZZ99 1AA", "ZZ99 2AA"]),
        st.sampled_from(["A81001", "A81002"]),
    ),
    max_size=9,
)
"""Rows of few people that repeat each other, change, contradict, and cannot be filed."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS)
def test_rows_together_are_as_rows_alone(rows: list[tuple[str, ...]]) -> None:
    """Whatever is remembered within a transaction: versions, contents, demographics and quarantine."""
    lines = [
        f"{number},{family},Ada,{born},{sex},{postcode},{practice},1999-03-02,{place}"
        for place, (number, family, born, sex, postcode, practice) in enumerate(rows)
    ]
    together = _filed([lines] if lines else [])
    assert together == _filed([[line] for line in lines])


def _filed(files: Sequence[Sequence[str]]) -> list[object]:
    """What stands in a new store after these files."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "scr.db").write_bytes(_empty())
        database = Database.open(f"sqlite:///{Path(folder) / 'scr.db'}")
        try:
            keys = KeyRing(secrets.token_bytes(32), b"i" * 32)
            feeder = Feeder(database, keys, "warn", clock=_ticking())
            for file in files:
                raw = "\n".join([HEADER, *file]).encode()
                asyncio.run(feeder.intake.receive(feeder.provider, feeder.feed, raw))
            return database.read_now(lambda conn: _standing(conn, keys))
        finally:
            database.close()


@cache
def _empty() -> bytes:
    """A store with its tables: to make them anew for each example takes longer than the example."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'scr.db'}")
        migrate(database)
        database.close()
        return (Path(folder) / "scr.db").read_bytes()


def _ticking() -> Callable[[], int]:
    return iter(range(NOW, NOW + 10_000)).__next__


def _standing(conn: Connection, keys: KeyRing) -> list[object]:
    found: list[object] = [sorted(item.code for item in quarantined(conn))]
    for digits in NUMBERS:
        person = index.find(conn, keys, NHSNumber(digits))
        if person is None:
            continue
        versions = [
            [(entry.type, entry.version, entry.status) for _, entry in load_history(conn, keys, held.id)]
            for held in load_record(conn, keys, person)
        ]
        told = [(one.organisation, one.kind, one.source) for one in index.relationships(conn, person)]
        over = [one.until is not None for one in index.relationships(conn, person)]
        found += [digits, person.demographics, sorted(versions), told, over]
    return found
