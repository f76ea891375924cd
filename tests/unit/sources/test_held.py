"""What providers have sent is a source like any other: one reading, one result for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.unit.sources import given
from tests.unit.sources.people import MARGARET

from scr.broker.assemble import assemble
from scr.broker.ledger import make_ledger
from scr.fhir.entry import Entry, pack
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import Feed, Provider
from scr.sources.held import HeldSources, Seen
from scr.sources.protocol import Outcome, Question, SourceResult
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.messages import keep
from scr.store.migrations import migrate
from scr.store.people import Person, add_person, person_by_key

HOSPITAL, COUNCIL, SILENT = OdsCode("RX1"), OdsCode("E09"), OdsCode("SIL")
KEYS = KeyRing(b"e" * 32, b"i" * 32)


def provider(ods: OdsCode, *connections: dict[str, object]) -> Provider:
    """A provider with a feed for each connection."""
    feeds = [
        Feed.model_validate({"name": f"f{n}", "adapter": "r4", "connection": connection})
        for n, connection in enumerate(connections)
    ]
    return Provider(
        ods=ods, name=f"Provider {ods}", organisation_type="trust", go_live=None, feeds=tuple(feeds)
    )


MLLP: dict[str, object] = {"kind": "mllp", "sending_facility": "X"}
PULL: dict[str, object] = {"kind": "fhir-r4", "url": "https://there.example/fhir"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    opened = Database.open(f"sqlite:///{tmp_path / 'scr.db'}")
    migrate(opened)
    yield opened
    opened.close()


def condition(logical: str, source: OdsCode) -> Entry:
    """A problem that a provider sent."""
    resource = given.problem("R4", logical, about=f"Patient/{given.SUBJECT}")
    return pack(resource, source=source.value, now=given.NOW)


def held(home: Path, database: Database) -> HeldSources:
    """The sources over a store, a minute after what was sent."""
    return HeldSources(database, KEYS, {"r4": given.adapter(home, "R4")}, lambda: given.NOW + 60_000)


def file(database: Database, *entries: Entry) -> Person:
    """A person with entries."""

    def work(conn: Connection) -> Person:
        person = add_person(conn, KEYS, MARGARET, given.KNOWN, given.NOW)
        file_entries(conn, KEYS, person, entries, given.NOW)
        for ods in (HOSPITAL, COUNCIL):
            keep(conn, KEYS, ods, "f0", ods.value.encode(), given.NOW)
        return person

    return database.write_now(work)


def about(person: Person) -> Question:
    """A question about a person in the store."""
    return replace(given.question(), person=person.key, subject=person.patient_id)


async def test_one_reading_is_split_by_provider(tmp_path: Path, database: Database) -> None:
    """Each provider gets its own entries, its outcome, and the time since it last sent anything."""
    person = file(database, condition("a" * 26, HOSPITAL), condition("b" * 26, HOSPITAL))
    sources = held(tmp_path, database)
    asked = [provider(COUNCIL, MLLP), provider(HOSPITAL, MLLP), provider(SILENT, MLLP)]
    council, hospital, silent = await sources.ask_all(about(person), asked)
    assert (council.source, council.outcome, council.entries) == (COUNCIL, Outcome.EMPTY, ())
    assert hospital.outcome is Outcome.ANSWERED
    assert sorted(entry.id for entry in hospital.entries) == ["a" * 26, "b" * 26]
    assert {hospital.age, council.age} == {60.0}
    assert (silent.outcome, silent.code) == (Outcome.NOT_ASKED, "nothing-sent-yet")


async def test_only_the_providers_that_are_asked_are_read(tmp_path: Path, database: Database) -> None:
    """What another provider sent is not among the results."""
    person = file(database, condition("a" * 26, HOSPITAL), condition("b" * 26, COUNCIL))
    results = await held(tmp_path, database).ask_all(about(person), [provider(COUNCIL, MLLP)])
    assert [entry.source for result in results for entry in result.entries] == ["E09"]
    assert await held(tmp_path, database).ask_all(about(person), []) == ()


async def test_a_record_that_was_seen_just_now_is_not_read_again(tmp_path: Path, database: Database) -> None:
    """At the revision that it was opened at it is as it was then, and held back is what was seen to be; at
    another one, and of somebody who was not seen, it is read."""
    person = file(database, condition("a" * 26, HOSPITAL))
    sources, asked = held(tmp_path, database), [provider(HOSPITAL, MLLP)]
    await sources.ask_all(about(person), asked)

    def change(conn: Connection) -> None:
        file_entries(conn, KEYS, person, [condition("b" * 26, HOSPITAL)], given.NOW)

    database.write_now(change)
    now = database.read_now(lambda conn: person_by_key(conn, KEYS, person.key))
    assert now is not None
    before = now.revision - 1
    found = {
        seen: (await sources.ask_all(about(person), asked, seen=seen))[0]
        for seen in (Seen(before, frozenset({HOSPITAL})), Seen(now.revision, frozenset()), None)
    }
    assert [len(one.entries) for one in found.values()] == [1, 2, 2]
    assert [one.code for one in found.values()] == ["in-quarantine", "", ""]


async def test_of_a_former_practice_there_is_what_was_written_here(
    tmp_path: Path, database: Database
) -> None:
    """What it sent went with the person to the next; what its staff wrote here nobody else has."""
    person = file(
        database,
        condition("a" * 26, HOSPITAL),
        condition("c-" + "b" * 26, HOSPITAL),
        condition("d" * 26, COUNCIL),
    )
    former = [provider(HOSPITAL, MLLP), provider(COUNCIL, MLLP), provider(SILENT, MLLP)]
    (told,) = await held(tmp_path, database).ask_all(about(person), [], former)
    assert (told.source, told.outcome) == (HOSPITAL, Outcome.ANSWERED)
    assert [entry.id for entry in told.entries] == ["c-" + "b" * 26]


async def test_a_person_who_is_not_held_is_empty(tmp_path: Path, database: Database) -> None:
    """Providers that send, and never sent anything about this person, hold nothing."""
    file(database)
    unknown = replace(given.question(), person="nobody")
    (result,) = await held(tmp_path, database).ask_all(unknown, [provider(HOSPITAL, MLLP)])
    assert (result.outcome, result.entries) == (Outcome.EMPTY, ())


async def test_a_store_that_fails_is_down_and_does_not_raise(tmp_path: Path, database: Database) -> None:
    """When the store is closed each provider is told as down."""
    person = file(database, condition("a" * 26, HOSPITAL))
    database.close()
    (result,) = await held(tmp_path, database).ask_all(about(person), [provider(HOSPITAL, MLLP)])
    assert (result.outcome, result.code) == (Outcome.DOWN, "database-closed")


def test_headings_are_those_of_the_feeds_that_send(tmp_path: Path, database: Database) -> None:
    """A feed that is asked live adds nothing to what is held."""
    sources = held(tmp_path, database)
    providers = {HOSPITAL: provider(HOSPITAL, MLLP, PULL), COUNCIL: provider(COUNCIL, PULL)}
    found = sources.headings(providers)
    assert found[COUNCIL] == frozenset()
    assert "problems" in found[HOSPITAL]


async def test_a_live_answer_does_not_cover_what_was_never_sent(tmp_path: Path, database: Database) -> None:
    """A provider that answers, and whose sending feed is silent so far, has not told of those headings."""
    person = file(database)
    sources = held(tmp_path, database)
    both = provider(SILENT, MLLP, PULL)
    (silent,) = await sources.ask_all(about(person), [both])
    live = SourceResult(SILENT, both.name, Outcome.ANSWERED)
    record = assemble(person.patient_id, [live], [silent])
    headings = {ods.value: found for ods, found in sources.headings({SILENT: both}).items()}
    ledger = make_ledger(record.results, headings, (), opened=frozenset(HEADINGS))
    assert not ledger.complete
    assert ledger.summary() == "0/1 answered; SIL=incomplete"
