"""The synthetic population: real-looking, repeatable, overlapping, and nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.demo.clinical import NO_KNOWN_ALLERGY
from scr.demo.history import AS_OF
from scr.demo.people import DEMO_SEED, known_to, nhs_number, population
from scr.demo.person import COUNCIL, GP, HOSPITAL, NEIGHBOUR, SOURCES, Person, held
from scr.demo.personas import PERSONAS
from scr.errors import Invalid
from scr.fhir.identifiers import is_nhs_number

seeds = st.integers(min_value=0, max_value=10**9)


@given(seeds)
def test_numbers_are_valid_of_the_test_range_and_each_persons_own(seed: int) -> None:
    """Every NHS Number is in 999, has the right check digit, and belongs to one person."""
    numbers = [nhs_number(seed, index) for index in range(500)]
    assert all(is_nhs_number(number) and number.startswith("999") for number in numbers)
    assert len(set(numbers)) == len(numbers)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_same_seed_gives_the_same_people_and_more_people_change_none(seed: int) -> None:
    """Made again it is the same, and the first of a larger population are those of a smaller one."""
    first = population(seed, 30)
    population.cache_clear()
    assert population(seed, 45)[:30] == first


def test_another_seed_gives_other_people() -> None:
    """The seed matters."""
    assert population(1, 30)[10:] != population(2, 30)[10:]


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_nothing_happens_before_birth_or_after_the_histories_end(seed: int) -> None:
    """Every date of a history lies in the person's life."""
    for person in population(seed, 40):
        for found in _dates(asdict(person)):
            assert person.birth_date <= found <= AS_OF.replace(year=AS_OF.year + 1)


def _dates(value: object) -> list[date]:
    if isinstance(value, datetime):
        return [value.date()]
    if isinstance(value, date):
        return [value]
    if isinstance(value, dict):
        return [found for item in value.values() for found in _dates(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in _dates(item)]
    return []


@pytest.mark.parametrize(
    ("source", "least", "most"),
    [(GP, 0.93, 1.0), (HOSPITAL, 0.42, 0.6), (COUNCIL, 0.18, 0.33), (NEIGHBOUR, 0.1, 0.23)],
)
def test_sources_overlap_as_they_do_in_an_area(source: str, least: float, most: float) -> None:
    """GP nearly all, hospital about half, council a quarter, neighbour a sixth; nobody is nowhere."""
    people = population()
    assert least <= len(known_to(source)) / len(people) <= most
    assert all(person.sources for person in people)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_source_holds_only_what_it_may(seed: int) -> None:
    """No item is held by a source that does not know the person."""
    for person in population(seed, 40):
        for items in (person.problems, person.medicines, person.allergies, person.reports, person.visits):
            assert all(item.held_by and item.held_by <= person.sources for item in items)


@pytest.mark.parametrize("index", range(len(PERSONAS)), ids=[persona.name for persona in PERSONAS])
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_personas_are_rich_in_all_four_sources(index: int, seed: int) -> None:
    """Whatever the seed, each documented person has something to show in every source."""
    person = population(seed, len(PERSONAS))[index]
    assert person.persona == PERSONAS[index].name
    assert person.sources == frozenset(SOURCES)
    assert len(person.consultations) >= 10
    assert len(held(person.medicines, GP)) >= 2
    assert len(held(person.visits, HOSPITAL)) >= 4
    assert person.care
    assert held(person.visits, NEIGHBOUR)


def test_duplicates_and_disagreements_are_there_on_purpose() -> None:
    """The same allergy and result twice; a dose, an allergy, an address and a name that differ."""
    people = population()
    assert _some(people, lambda person: any({GP, HOSPITAL} <= item.held_by for item in person.allergies))
    assert _some(people, lambda person: any({GP, HOSPITAL} <= item.held_by for item in person.reports))
    assert _some(people, _doses_differ)
    assert _some(people, _allergy_denied)
    assert _some(people, lambda person: len({person.address_at(source) for source in person.sources}) > 1)
    assert _some(people, lambda person: len({person.family_at(source) for source in person.sources}) > 1)


def _some(people: tuple[Person, ...], holds: object) -> bool:
    assert callable(holds)
    return Counter(bool(holds(person)) for person in people)[True] >= 2


def _doses_differ(person: Person) -> bool:
    doses = {(item.what.code, item.dosage) for item in person.medicines}
    return len(doses) > len({code for code, _ in doses})


def _allergy_denied(person: Person) -> bool:
    at_hospital = {item.what for item in held(person.allergies, HOSPITAL)}
    at_gp = {item.what for item in held(person.allergies, GP)}
    return at_hospital == {NO_KNOWN_ALLERGY} and bool(at_gp - {NO_KNOWN_ALLERGY})


def test_nobody_is_given_what_they_are_allergic_to() -> None:
    """Penicillin and aspirin are kept from those who must not have them."""
    forbidden = {"91936005": "323510009", "293586001": "319773006"}
    for person in population(DEMO_SEED, 1000):
        drugs = {item.what.code for item in person.medicines}
        assert not any(forbidden.get(item.what.code) in drugs for item in person.allergies)


@pytest.mark.parametrize("size", [0, 5, 5001])
def test_a_population_has_its_limits(size: int) -> None:
    """Fewer than the personas or more than the numbers allow is refused."""
    with pytest.raises(Invalid):
        population(1, size)
