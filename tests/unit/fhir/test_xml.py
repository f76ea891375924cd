"""FHIR XML: what is written is read again as the same resource, and is always well-formed."""

from __future__ import annotations

import orjson
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.fhir.search.record import resources

from scr.decode.fhir_xml import resource as read
from scr.fhir.entry import Resource
from scr.fhir.structure import r4
from scr.fhir.xml import XHTML, xml_of

_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32), min_size=1
)
DIV = f'<div xmlns="{XHTML}"><p>One &amp; two</p></div>'


@settings(max_examples=40)
@given(record=resources(), note=_TEXT, pretty=st.booleans())
def test_what_is_written_is_read_as_the_same(record: list[Resource], note: str, pretty: bool) -> None:
    """A resource, and a Bundle of them, with any text in it: nothing is lost and nothing added."""
    noted = [one | {"text": {"status": "generated", "div": DIV}, "language": note} for one in record]
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(record),
        "entry": [{"fullUrl": f"urn:{one['id']}", "resource": one} for one in noted],
    }
    for one in (*noted, bundle):
        assert read(xml_of(orjson.dumps(one), pretty=pretty)) == one


def test_extensions_of_primitives_contained_resources_and_digits() -> None:
    """What stands beside a primitive, null in a list, an id, a contained resource, and 5.40 as it was."""
    body = (
        b'{"resourceType":"Observation","id":"o","contained":[{"resourceType":"Patient","id":"c"}],'
        b'"status":"final","_status":{"id":"s","extension":[{"url":"u","valueBoolean":true}]},'
        b'"code":{"id":"x","coding":[{"code":"1","userSelected":false}]},"valueQuantity":{"value":5.40}}'
    )
    written = xml_of(body)
    made = read(written)
    assert made == orjson.loads(body)
    assert b'<value value="5.40"/>' in written
    name = {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"given": [None, "A"], "_given": [{"id": "g"}, None]}],
    }
    assert read(xml_of(orjson.dumps(name)))["name"] == name["name"]


def test_elements_stand_in_the_order_of_the_specification() -> None:
    """Whatever the order in JSON: schemas of XML demand it."""
    body = orjson.dumps(
        {"resourceType": "Patient", "birthDate": "2000", "name": [{"given": ["A"], "family": "B"}], "id": "p"}
    )
    order = [one.tag.rpartition("}")[2] for one in fromstring(xml_of(body))]
    assert order == ["id", "name", "birthDate"]
    assert xml_of(body).index(b"<family") < xml_of(body).index(b"<given")
    assert list(r4().types["Patient"])[:5] == ["id", "meta", "implicitRules", "language", "text"]


@pytest.mark.parametrize(
    "div",
    [
        "<div>no namespace</div>", f'<div xmlns="{XHTML}"><p>not closed</div>', "a < b",
        f'<div xmlns="{XHTML}">&nbsp;x</div>',
        f'<!DOCTYPE x [<!ENTITY e "y">]><div xmlns="{XHTML}">&e;</div>',
        f'<div xmlns="{XHTML}">\x01</div>', f'</div></text><status value="x"/><div xmlns="{XHTML}">',
    ],
    ids=str,
)  # fmt: skip
def test_a_narrative_breaks_no_document(div: str) -> None:
    """What is not well-formed XHTML goes out as text, and can close no element of the resource."""
    body = orjson.dumps(
        {"resourceType": "Observation", "text": {"status": "generated", "div": div}, "id": "\x00"}
    )
    made = fromstring(xml_of(body))
    assert [one.tag.rpartition("}")[2] for one in made] == ["id", "text"]
    assert b"<!" not in xml_of(body)
