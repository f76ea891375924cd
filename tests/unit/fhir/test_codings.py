"""The coded elements of a resource: which are found, and how others are put in their place."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.codings import concepts_of, with_concepts

CODED = {"coding": [{"system": "urn:example:local", "code": "A"}]}
OTHER = {
    "coding": [{"system": "urn:example:local", "code": "A"}, {"system": "urn:example:other", "code": "B"}]
}


@pytest.mark.parametrize(
    ("kind", "content", "count"),
    [
        ("Observation", {"code": CODED, "category": [CODED, CODED], "valueCodeableConcept": CODED}, 4),
        ("Observation", {"component": [{"code": CODED, "interpretation": [CODED]}]}, 2),
        ("Observation", {"code": {"text": "no coding"}}, 0),
        ("Condition", {"clinicalStatus": CODED, "verificationStatus": CODED, "code": CODED}, 1),
        ("Condition", {"extension": [{"url": "urn:x", "valueCodeableConcept": CODED}]}, 1),
        (
            "Condition",
            {"extension": [{"url": "u", "extension": [{"url": "v", "valueCodeableConcept": CODED}]}]},
            1,
        ),
        ("Encounter", {"class": CODED["coding"][0], "participant": [{"type": [CODED]}]}, 1),
        ("Encounter", {"meta": {"tag": CODED["coding"]}, "status": "finished"}, 0),
        ("MedicationRequest", {"dosageInstruction": [{"route": CODED, "doseAndRate": [{"type": CODED}]}]}, 2),
        ("MedicationRequest", {"contained": [{"resourceType": "Medication", "code": CODED}]}, 1),
        ("Patient", {"identifier": [{"type": CODED}], "maritalStatus": CODED}, 2),
        ("Observation", {"subject": {"reference": "Patient/1", "identifier": {"type": CODED}}}, 0),
        ("NoSuchThing", {"code": CODED}, 0),
        (
            "Observation",
            {"code": [CODED], "category": CODED, "component": "a text", "method": [[CODED], 1]},
            2,
        ),
    ],
)
def test_the_concepts_of_a_resource(kind: str, content: dict[str, Any], count: int) -> None:
    """By R4's structure: open ones only, within extensions and what is contained; odd shapes do no harm."""
    assert len(concepts_of({"resourceType": kind, **content})) == count


def test_what_is_no_resource_has_no_concepts() -> None:
    """No type, or one that is no text."""
    assert concepts_of({}) == []
    assert concepts_of({"resourceType": ["Observation"], "code": CODED}) == []


_concepts = st.builds(lambda code: {"coding": [{"system": "urn:x", "code": code}]}, st.sampled_from("ABC"))
_resources = st.fixed_dictionaries(
    {"resourceType": st.just("Observation"), "id": st.just("o")},
    optional={
        "code": _concepts,
        "category": st.lists(_concepts, max_size=2),
        "component": st.lists(st.fixed_dictionaries({"code": _concepts}), max_size=2),
        "contained": st.lists(
            st.fixed_dictionaries({"resourceType": st.just("Medication"), "code": _concepts}), max_size=1
        ),
    },
)


@given(_resources, st.sets(st.integers(0, 6)))
def test_others_in_their_place_and_nothing_else_touched(resource: dict[str, Any], places: set[int]) -> None:
    """The chosen concepts are others, the rest are as they were, and the resource itself is not changed."""
    before = orjson.dumps(resource)
    found = concepts_of(resource)
    chosen = {place for place in places if place < len(found)}
    made = with_concepts(resource, {id(found[place]): OTHER for place in chosen})
    assert orjson.dumps(resource) == before
    assert [c is OTHER for c in concepts_of(made)] == [place in chosen for place in range(len(found))]
    assert (made is resource) == (not chosen)
    assert list(made) == list(resource)
