"""The table of search parameters, held to the structure of R4."""

from __future__ import annotations

import pytest
from tests.unit.fhir.search.document import PAGE, written

from scr.fhir.headings import placed_types
from scr.fhir.search import parameters_of, searched_types
from scr.fhir.search.head import head_dates, head_tokens
from scr.fhir.search.paths import datatypes
from scr.fhir.search.table import ANY, EVERY, Parameter
from scr.fhir.structure import r4

SUITS = {
    "token": {"CodeableConcept", "Coding", "Identifier", "ContactPoint"}
    | {"code", "boolean", "id", "string", "dateTime"},
    "date": {"date", "dateTime", "instant", "Period", "Timing"},
    "string": {"string", "markdown", "HumanName", "Address"},
    "reference": {"Reference", "canonical"},
    "quantity": {"Quantity", "Age", "Duration", "Range", "SampledData"},
    "number": {"decimal", "integer"},
    "uri": {"uri", "url", "canonical"},
    "special": {"LocationPosition"},
}  # fmt: skip
"""What may stand where a parameter of a type looks."""

EVERY_ROW = [
    one for kind in searched_types() for one in parameters_of(kind).values() if one.resource != EVERY
]


def test_every_path_is_an_element_of_a_suitable_type() -> None:
    """No parameter looks where R4 has nothing, or something of another kind."""
    for one in EVERY_ROW:
        if one.type == "composite":
            for part in one.parts:
                roots = [path for path in one.paths if path != "."] or [""]
                paths = [f"{root}.{path}".removeprefix(".") for root in roots for path in part.paths]
                assert datatypes(one.resource, paths) <= SUITS[part.type], one
        else:
            assert datatypes(one.resource, one.paths) <= SUITS[one.type], one


def test_what_every_type_has_looks_into_meta() -> None:
    """The parameters of all types are those of ``meta`` and the id."""
    names = {name: one.paths for name, one in parameters_of("Binary").items()}
    assert names == {
        "_id": ("id",), "_lastUpdated": ("meta.lastUpdated",), "_profile": ("meta.profile",),
        "_security": ("meta.security",), "_source": ("meta.source",), "_tag": ("meta.tag",),
    }  # fmt: skip


def test_references_lead_to_types_and_nothing_else_does() -> None:
    """Every reference names its targets, and no other parameter has any."""
    for one in EVERY_ROW:
        assert bool(one.targets) == (one.type == "reference"), one
        assert bool(one.parts) == (one.type == "composite"), one
        assert ANY not in one.targets or len(one.targets) == 1


def test_every_type_of_a_record_can_be_searched() -> None:
    """The table has no type that no heading has, and what is about a person names the person."""
    assert set(searched_types()) == placed_types()
    subjects = {kind for kind in searched_types() if {"subject", "patient"} & r4().types.get(kind, {}).keys()}
    with_parameter = {
        kind for kind in searched_types() if {"patient", "subject"} & parameters_of(kind).keys()
    }
    assert subjects <= with_parameter


_COUNTS = {
    "Observation": 38,
    "Patient": 23,
    "MedicationRequest": 16,
    "Condition": 21,
    "AllergyIntolerance": 16,
}


@pytest.mark.parametrize(("kind", "count"), _COUNTS.items())
def test_the_registry_of_r4_is_whole(kind: str, count: int) -> None:
    """As many parameters as the registry of R4 lists for the type, those of this project not counted."""
    assert len([one for one in EVERY_ROW if one.resource == kind and not one.own]) == count


def test_the_head_answers_what_it_has() -> None:
    """Which of the parameters of an observation and of an allergy are answered without their bodies."""

    def by_head(kind: str) -> set[str]:
        found: set[str] = set()
        for name, one in parameters_of(kind).items():
            answers = {"token": head_tokens, "date": head_dates}.get(one.type)
            if answers is not None and answers(kind, name) is not None:
                found.add(name)
        return found

    always = {"_id", "_security", "_lastUpdated"}
    assert by_head("Observation") == always | {"code", "category", "status", "date"}
    assert by_head("AllergyIntolerance") == always | {"category", "clinical-status"}
    assert by_head("Immunization") == always | {"vaccine-code", "code", "status", "date"}


def test_a_reference_leads_where_it_says() -> None:
    """To the types that it names, or to any."""
    named = Parameter("Observation", "x", "reference", ("x",), frozenset({"Patient"}))
    anything = Parameter("Observation", "x", "reference", ("x",), frozenset({ANY}))
    assert [named.leads_to("Patient"), named.leads_to("Group"), anything.leads_to("Group")] == [
        True,
        False,
        True,
    ]


def test_the_page_lists_what_there_is() -> None:
    """`docs/search.md` has the parameters of the table: `python -m tests.unit.fhir.search.document`."""
    assert PAGE.read_text(encoding="utf-8") == written()
