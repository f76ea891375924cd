"""Pages of a search: taken apart without touching the resources, and put together again."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.pages import Head, collection, head_of, read_page

RESOURCES = st.lists(
    st.fixed_dictionaries(
        {
            "resourceType": st.sampled_from(["Condition", "Observation"]),
            "id": st.sampled_from(list("abcdef")),
        },
        optional={"note": st.lists(st.fixed_dictionaries({"text": st.text(max_size=5)}), max_size=2)},
    ),
    max_size=8,
)


@given(RESOURCES)
def test_what_is_taken_apart_is_put_together_each_resource_once(resources: list[dict[str, object]]) -> None:
    """The joined bundle holds each resource as it was, the last of those with one type and id."""
    entries = [{"fullUrl": f"https://x/{n}", "resource": r} for n, r in enumerate(resources)]
    page = read_page(orjson.dumps({"resourceType": "Bundle", "entry": entries}))
    joined = orjson.loads(collection(page.parts))
    expected = {(r["resourceType"], r["id"]): r for r in resources}
    assert [entry["resource"] for entry in joined["entry"]] == list(expected.values())
    assert joined["type"] == "collection"


def test_links_and_modes_are_read() -> None:
    """The next page's address and the mode of each entry."""
    body = {
        "resourceType": "Bundle",
        "link": [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}],
        "entry": [
            {"resource": {"resourceType": "Patient", "id": "1"}, "search": {"mode": "match"}},
            {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
            {"response": {"status": "200"}},
        ],
    }
    page = read_page(orjson.dumps(body))
    assert page.next == "b"
    assert [(p.type, p.id, p.mode) for p in page.parts] == [
        ("Patient", "1", "match"),
        ("OperationOutcome", "", "outcome"),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle","entry":5}'],
)
def test_what_is_no_bundle_is_refused_without_its_content(body: bytes) -> None:
    """ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match="not a Bundle"):
        read_page(body)


@given(st.binary(max_size=60))
def test_a_head_is_read_or_empty(body: bytes) -> None:
    """No bytes raise."""
    assert isinstance(head_of(body), Head)
