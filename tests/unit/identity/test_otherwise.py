"""Whom live sources tell of, where that may be another person: kept with the person, and no longer."""

from __future__ import annotations

from tests.unit.store import samples

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Standing
from scr.identity import index, otherwise
from scr.store import doubts
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, erase_person

PRACTICE, HOSPITAL = OdsCode("Z00001"), OdsCode("Z00002")
HERON = Demographics("Heron", ("Jane",), "1980-05-17", "female", "ZZ1 1ZZ")


def now_held(database: Database, keys: KeyRing, person: Person) -> Person:
    """The person as they are in the database."""
    held = database.read_now(lambda conn: index.find(conn, keys, person.nhs_number))
    assert held is not None
    return held


def test_each_source_is_told_of_once_and_nothing_of_where_a_restricted_person_lives(
    database: Database, keys: KeyRing
) -> None:
    """The latest of each; where somebody lives goes when the register restricts it, wherever it was kept."""
    person = samples.person(database, keys)

    def note(source: OdsCode, told: Demographics, now: int) -> bool:
        return database.write_now(
            lambda conn: otherwise.note(conn, keys, person.key, source, told, now, contradicts=False)
        )

    assert [note(PRACTICE, HERON, 1), note(PRACTICE, HERON, 2), note(HOSPITAL, HERON, 3)] == [
        True, False, True,
    ]  # fmt: skip
    database.write_now(lambda conn: index.learn_also(conn, keys, person, HERON))
    restricted = Standing(restricted=True, checked=4)
    database.write_now(lambda conn: index.learn_standing(conn, keys, person, restricted))
    held = now_held(database, keys, person)
    assert [(one.source, one.since) for one in held.otherwise] == [("Z00001", 1), ("Z00002", 3)]
    assert {one.demographics.postcode for one in held.otherwise} == {None}
    assert {one.postcode for one in held.known_as} == {None}
    note(PRACTICE, HERON, 5)
    assert not note(PRACTICE, HERON, 6)
    assert {one.demographics.postcode for one in now_held(database, keys, person).otherwise} == {None}
    database.write_now(lambda conn: otherwise.over(conn, keys, person.key, PRACTICE))
    [doubt] = database.read_now(doubts.standing)
    assert (doubt.code, doubt.since) == ("source-differs", 3)


def test_what_the_register_confirms_says_nothing_of_a_source(database: Database, keys: KeyRing) -> None:
    """A number that is in use ends the register's doubts alone; whoever is erased is told of no more."""
    person = samples.person(database, keys)
    database.write_now(
        lambda conn: otherwise.note(conn, keys, person.key, PRACTICE, HERON, 1, contradicts=True)
    )
    database.write_now(lambda conn: doubts.note(conn, person, "nhs-number-not-known", 2))
    database.write_now(lambda conn: doubts.settle(conn, person))
    assert [one.code for one in database.read_now(doubts.standing)] == ["source-contradicts"]
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert database.read_now(doubts.standing) == []
    assert not database.write_now(
        lambda conn: otherwise.note(conn, keys, person.key, PRACTICE, HERON, 1, contradicts=True)
    )
