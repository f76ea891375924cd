"""Records: versions filed and kept, one person's never on another's, nothing readable on disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import update
from tests.unit.store.samples import FAMILY, NOW, filed, nhs_number, note, person

from scr.errors import Conflict, Fault, NotFound
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity.index import find
from scr.store import messages, quarantine, snapshots, trail
from scr.store.beginning import begin_by_resource
from scr.store.engine import Database
from scr.store.filing import Filed
from scr.store.keys import KeyRing
from scr.store.locator import Located, as_served, not_remembered, remember_served
from scr.store.people import erase_person, person_by_key
from scr.store.records import load_entry, load_history, load_record, load_version
from scr.store.tables import PERSON, RESOURCE


def test_a_changed_entry_is_a_new_version(database: Database, keys: KeyRing) -> None:
    """New, unchanged and changed are counted; every version can be read, stamped, the newest first."""
    someone = person(database, keys)
    filings = [[note("a"), note("b")], [note("a"), note("b", "second")], [note("b", "third"), note("c")]]
    counts = [filed(database, keys, someone, entries, NOW + at) for at, entries in enumerate(filings)]
    assert counts == [Filed(2, 0, 0), Filed(0, 1, 1), Filed(1, 1, 0)]
    history = database.read_now(lambda c: load_history(c, keys, "b"))
    assert [entry.version for _, entry in history] == ["3", "2", "1"]
    assert [entry.last_updated - NOW for _, entry in history] == [2, 1, 0]
    assert [b"third" in entry.body for _, entry in history] == [True, False, False]
    assert {owner.key for owner, _ in history} == {someone.key}
    for _, entry in history:
        assert b'"versionId":"%s"' % entry.version.encode() in entry.body
        found = database.read_now(partial(load_version, keys=keys, logical="b", version=entry.version))
        assert found is not None
        assert found[1] == entry
    assert database.read_now(lambda c: load_entry(c, keys, "b")) == history[0]
    assert database.read_now(lambda c: load_version(c, keys, "b", "4")) is None
    assert database.read_now(lambda c: load_entry(c, keys, "z")) is None


def test_an_id_twice_in_one_filing(database: Database, keys: KeyRing) -> None:
    """The later one stands; the earlier one is its history."""
    someone = person(database, keys)
    entries = [note("a", "one"), note("a", "two"), note("a", "two"), note("a", "three")]
    assert filed(database, keys, someone, entries) == Filed(1, 2, 1)
    assert len(database.read_now(lambda c: load_history(c, keys, "a"))) == 3


def test_an_entry_of_another_person_is_refused(database: Database, keys: KeyRing) -> None:
    """An id on one record is never filed onto another, and what came with it is not filed either."""
    one, other = person(database, keys, 0), person(database, keys, 1)
    filed(database, keys, one, [note("a")])
    database.write_now(lambda c: remember_served(c, one, [note("live")]))
    for taken in ("a", "live"):
        with pytest.raises(Conflict) as caught:
            filed(database, keys, other, [note("x"), note(taken)])
        assert caught.value.code == "other-person"
    assert database.read_now(lambda c: load_record(c, keys, other)) == []
    assert len(database.read_now(lambda c: load_record(c, keys, one))) == 1
    with pytest.raises(Conflict):
        database.write_now(lambda c: remember_served(c, other, [note("a")]))
    with pytest.raises(Conflict):
        filed(database, keys, one, [note("a", kind="Condition")])


def test_a_record_can_be_narrowed_to_sources(database: Database, keys: KeyRing) -> None:
    """Only the entries of the named sources are loaded; of none, nothing."""
    someone = person(database, keys)
    entries = [note("a"), note("b", source="RXX01"), note("c", source="RXX02")]
    filed(database, keys, someone, entries)

    def ids(*codes: str) -> set[str]:
        sources = [OdsCode(code) for code in codes]
        return {e.id for e in database.read_now(lambda c: load_record(c, keys, someone, sources))}

    assert ids("A81001", "RXX02") == {"a", "c"}
    assert ids() == set()
    assert len(database.read_now(lambda c: load_record(c, keys, someone))) == 3


def test_a_row_that_was_moved_or_changed_does_not_open(database: Database, keys: KeyRing) -> None:
    """A sealed body put under another id, or another's, is a Fault, and never shown as that id's."""
    someone = person(database, keys)
    filed(database, keys, someone, [note("a"), note("b", "second")])
    column = RESOURCE.c.sealed
    of_b = database.read_now(lambda c: c.execute(column.table.select().where(RESOURCE.c.id == "b")).one())
    database.write_now(
        lambda c: c.execute(update(RESOURCE).where(RESOURCE.c.id == "a").values(sealed=of_b.sealed))
    )
    for read in (lambda c: load_record(c, keys, someone), lambda c: load_entry(c, keys, "a")):
        with pytest.raises(Fault) as caught:
            database.read_now(read)
        assert caught.value.code == "unreadable"


def test_without_its_key_a_record_is_gone(database: Database, keys: KeyRing) -> None:
    """Crypto-shredding: with the wrapped key destroyed, record and facts cannot be opened by anyone."""
    someone = person(database, keys)
    filed(database, keys, someone, [note("a")])
    database.write_now(lambda c: c.execute(update(PERSON).values(wrapped_key=b"")).close())
    keys.forget()
    for look in (
        lambda c: person_by_key(c, keys, someone.key),
        lambda c: find(c, keys, someone.nhs_number),
        lambda c: load_entry(c, keys, "a"),
    ):
        with pytest.raises(Fault, match="cannot be opened"):
            database.read_now(look)


def test_erasing_a_person(database: Database, keys: KeyRing) -> None:
    """Record, history, snapshots and messages of the person go; other people and the trail stay."""
    one, other = person(database, keys, 0), person(database, keys, 1)
    for someone, logical in ((one, "a"), (other, "b")):
        filed(database, keys, someone, [note(logical)])
        filed(database, keys, someone, [note(logical, "2")])
    message = database.write_now(lambda c: messages.keep(c, keys, OdsCode("A81001"), "f", b"MSH", NOW)).id
    done = messages.MessageState.FILED
    database.write_now(lambda c: messages.finish(c, keys, message, done, {}, one))
    page = database.write_now(lambda c: snapshots.save(c, keys, one, "me", b"page", NOW, 1000))
    database.write_now(lambda c: trail.append(c, trail.AuditRow(NOW, "x", "R", "Patient", "0", one.key)))
    database.write_now(lambda c: erase_person(c, keys, one))
    assert database.read_now(lambda c: find(c, keys, one.nhs_number)) is None
    assert database.read_now(lambda c: load_history(c, keys, "a")) == []
    assert database.read_now(lambda c: snapshots.load(c, keys, page, "me", NOW)) is None
    with pytest.raises(Fault):
        database.read_now(lambda c: messages.open_raw(c, keys, message))
    with pytest.raises(NotFound):
        filed(database, keys, one, [note("n")])
    assert len(database.read_now(lambda c: load_history(c, keys, "b"))) == 2
    assert len(database.read_now(lambda c: trail.recent(c, person=one.key))) == 1


def test_nothing_readable_on_disk(tmp_path: Path, keys: KeyRing, sqlite_template: Path) -> None:
    """Neither the name, the number nor a word of the record stands in the file or its log."""
    path = tmp_path / "disk.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database.open(f"sqlite:///{path}")
    someone = person(database, keys)
    filed(database, keys, someone, [note("a", "Haemochromatosis")])
    kept = database.write_now(
        lambda c: messages.keep(c, keys, OdsCode("A81001"), "f", b"PID|Haemochromatosis", NOW)
    )
    database.write_now(
        lambda c: quarantine.quarantine(c, keys, kept.id, "x", "row 1", "c", "s", FAMILY.encode(), NOW)
    )
    for closed in (False, True):
        if closed:
            database.close()
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"A81001" in written  # it was written, and what may be seen is seen
        for secret in (FAMILY, "Wilhelmina", someone.nhs_number.value, "Haemochromatosis", "ZZ99"):
            assert secret.encode() not in written


async def test_what_was_served_live_can_be_found_again(database: Database, keys: KeyRing) -> None:
    """An id that was served is located, held or not; one that was not, is not; asking twice writes once."""
    someone = person(database, keys)
    live = [note("live1"), note("live2", source="RXX01"), note("live1")]
    filed(database, keys, someone, [note("held")])
    assert database.write_now(lambda c: remember_served(c, someone, [*live, note("held")])) == 2
    assert database.write_now(lambda c: remember_served(c, someone, live)) == 0
    assert database.read_now(lambda c: not_remembered(c, someone, [*live, note("new")])) == [note("new")]

    async def where(kind: str, logical: str) -> Located | None:
        return (await begin_by_resource(database, keys, kind, logical, "", NOW)).located

    found = await where("Observation", "live2")
    assert found is not None
    assert (found.person, found.source, found.held) == (someone.key, OdsCode("RXX01"), False)
    assert await where("Observation", "held") == Located(someone.key, OdsCode("A81001"), held=True)
    assert await where("Condition", "held") is None
    assert await where("Observation", "never") is None


async def test_what_a_live_resource_was_is_remembered_as_it_was_last(
    database: Database, keys: KeyRing
) -> None:
    """Its labels, dates and heading, without its bytes; another one's is not read with this one's key."""
    someone, other = person(database, keys), person(database, keys, 1)
    marked = structs.replace(note("live"), labels=("s|R",), heading="findings")
    assert database.write_now(lambda c: remember_served(c, someone, [note("live")])) == 1
    assert database.write_now(lambda c: remember_served(c, someone, [marked])) == 1
    assert database.write_now(lambda c: remember_served(c, someone, [marked])) == 0
    located = (await begin_by_resource(database, keys, "Observation", "live", "", NOW)).located
    assert located is not None
    was = as_served(located, someone, "live")
    assert was is not None
    assert (was.labels, was.heading, was.when, was.body) == (("s|R",), "findings", marked.when, b"")
    assert as_served(located, other, "live") is None


def test_a_person_prints_without_what_is_theirs(database: Database, keys: KeyRing) -> None:
    """A person in a log line shows no number, no key and no name."""
    someone = person(database, keys)
    assert someone.nhs_number == nhs_number(0)
    assert isinstance(someone.nhs_number, NHSNumber)
    shown = f"{someone!r}"
    assert FAMILY not in shown
    assert someone.nhs_number.value not in shown
    assert someone.key in shown
