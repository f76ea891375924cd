"""What is shown of a resource that its source gives in a shape that R4 does not have."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.fhir.entry import Resource
from scr.fhir.mend import mended
from scr.fhir.validate import validate

_CONCEPT = {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "A"}], "text": "A"}
_ABOUT = {"id": "a", "meta": {"security": [{"system": "urn:x", "code": "R"}]}}
_REFUTED = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "refuted"}]
}
_SOUND: list[Resource] = [
    {
        "resourceType": "Observation", **_ABOUT, "status": "final", "code": _CONCEPT,
        "effectivePeriod": {"start": "2024-01-01"}, "valueQuantity": {"value": 1, "comparator": "<"},
        "contained": [{"resourceType": "Practitioner", "id": "p", "name": [{"family": "B"}]}],
        "performer": [{"reference": "#p"}], "component": [{"code": _CONCEPT, "valueBoolean": True}],
    },
    {
        "resourceType": "Condition", **_ABOUT, "subject": {"reference": "Patient/x"}, "code": _CONCEPT,
        "verificationStatus": _REFUTED, "onsetDateTime": "2011", "note": [{"text": "C"}],
    },
    {
        "resourceType": "MedicationRequest", **_ABOUT, "subject": {"reference": "Patient/x"},
        "status": "active", "intent": "order", "doNotPerform": True,
        "medicationCodeableConcept": _CONCEPT, "dosageInstruction": [{"text": "D", "sequence": 1}],
        "modifierExtension": [{"url": "urn:x", "valueBoolean": True}],
    },
]  # fmt: skip
_JUNK: list[Any] = [
    None, 1, -0.5, True, "", " ", "x\n", "2024-13-45", "2024-01-01T10:00:00", [], {}, [None], [[1]], [{}],
    {"foo": "bar"}, {"coding": "x"}, {"coding": [{"code": 1}]}, [{"foo": {"bar": [1]}}], {"resourceType": 1},
]  # fmt: skip


def _places(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from _places(value, (*at, key))


def _spoilt(resource: Resource) -> Iterator[Resource]:
    """A resource with junk in every place of it in turn, and with elements that R4 does not have."""
    for *way, last in _places(resource):
        if way == [] and last in {"resourceType", "id"}:
            continue
        for junk in _JUNK:
            made = copy.deepcopy(resource)
            node: Any = made
            for step in way:
                node = node[step]
            node[last] = copy.deepcopy(junk)
            yield made
            if isinstance(node, dict):
                kept = copy.deepcopy(resource)
                node = kept
                for step in way:
                    node = node[step]
                node[f"{last}Zz"] = junk
                yield kept


@pytest.mark.parametrize("resource", _SOUND, ids=lambda one: one["resourceType"])
def test_what_is_shown_is_valid_and_means_what_it_meant(resource: Resource) -> None:
    """Whatever stands where: what comes of it is R4, and nothing went that would make it mean another."""
    assert validate(resource) == ()
    weighty = ("meta", "contained", "verificationStatus", "doNotPerform", "modifierExtension")
    shown = 0
    for spoilt in _spoilt(resource):
        was_sound = validate(spoilt) == ()
        meant = {name for name in weighty if spoilt.get(name) not in (None, "", [], {})}
        made = mended(spoilt)
        if made is None:
            assert not was_sound
            continue
        shown += 1
        assert validate(made.resource) == ()
        get_fhir_model_class(made.resource["resourceType"]).model_validate_json(orjson.dumps(made.resource))
        assert meant <= made.resource.keys()
        assert made.whole or made.resource.keys() < resource.keys()
    assert shown > 100


def test_it_says_what_it_took_out() -> None:
    """By path and never by value; what R4 has, and cannot be read, is missed, and what it lacks is lost."""
    observation = _SOUND[0]
    odd = {**observation, "foo": 1, "code": {**_CONCEPT, "bar": 1}, "bodySite": [_CONCEPT]}
    made = mended(copy.deepcopy(odd))
    assert made is not None
    assert made.whole
    assert set(made.lost) == {"Observation.foo", "Observation.code.bar"}
    assert made.resource["bodySite"] == _CONCEPT  # one where several stood in a list of one
    two = mended({**copy.deepcopy(observation), "effectiveDateTime": "2024-02-02"})
    assert two is not None
    assert not two.whole
    assert two.resource.keys().isdisjoint({"effectiveDateTime", "effectivePeriod"})
    assert mended({**copy.deepcopy(observation), "status": "done"}) is None
    assert mended({**copy.deepcopy(_SOUND[1]), "verificationStatus": {"text": "no"}}) is None
