"""Filing, whatever the sequence: the record is what a dictionary would hold, and every version is kept."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.store.samples import NOW, filed, nhs_number, note

from scr.errors import Conflict
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity.index import find, register
from scr.store.engine import Database
from scr.store.filing import Filed, file_entries
from scr.store.keys import KeyRing
from scr.store.people import Person, add_person
from scr.store.records import load_history, load_record

_fresh_person = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""The database is shared by the examples: each has a person and ids of its own."""

_FILINGS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["one", "two", "three"])), max_size=6),
    max_size=6,
)


def _someone(database: Database, keys: KeyRing) -> Person:
    return database.write_now(lambda c: add_person(c, keys, nhs_number(0), Demographics(), NOW))


@_fresh_person
@given(filings=_FILINGS)
def test_any_filings_give_what_a_dictionary_would(
    database: Database, keys: KeyRing, filings: list[list[tuple[str, str]]]
) -> None:
    """The current state is the last text of each id; its versions are the runs of different texts."""
    someone, prefix = _someone(database, keys), uuid.uuid4().hex
    texts: dict[str, list[str]] = defaultdict(list)
    for at, filing in enumerate(filings):
        counts = {"created": 0, "updated": 0, "unchanged": 0}
        for letter, text in filing:
            known = texts[prefix + letter]
            counts["unchanged" if known[-1:] == [text] else "updated" if known else "created"] += 1
            if known[-1:] != [text]:
                known.append(text)
        entries = [note(prefix + letter, text) for letter, text in filing]
        assert filed(database, keys, someone, entries, NOW + at) == Filed(**counts)
    record = database.read_now(lambda c: load_record(c, keys, someone))
    assert {e.id: (e.version, f'"text":"{texts[e.id][-1]}"'.encode() in e.body) for e in record} == {
        logical: (str(len(known)), True) for logical, known in texts.items()
    }
    for logical, known in texts.items():
        history = _history(database, keys, logical)
        assert [version for version, _ in history] == [str(n) for n in range(len(known), 0, -1)]
        assert all(text.encode() in body for text, (_, body) in zip(known[::-1], history, strict=True))


def _history(database: Database, keys: KeyRing, logical: str) -> list[tuple[str, bytes]]:
    found = database.read_now(lambda c: load_history(c, keys, logical))
    return [(entry.version, entry.body) for _, entry in found]


@_fresh_person
@given(filing=st.dictionaries(st.sampled_from("abcde"), st.text(max_size=20), max_size=5))
def test_delivering_twice_is_delivering_once(
    database: Database, keys: KeyRing, filing: dict[str, str]
) -> None:
    """The second delivery of the same entries changes nothing, neither versions nor times."""
    someone, prefix = _someone(database, keys), uuid.uuid4().hex
    entries = [note(prefix + letter, text) for letter, text in filing.items()]
    assert filed(database, keys, someone, entries) == Filed(len(filing), 0, 0)
    once = database.read_now(lambda c: load_record(c, keys, someone))
    assert filed(database, keys, someone, entries, NOW + 1) == Filed(0, 0, len(filing))
    assert database.read_now(lambda c: load_record(c, keys, someone)) == once


async def test_concurrent_filings_lose_no_version(database: Database, keys: KeyRing) -> None:
    """Forty writers change the same two resources of the same two people in either order: none is lost."""
    people = [_someone(database, keys) for _ in range(2)]

    def both(turn: int, connection: Connection) -> None:
        for which in (0, 1) if turn % 2 else (1, 0):
            file_entries(connection, keys, people[which], [note(f"shared{which}", f"text {turn}")], NOW)

    async def until_done(turn: int) -> None:
        while True:
            try:
                await database.write(lambda connection: both(turn, connection))
            except Conflict:
                continue
            return

    await asyncio.wait_for(asyncio.gather(*(until_done(turn) for turn in range(40))), 60)
    for which in (0, 1):
        history = _history(database, keys, f"shared{which}")
        assert [version for version, _ in history] == [str(n) for n in range(40, 0, -1)]
        assert len({body for _, body in history}) == 40


async def test_concurrent_registrations_make_one_person(database: Database, keys: KeyRing) -> None:
    """Of ten that register the same number at once, one does, and the others are told that it is held."""
    number: NHSNumber = nhs_number(5)
    results = await asyncio.gather(
        *(database.write(lambda c: register(c, keys, number, Demographics(), NOW)) for _ in range(10)),
        return_exceptions=True,
    )
    made = [result for result in results if isinstance(result, Person)]
    assert len(made) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 9
    assert database.read_now(lambda c: find(c, keys, number)) == made[0]
