"""FHIR XML: the same units as the JSON form of the same resource gives."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fhir_as_xml import as_xml

from scr.decode import fhir_json, fhir_xml
from scr.decode.fhir_json import Version
from scr.decode.tree import BadUnit, DecodeError, Unit

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a &amp; b">1 &lt; 2<br></br></p></div>'
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": DIV},
    "extension": [
        {
            "url": "urn:a",
            "extension": [{"url": "b", "valueBoolean": False}, {"url": "c", "valueDecimal": 0.5}],
        }
    ],
    "identifier": [{"id": "i1", "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001014"}],
    "active": True,
    "name": [
        {
            "family": "O'Sample & Daughters",
            "given": ["Ada", None, "Mary"],
            "_given": [None, {"extension": [{"url": "urn:x", "valueString": "masked"}]}, {"id": "g3"}],
        },
        {"use": "old", "prefix": ["Dr"]},
    ],
    "birthDate": "1941-07-05",
    "_birthDate": {"extension": [{"url": "urn:t", "valueDateTime": "1941-07-05T10:00:00Z"}]},
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Contained"}],
    "managingOrganization": {"reference": "#o"},
}
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "urn:uuid:0a0a0a0a-0000-4000-8000-000000000001", "resource": PATIENT},
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "subject": {"reference": "urn:uuid:0a0a0a0a-0000-4000-8000-000000000001"},
                "valueQuantity": {"value": 72, "unit": "/min"},
                "component": [{"code": {"text": "x"}, "valueInteger": -1}],
            }
        },
        {"fullUrl": "urn:x"},
    ],
}
STU3: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "i",
    "status": "completed",
    "notGiven": False,
    "vaccineCode": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]},
    "patient": {"reference": "Patient/p1"},
    "date": "2020-01-01",
    "primarySource": True,
    "practitioner": [{"actor": {"reference": "Practitioner/a"}}],
    "vaccinationProtocol": [
        {"doseSequence": 1, "targetDisease": [{"text": "flu"}], "doseStatus": {"text": "ok"}}
    ],
}


SMALL: dict[str, Any] = {"resourceType": "Patient", "id": "p"}


def trees(units: Any) -> list[Any]:
    """The trees of good units, the sentences of bad ones."""
    return [unit.tree if isinstance(unit, Unit) else str(unit.error) for unit in units]


@pytest.mark.parametrize(
    ("resource", "version"), [(PATIENT, "R4"), (BUNDLE, "R4"), (STU3, "STU3"), (PATIENT, "STU3")]
)
def test_xml_gives_what_json_gives(resource: dict[str, Any], version: Version) -> None:
    """Lists of one, numbers, truth values, narrative, contained resources, extensions of primitives."""
    from_json = trees(fhir_json.decode(json.dumps(resource).encode(), version))
    from_xml = trees(fhir_xml.decode(as_xml(resource), version))
    assert from_xml == from_json


def test_the_raw_of_every_unit_decodes_again_by_itself() -> None:
    """The Bundle as XML; the entry without a resource as it was kept."""
    for unit in fhir_xml.decode(as_xml(BUNDLE), "R4"):
        if isinstance(unit, BadUnit):
            with pytest.raises(DecodeError):
                list(fhir_xml.decode(unit.raw, "R4"))
        else:
            assert trees(fhir_xml.decode(unit.raw, "R4"))[-1] == unit.tree


def test_a_value_of_the_wrong_type_stays_as_it_is() -> None:
    """A number that is none is kept as text, so that validation can name it."""
    (unit,) = fhir_xml.decode(as_xml({**SMALL, "active": "yes", "birthDate": "soon"}), "R4")
    assert isinstance(unit, Unit)
    assert unit.tree["patient"] == {**SMALL, "active": "yes", "birthDate": "soon"}


def test_what_stands_twice_is_kept_twice() -> None:
    """Two birth dates are not made into one: the resource is not valid, and nothing of it is dropped."""
    (unit,) = fhir_xml.decode(as_xml({**SMALL, "birthDate": ["1", "2"]}), "R4")
    assert isinstance(unit, Unit)
    assert unit.tree["patient"]["birthDate"] == ["1", "2"]


def test_two_resources_in_one_entry_are_a_bad_entry() -> None:
    """Neither is taken for the other; the entry keeps both."""
    raw = b'<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Patient/><Location/></resource></entry></Bundle>'
    bad, unit = fhir_xml.decode(raw, "R4")
    assert isinstance(bad, BadUnit)
    assert isinstance(unit, Unit)
    assert unit.tree["resources"] == []
    assert b"Patient" in bad.raw
    assert b"Location" in bad.raw


NAMES = st.sampled_from(
    ["Bundle", "Patient", "entry", "resource", "contained", "extension", "id", "name", "given", "div",
     "resourceType", "value", "meta", "identifier", "requester", "agent", "h:div", "h:p"]
)  # fmt: skip
ELEMENTS: st.SearchStrategy[Any] = st.recursive(
    st.tuples(NAMES, st.sampled_from(["", ' value="1"', ' id="a"', ' url="u"']), st.just([])),
    lambda inner: st.tuples(NAMES, st.sampled_from(["", ' value="true"']), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def written(element: Any) -> str:
    """A drawn element as XML."""
    name, attributes, inside = element
    return f"<{name}{attributes}>{''.join(map(written, inside))}</{name}>"


@given(st.sampled_from(["Bundle", "Patient", "Immunization"]), st.lists(ELEMENTS, max_size=4))
def test_any_elements_in_any_order_are_read_or_refused(root: str, inside: list[Any]) -> None:
    """Whatever stands where, there are units or a refusal, and no other end."""
    space = 'xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"'
    raw = f"<{root} {space}>{''.join(map(written, inside))}</{root}>".encode()
    for version in ("R4", "STU3"):
        with contextlib.suppress(DecodeError):
            assert list(fhir_xml.decode(raw, version))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b"<html><body/></html>", "not-fhir"),
        (b'<Patient xmlns="urn:other"/>', "not-fhir"),
        (b'<Patient xmlns="http://hl7.org/fhir"><id value="1"/>', "not-xml"),
        (b'<!DOCTYPE Patient [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir"/>', "dtd-forbidden"),
        (b'<div xmlns="http://www.w3.org/1999/xhtml"/>', "not-fhir"),
    ],
)
def test_what_is_no_fhir_is_refused(raw: bytes, code: str) -> None:
    """Another vocabulary, a page, half a resource, entities."""
    with pytest.raises(DecodeError) as refused:
        list(fhir_xml.decode(raw, "R4"))
    assert refused.value.code == code
    assert refused.value.where
