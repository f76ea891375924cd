"""The headings of a record: every resource stands under one, and the rules agree with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.canonical import CONTRIBUTION_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.headings import HEADINGS, heading_of, headings_of_type, types_under

ADDED_HERE = {"tag": [{"system": CONTRIBUTION_SYSTEM, "code": "patient-contributed"}]}
TYPES = sorted({kind for heading in HEADINGS for kind in types_under(heading)})
_CODES = [
    "laboratory", "imaging", "social-history", "safeguarding", "legal", "108252007", "end-of-life", "IMP",
    "AMB", "886921000000105", "1149501000000101", "other",
]  # fmt: skip
_concepts = st.lists(
    st.builds(lambda codes: {"coding": [{"code": c} for c in codes]}, st.lists(st.sampled_from(_CODES))),
    max_size=2,
)


@given(
    kind=st.sampled_from([*TYPES, "Basic", "Nonsense"]),
    category=_concepts | st.lists(st.sampled_from(_CODES), max_size=2),
    code=_concepts.map(lambda concepts: concepts[0] if concepts else None),
    encounter_class=st.none() | st.sampled_from(_CODES).map(lambda code: {"code": code}),
)
def test_what_stands_under_a_heading_is_one_of_its_types(
    kind: str, category: object, code: object, encounter_class: object
) -> None:
    """However a resource is categorised, its heading is known, and is one that its type can stand under.

    The policy, the ledger and the search ask by type: a resource elsewhere would escape them.
    """
    resource: Resource = {"resourceType": kind, "category": category, "code": code, "class": encounter_class}
    heading = heading_of(resource)
    assert heading in HEADINGS
    if kind in TYPES:
        assert kind in types_under(heading)
        assert heading in headings_of_type(kind)


@given(kind=st.sampled_from(TYPES), heading=st.sampled_from(list(HEADINGS)))
def test_types_and_headings_are_two_sides_of_one_rule(kind: str, heading: str) -> None:
    """A type is under a heading exactly where the heading is one of the type's."""
    assert (kind in types_under(heading)) == (heading in headings_of_type(kind))


@pytest.mark.parametrize(
    ("resource", "heading"),
    [
        ({"resourceType": "Observation"}, "findings"),
        ({"resourceType": "Observation", "category": [{"coding": [{"code": "laboratory"}]}]}, "results"),
        (
            {"resourceType": "Observation", "category": [{"coding": [{"code": "social-history"}]}]},
            "social-context",
        ),
        ({"resourceType": "Encounter", "class": {"code": "IMP"}}, "admissions"),
        ({"resourceType": "Encounter", "class": {"code": "EMER"}}, "admissions"),
        ({"resourceType": "Encounter", "class": {"code": "AMB"}}, "contacts"),
        ({"resourceType": "Encounter"}, "contacts"),
        ({"resourceType": "List", "code": {"coding": [{"code": "886921000000105"}]}}, "allergies"),
        ({"resourceType": "List", "code": {"coding": [{"code": "933361000000108"}]}}, "medications"),
        ({"resourceType": "List"}, "contacts"),
        ({"resourceType": "Flag", "category": [{"coding": [{"code": "safeguarding"}]}]}, "safeguarding"),
        ({"resourceType": "ServiceRequest", "category": [{"coding": [{"code": "108252007"}]}]}, "results"),
        ({"resourceType": "AllergyIntolerance", "category": ["medication"]}, "allergies"),
        ({"resourceType": "Binary"}, "documents"),
        ({"resourceType": "Basic"}, "documents"),
        ({"resourceType": "Observation", "meta": ADDED_HERE}, "added-by-person"),
        ({"resourceType": "RelatedPerson", "meta": ADDED_HERE}, "added-by-person"),
        ({"resourceType": "Condition", "meta": ADDED_HERE}, "problems"),
        (
            {
                "resourceType": "Composition",
                "meta": ADDED_HERE,
                "category": [{"coding": [{"code": "about-me"}]}],
            },
            "about-me",
        ),
        ({"resourceType": "Composition", "meta": ADDED_HERE}, "added-by-person"),
        ({"resourceType": "Observation", "meta": {"tag": [{"code": "patient-contributed"}]}}, "findings"),
    ],
)
def test_a_resource_stands_where_a_clinician_looks_for_it(resource: Resource, heading: str) -> None:
    """By type, by category, by the class of an encounter and by the code of a list."""
    assert heading_of(resource) == heading


def test_a_type_that_is_not_known_is_under_no_heading() -> None:
    """So a misspelt type can be told from one that holds nothing."""
    assert headings_of_type("Condtion") == frozenset()
    assert types_under("nothing") == frozenset()
