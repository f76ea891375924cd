"""``_summary`` and ``_elements``: a part of a resource that says that it is one."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fhir.search.record import entries, resources

from scr.fhir.entry import Resource
from scr.fhir.search import Shape, parse_shape
from scr.fhir.structure import r4

LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
_NAMES = st.lists(st.sampled_from(["code", "value", "encounter", "subject", "note"]), min_size=1, max_size=2)
_SHAPES: st.SearchStrategy[Shape] = st.one_of(
    st.sampled_from(["true", "text", "data"]).map(
        lambda said: parse_shape("Observation", [("_summary", said)])
    ),
    _NAMES.map(lambda names: parse_shape("Observation", [("_elements", ",".join(names))])),
)


@given(record=resources(), shape=_SHAPES, labelled=st.booleans())
def test_a_part_keeps_labels_and_what_is_mandatory_and_says_so(
    record: list[Resource], shape: Shape, labelled: bool
) -> None:
    """Nothing is changed but left out; what was left out is told by a tag; labels and mandatory ones stay."""
    meta = {"security": [LABEL], "tag": [{"code": "mine"}]} if labelled else {}
    observed = [one for one in record if one["resourceType"] == "Observation"]
    whole = [one | {"meta": meta, "text": {"status": "empty", "div": "<div/>"}} for one in observed]
    mandatory = {name for name, one in r4().types["Observation"].items() if one.required} | {
        "id",
        "resourceType",
    }
    for entry in entries(whole):
        before, after = orjson.loads(entry.body), orjson.loads(shape.of(entry).body)
        tags = after["meta"].pop("tag", [])
        before["meta"].pop("tag", None)
        assert after.items() <= before.items()
        assert mandatory & before.keys() <= after.keys()
        assert after["meta"] == before["meta"]
        left_out = after.keys() != before.keys()
        assert ("SUBSETTED" in [tag["code"] for tag in tags]) is left_out
        assert ("mine" in [tag["code"] for tag in tags]) is labelled
        assert shape.of(entry).labels == entry.labels


def test_the_parts_are_those_that_were_asked_for() -> None:
    """A choice by its common name, the narrative alone, and all but the narrative."""
    [entry] = entries(
        [
            {
                "resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
                "text": {"status": "empty", "div": "<div/>"}, "valueString": "v", "note": [{"text": "n"}],
            }
        ]
    )  # fmt: skip

    def left(name: str, value: str) -> set[str]:
        made = orjson.loads(parse_shape("Observation", [(name, value)]).of(entry).body)
        return set(made) - {"resourceType", "id", "meta", "status", "code"}

    assert left("_elements", "value") == {"valueString"}
    assert left("_elements", "note,valueString") == {"note", "valueString"}
    assert left("_summary", "text") == {"text"}
    assert left("_summary", "data") == {"valueString", "note"}
    assert left("_summary", "true") == {"valueString"}
    assert left("_summary", "false") == {"text", "valueString", "note"}
