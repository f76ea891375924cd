"""XML of whatever a source may have written: well-formed, and with no element that FHIR could not have."""

from __future__ import annotations

import orjson
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.xml import FHIR, xml_of

_NAMES = st.sampled_from([
    "status", "_status", "code", "text", "div", "id", "extension", "url", "contained", "resourceType", "a><b",
    'x onload="1"', "1x", "", "a:b", "_", "<!--", "x/", "&amp;",
])  # fmt: skip
_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=6)
    | st.sampled_from(["</x>", '"', "]]>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(_NAMES, _JUNK, max_size=5))
def test_anything_is_well_formed(resource: dict[str, object]) -> None:
    """Names, types and values that are none are left out; nothing breaks out of its element."""
    content = xml_of(orjson.dumps({"resourceType": "Observation", **resource}))
    root = fromstring(content)
    for element in root.iter():
        space, _, name = element.tag.rpartition("}")
        assert space == f"{{{FHIR}" or b"xhtml" in content
        assert name.isalnum() or b"xhtml" in content


@pytest.mark.parametrize("name", ['x onload="1"', "a><script", "1x", "", "a b", "a:b"])
def test_a_name_that_is_none_is_left_out(name: str) -> None:
    """Beside what is there, which stays."""
    content = xml_of(orjson.dumps({"resourceType": "Observation", name: "y", "status": "final"}))
    assert [one.tag for one in fromstring(content)] == [f"{{{FHIR}}}status"]
