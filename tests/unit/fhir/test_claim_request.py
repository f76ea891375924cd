"""What a user sends who breaks the glass: taken whole, or refused in words that repeat nothing of it."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scr.errors import Invalid
from scr.fhir.claim_request import ACT_REASON, ClaimRequest, read_claim
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber

NUMBER = "9990001014"
PARTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["identifier", "reason", "hours", "purpose", "patient", ""])},
    optional={
        "valueIdentifier": st.fixed_dictionaries(
            {"value": st.sampled_from([NUMBER, "999 000 1014", "9990001015", ""])},
            optional={"system": st.sampled_from([NHS_NUMBER_SYSTEM, "urn:x"]), "use": st.just("official")},
        ),
        "valueString": st.sampled_from(["Found unconscious", "now", "", "x" * 600]),
        "valueInteger": st.integers(-2, 80) | st.just("4"),
        "valuePositiveInt": st.integers(-2, 80),
        "valueCoding": st.fixed_dictionaries(
            {"code": st.sampled_from(["BTG", "TREAT"])},
            optional={"system": st.sampled_from([ACT_REASON, "urn:x"])},
        ),
        "resource": st.just({"resourceType": "Patient"}),
    },
)
GOOD: list[dict[str, object]] = [
    {"name": "identifier", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": NUMBER}},
    {"name": "reason", "valueString": "  Found \n unconscious "},
]


def test_the_least_that_is_needed() -> None:
    """Number and reason; the space in a reason is one blank each; nothing of it is printed."""
    asked = read_claim(orjson.dumps({"resourceType": "Parameters", "parameter": GOOD}))
    assert asked == ClaimRequest(NHSNumber(NUMBER), "Found unconscious")
    assert NUMBER not in repr(asked)
    assert "unconscious" not in repr(asked)


@given(parts=st.lists(PARTS, max_size=5), good=st.booleans())
def test_any_parts_are_taken_whole_or_refused(parts: list[dict[str, object]], good: bool) -> None:
    """What is taken has one valid number, a reason of the right length, and every part once."""
    listed: list[dict[str, object]] = [*(GOOD if good else []), *parts]
    asked = taken(orjson.dumps({"resourceType": "Parameters", "parameter": listed}))
    if isinstance(asked, Invalid):
        assert asked.status in (400, 422)
        assert NUMBER not in str(asked)
        assert "unconscious" not in str(asked)
        return
    names = [part["name"] for part in listed]
    assert len(names) == len(set(names))
    assert set(names) <= {"identifier", "reason", "hours", "purpose"}
    assert asked.nhs_number.value == NUMBER
    assert asked.reason == "Found unconscious"
    assert (asked.hours is None) == ("hours" not in names)
    assert asked.purpose in ({"BTG", "TREAT"} if "purpose" in names else {""})


TREES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["resourceType", "parameter", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(raw=st.binary(max_size=200) | TREES.map(orjson.dumps))
def test_anything_else_is_refused(raw: bytes) -> None:
    """Bytes that are no Parameters resource are an error of whoever sent them, and no fault."""
    assert isinstance(taken(raw), Invalid)


def taken(raw: bytes) -> ClaimRequest | Invalid:
    """What is read, or the refusal."""
    try:
        return read_claim(raw)
    except Invalid as refused:
        return refused
