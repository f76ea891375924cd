"""Text where FHIR has text: what a source wrote as a number, and nothing else, is changed."""

from __future__ import annotations

from typing import Any

import pytest

from scr.fhir.validate import validate
from scr.mapping.fit import fit


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"identifier": [{"value": 7}]}, {"identifier": [{"value": "7"}]}),
        ({"name": [{"given": ["Ada", 2, True]}]}, {"name": [{"given": ["Ada", "2", "true"]}]}),
        ({"active": True, "multipleBirthInteger": 2}, {"active": True, "multipleBirthInteger": 2}),
        ({"extension": [{"url": "urn:x", "valueDecimal": 1.5}]}, None),
        (
            {"extension": [{"url": "urn:x", "valueString": 1.5}]},
            {"extension": [{"url": "urn:x", "valueString": "1.5"}]},
        ),
        (
            {"contained": [{"resourceType": "Location", "name": 4}]},
            {"contained": [{"resourceType": "Location", "name": "4"}]},
        ),
        ({"none": 4, "birthDate": {"not": "text"}, "name": "x"}, None),
    ],
)
def test_numbers_are_text_where_text_belongs(given: dict[str, Any], made: dict[str, Any] | None) -> None:
    """At any depth and in lists; numbers, truth values, and what R4 does not have, stay."""
    resource = {"resourceType": "Patient", **given}
    fit(resource)
    assert resource == {"resourceType": "Patient", **(given if made is None else made)}


def test_what_was_valid_stays_as_it_is() -> None:
    """A resource with numbers where they belong is not touched, and one of an unknown type neither."""
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "valueQuantity": {"value": 1.5},
    }
    before = repr(observation)
    fit(observation)
    assert repr(observation) == before
    assert validate(observation) == ()
    strange = {"resourceType": "Nothing", "id": 4}
    fit(strange)
    assert strange["id"] == 4
