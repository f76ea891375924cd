"""Questions as they come in: anything is read or refused, and GET and POST mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.terminology.operations.small import ASTHMA, FINDING, LOCAL, REFSET, VALUE_SET

from scr.errors import Invalid, NotFound, ScrError
from scr.terminology.operations.answer import answer
from scr.terminology.operations.library import Library
from scr.terminology.operations.question import OPERATIONS, from_pairs, from_parameters
from scr.terminology.systems import READ_V2, SNOMED_CT

AT = "2026-01-31T09:30:00Z"
URL = f"{SNOMED_CT}?fhir_vs"
names = st.sampled_from(sorted({name for known in OPERATIONS.values() for name in known} | {"colour"}))
texts = st.one_of(
    st.sampled_from(
        ["", ASTHMA, FINDING, "1234567", "a", SNOMED_CT, LOCAL, READ_V2, URL, f"{URL}=refset/{REFSET}",
         f"{URL}=ecl/<<{FINDING}", VALUE_SET + "clinics", "true", "false", "0", "3", "-1", "asth", "en", "*",
         f"{SNOMED_CT}|{ASTHMA}", "sex", f"{SNOMED_CT}?fhir_cm=900000000000526001"]
    ),
    st.text(max_size=8),
)  # fmt: skip
operations = st.sampled_from(sorted(OPERATIONS))
json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | texts,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "valueCode", "system", "code", "coding", "resource", "display"]),
        inner, max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


def _is_answered_or_refused(ask: Callable[[], dict[str, Any]]) -> None:
    outcome = 200
    try:
        found = ask()
    except ScrError as error:
        outcome = error.status
    else:
        get_fhir_model_class(found["resourceType"]).model_validate(found)
    assert outcome in {200, 400, 404, 422}


@given(operations, st.dictionaries(names, texts, max_size=4))
def test_any_query_is_answered_or_refused(library: Library, operation: str, query: dict[str, str]) -> None:
    """Valid R4 or an error of the closed set, and never another failure."""
    _is_answered_or_refused(
        lambda: answer(library, from_pairs(operation, list(query.items())), at=AT).resource
    )


parts = st.fixed_dictionaries(
    {"name": names},
    optional={"valueString": json, "valueCoding": json, "valueCodeableConcept": json, "resource": json},
)


@given(operations, st.lists(parts, max_size=3) | json)
def test_any_body_is_answered_or_refused(library: Library, operation: str, parameter: object) -> None:
    """Whatever stands where Parameters should."""
    body = {"resourceType": "Parameters", "parameter": parameter}
    _is_answered_or_refused(lambda: answer(library, from_parameters(operation, body), at=AT).resource)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_get_and_post_mean_the_same(operation: str) -> None:
    """The same values, whether they are text of a query or typed values of a body."""
    asked = {"CodeSystem/$lookup": {"code": ASTHMA, "system": SNOMED_CT}}.get(
        operation, {"url": "urn:x"} if "url" in OPERATIONS[operation] else {"system": "urn:x"}
    )
    body = [{"name": name, "valueUri": value} for name, value in asked.items()]
    posted = from_parameters(operation, {"resourceType": "Parameters", "parameter": body})
    assert posted == from_pairs(operation, list(asked.items()))


def test_what_is_not_read_is_refused() -> None:
    """An unknown operation or parameter, one that stands twice, a filter without end."""
    with pytest.raises(NotFound, match="no such operation"):
        from_pairs("ConceptMap/$closure", [])
    with pytest.raises(Invalid, match="not a parameter of"):
        from_pairs("CodeSystem/$lookup", [("colour", "1")])
    with pytest.raises(Invalid, match="stands twice"):
        from_pairs("CodeSystem/$lookup", [("code", "1"), ("code", "2")])
    with pytest.raises(Invalid, match="type fewer words"):
        answer(Library(), from_pairs("ValueSet/$expand", [("url", "urn:x"), ("filter", "a" * 300)]), at=AT)
