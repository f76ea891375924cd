"""What was told later stays: a message that comes late is no news, in whatever order they come."""

from __future__ import annotations

from itertools import permutations

import orjson
import pytest
from tests.unit.store.samples import NOW as NOW_MS
from tests.unit.store.samples import nhs_number

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.identity.index import register
from scr.store.engine import Database
from scr.store.filing import Filed, Told, file_entries
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.records import load_record


def _visit(status: str) -> Entry:
    return pack({"resourceType": "Encounter", "id": "v1", "status": status}, source="ZZH01", now=NOW_MS)


def _person(database: Database, keys: KeyRing, serial: int = 0) -> Person:
    return database.write_now(lambda c: register(c, keys, nhs_number(serial), Demographics(), NOW_MS))


def _file(
    database: Database, keys: KeyRing, person: Person, status: str, told: Told, at: int = NOW_MS
) -> Filed:
    return database.write_now(lambda c: file_entries(c, keys, person, [_visit(status)], at, told=told))


def _status(database: Database, keys: KeyRing, person: Person) -> str:
    [entry] = database.read_now(lambda c: load_record(c, keys, person))
    return str(orjson.loads(entry.body)["status"])


TOLD = {"planned": 100, "in-progress": 200, "finished": 300}


@pytest.mark.parametrize("order", list(permutations(TOLD)), ids="-".join)
def test_the_latest_word_stands_in_whatever_order_they_come(
    order: tuple[str, ...], database: Database, keys: KeyRing
) -> None:
    """By the sender's clock, not by ours."""
    person = _person(database, keys)
    for status in order:
        _file(database, keys, person, status, Told(TOLD[status]))
    assert _status(database, keys, person) == "finished"


def test_said_again_it_holds_from_then(database: Database, keys: KeyRing) -> None:
    """The same at 100 and at 300 is not changed by what was so at 200."""
    person = _person(database, keys)
    _file(database, keys, person, "in-progress", Told(100))
    assert _file(database, keys, person, "in-progress", Told(300)).unchanged == 1
    assert _file(database, keys, person, "planned", Told(200)) == Filed(0, 0, 0, older=1)
    assert _status(database, keys, person) == "in-progress"
    assert _file(database, keys, person, "finished", Told(300)).updated == 1  # within the same second: news


def test_what_was_kept_back_replaces_nothing_newer(database: Database, keys: KeyRing) -> None:
    """A row that came before what is held now, by our clock, where its sender has none."""
    person = _person(database, keys)
    _file(database, keys, person, "in-progress", Told(), at=NOW_MS + 50)
    assert _file(database, keys, person, "planned", Told(received=NOW_MS), at=NOW_MS + 90).older == 1
    assert _file(database, keys, person, "finished", Told(received=NOW_MS + 60), at=NOW_MS + 90).updated == 1


def test_without_a_time_it_is_news(database: Database, keys: KeyRing) -> None:
    """What comes now and says no time is the latest word, also after what had one."""
    person = _person(database, keys)
    _file(database, keys, person, "finished", Told(300))
    assert _file(database, keys, person, "planned", Told()).updated == 1
