"""Bundles: joined bytes that are valid FHIR."""

from __future__ import annotations

import orjson
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.bundle import Links, searchset
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.outcome import issue, operation_outcome

BASE = "https://record.example/fhir"
NOW = 1_767_225_600_000


def note(logical: str, text: str = "x") -> Entry:
    """An Observation with a text in it."""
    return pack(
        {"resourceType": "Observation", "id": logical, "status": "final", "code": {"text": text}},
        source="RXX",
        now=NOW,
    )


def made(matches: list[Entry], included: list[Entry], *, total: int | None, outcome: bool) -> Resource:
    """A Bundle of these, parsed."""
    ledger = operation_outcome([issue("information", "informational", "All answered.")])
    raw = searchset(
        matches,
        bundle_id="b1",
        base_url=BASE,
        links=Links(f"{BASE}/Observation?patient=p1", f"{BASE}?_page=x"),
        now=NOW,
        total=total,
        included=included,
        outcome=ledger if outcome else None,
    )
    Bundle.model_validate_json(raw)
    parsed: Resource = orjson.loads(raw)
    return parsed


@given(
    texts=st.lists(st.text(min_size=1).filter(str.strip), max_size=4),
    others=st.lists(st.text(min_size=1).filter(str.strip), max_size=2),
    total=st.none() | st.integers(0, 9999),
    outcome=st.booleans(),
)
def test_a_bundle_holds_each_resource_as_it_was(
    texts: list[str], others: list[str], total: int | None, outcome: bool
) -> None:
    """Whatever is in them, each resource stands once, byte for byte, with its mode and address, in order."""
    matches = [note(f"m{i}", text) for i, text in enumerate(texts)]
    included = [note(f"i{i}", text) for i, text in enumerate(others)]
    bundle = made(matches, included, total=total, outcome=outcome)
    entries = bundle.get("entry", [])
    assert [e["resource"] for e in entries[: len(texts + others)]] == [
        orjson.loads(e.body) for e in matches + included
    ]
    modes = ["match"] * len(texts) + ["include"] * len(others) + ["outcome"] * outcome
    assert [e["search"]["mode"] for e in entries] == modes
    assert [e.get("fullUrl") for e in entries[: len(texts)]] == [f"{BASE}/{e.reference}" for e in matches]
    assert bundle.get("total") == total
    assert ("entry" in bundle) == bool(modes)


def test_the_links_and_the_time_are_told() -> None:
    """Self and next, and when it was made."""
    bundle = made([], [], total=0, outcome=False)
    assert [(link["relation"], link["url"]) for link in bundle["link"]] == [
        ("self", f"{BASE}/Observation?patient=p1"),
        ("next", f"{BASE}?_page=x"),
    ]
    assert bundle["meta"]["lastUpdated"] == "2026-01-01T00:00:00.000Z"


def test_the_last_page_has_no_next() -> None:
    """A client stops where there is no next link."""
    links = Links(BASE)
    raw = searchset([], bundle_id="b", base_url=BASE, links=links, now=NOW, total=None)
    assert [link["relation"] for link in orjson.loads(raw)["link"]] == ["self"]
