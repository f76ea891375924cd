"""Persons are found by what is known of them, once each, and their facts are learned with care."""

from __future__ import annotations

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace
from tests.unit.store.samples import NOW, nhs_number

from scr.errors import Conflict
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Standing
from scr.identity.index import (
    Relationship,
    by_patient_id,
    end_relationship,
    find,
    find_local,
    known_demographics,
    learn_demographics,
    learn_local,
    learn_standing,
    register,
    relate,
    relationships,
)
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person

KNOWN = Demographics("Quillfeather", ("Wilhelmina",), "1951-02-03", "female", "ZZ99 3WZ")
SURGERY, HOSPITAL = OdsCode("A81001"), OdsCode("RXX01")
DAY = 24 * 3600 * 1000


def _register(database: Database, keys: KeyRing, serial: int, told: Demographics = KNOWN) -> Person:
    return database.write_now(lambda c: register(c, keys, nhs_number(serial), told, NOW))


def test_a_person_is_found_by_number_and_by_patient_id(database: Database, keys: KeyRing) -> None:
    """Both give the same person, whole; another number gives nobody; a number is registered once."""
    person = _register(database, keys, 0)
    assert person.demographics == KNOWN
    assert database.read_now(lambda c: find(c, keys, nhs_number(0))) == person
    assert database.read_now(lambda c: by_patient_id(c, keys, person.patient_id)) == person
    assert database.read_now(lambda c: find(c, keys, nhs_number(1))) is None
    assert database.read_now(lambda c: by_patient_id(c, keys, person.key)) is None
    with pytest.raises(Conflict):
        _register(database, keys, 0)
    assert _register(database, keys, 1).patient_id != person.patient_id


def test_local_identifiers(database: Database, keys: KeyRing) -> None:
    """A local identifier finds its person within its system, and never becomes another's."""
    one, other = _register(database, keys, 0), _register(database, keys, 1)
    assert database.write_now(lambda c: learn_local(c, keys, one, "urn:x", "17"))
    assert not database.write_now(lambda c: learn_local(c, keys, one, "urn:x", "17"))
    with pytest.raises(Conflict):
        database.write_now(lambda c: learn_local(c, keys, other, "urn:x", "17"))
    assert database.write_now(lambda c: learn_local(c, keys, other, "urn:y", "17"))
    assert database.read_now(lambda c: find_local(c, keys, "urn:x", "17")) == one
    assert database.read_now(lambda c: find_local(c, keys, "urn:x", "18")) is None


def test_relationships_begin_end_and_go_on(database: Database, keys: KeyRing) -> None:
    """Told twice is told once; an end counts for the source that told it; told again, it goes on."""
    person = _register(database, keys, 0)
    database.write_now(lambda c: relate(c, person, SURGERY, "registration", SURGERY, NOW))
    database.write_now(lambda c: relate(c, person, SURGERY, "registration", SURGERY, NOW + 1))
    database.write_now(lambda c: relate(c, person, HOSPITAL, "care", HOSPITAL, NOW))
    database.write_now(lambda c: end_relationship(c, person, HOSPITAL, "care", SURGERY, NOW + 2))
    here = Relationship(SURGERY, "registration", SURGERY, NOW, seen=NOW)
    there = Relationship(HOSPITAL, "care", HOSPITAL, NOW, seen=NOW)
    assert database.read_now(lambda c: relationships(c, person)) == (here, there)
    database.write_now(lambda c: end_relationship(c, person, SURGERY, "registration", SURGERY, NOW + 3))
    database.write_now(lambda c: end_relationship(c, person, SURGERY, "registration", SURGERY, NOW + 4))
    assert database.read_now(lambda c: relationships(c, person))[0].until == NOW + 3
    database.write_now(lambda c: relate(c, person, SURGERY, "registration", SURGERY, NOW + 5))
    again = replaced(here, seen=NOW + 5)
    assert database.read_now(lambda c: relationships(c, person)) == (again, there)


def test_when_a_relationship_was_told_is_kept_to_the_day(database: Database, keys: KeyRing) -> None:
    """Told again within a day nothing is written; after a day it was seen then; an end does not go back."""
    person = _register(database, keys, 0)

    def told(at: int, until: int | None = None) -> Relationship:
        database.write_now(lambda c: relate(c, person, HOSPITAL, "encounter", HOSPITAL, at, until))
        [one] = database.read_now(lambda c: relationships(c, person))
        return one

    assert told(NOW).seen == NOW
    assert told(NOW + DAY).seen == NOW
    assert told(NOW + DAY + 1).seen == NOW + DAY + 1
    assert told(NOW + DAY + 2, NOW + 50).until == NOW + 50
    assert told(NOW + DAY + 3, NOW + 20).until == NOW + 50, "the history of an earlier visit"
    assert told(NOW + DAY + 4, NOW + 90).until == NOW + 90
    assert told(NOW + DAY + 5).until is None, "another visit has begun"
    assert told(NOW + DAY + 5).since == NOW


@pytest.mark.parametrize(
    ("known", "told", "then"),
    [
        (Demographics(), KNOWN, KNOWN),
        (KNOWN, Demographics(), KNOWN),
        (KNOWN, Demographics("Other", ("Name",), "1990-01-01"), KNOWN),
        (
            KNOWN,
            Demographics("Pennyworth", ("Wilhelmina",), "1951-02-03", None, "ZZ99 3VZ"),
            Demographics("Pennyworth", ("Wilhelmina",), "1951-02-03", "female", "ZZ99 3VZ"),
        ),
        (
            Demographics("Quillfeather", ("W",), "1951-02-03"),
            Demographics("Quillfeather", ("Wilhelmina", "May"), "1951-02-03"),
            Demographics("Quillfeather", ("Wilhelmina", "May"), "1951-02-03"),
        ),
        (KNOWN, Demographics("Quillfeather", ("Wilhelmina",), "1951-03-02"), KNOWN),
    ],
    ids=["first", "nothing told", "another person", "moved and married", "initial", "slip in the date"],
)
def test_what_is_learned(
    database: Database, keys: KeyRing, known: Demographics, told: Demographics, then: Demographics
) -> None:
    """Only what agrees is taken up, and never another birth date."""
    person = _register(database, keys, 0, known)
    changed = database.write_now(lambda c: learn_demographics(c, keys, person, told))
    assert changed == (known != then)
    assert database.read_now(lambda c: known_demographics(c, keys, person)) == then


def test_how_a_person_stands_is_kept_beside_what_they_are_called(database: Database, keys: KeyRing) -> None:
    """Neither takes the other away; a superseded number stays known; asking again tells no change."""
    person = _register(database, keys, 0)
    told = Standing(verification="01", restricted=True, former=(nhs_number(7).value,), checked=NOW)
    assert database.write_now(lambda c: learn_standing(c, keys, person, told))
    newer = Demographics("Quillfeather-Okonjo", ("Wilhelmina",), "1951-02-03", "female", "ZZ99 3WZ")
    assert database.write_now(lambda c: learn_demographics(c, keys, person, newer))
    again = Standing(verification="01", restricted=True, checked=NOW + 1)
    assert not database.write_now(lambda c: learn_standing(c, keys, person, again))
    held = database.read_now(lambda c: find(c, keys, nhs_number(0)))
    assert held is not None
    assert held.demographics == replace(newer, postcode=None)  # where a restricted person lives is not held
    assert held.standing == Standing("01", True, "", "", (nhs_number(7).value,), NOW + 1)
