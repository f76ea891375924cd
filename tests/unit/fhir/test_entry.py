"""Entries: typed head and bytes."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from scr.fhir.entry import Resource, pack, stamp, stamp_by_content, unstamped, versioned_by_content

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)

OBSERVATION: Resource = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"source": "urn:ods:RCB#lab", "security": [{"system": "s", "code": "R"}], "versionId": "9"},
    "status": "final",
    "category": [{"coding": [{"system": "c", "code": "laboratory"}]}],
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}, {"system": "x", "code": "2"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-01-31",
    "valueCodeableConcept": {"coding": [{"system": "v", "code": "not-a-code-of-the-observation"}]},
}


def test_the_head_says_what_the_body_says() -> None:
    """Type, heading, status, codes, categories, labels and references are those of the resource."""
    entry = pack(dict(OBSERVATION), source="RCB", now=5)
    assert (entry.type, entry.id, entry.heading, entry.status) == ("Observation", "o1", "results", "final")
    assert entry.codes == ("http://snomed.info/sct|1", "x|2")
    assert entry.categories == ("c|laboratory",)
    assert entry.labels == ("s|R",)
    assert entry.references == ("Patient/p1",)
    assert entry.last_updated == 5


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=5), st.integers(1, 99))
def test_stamping_changes_the_version_and_the_time_and_nothing_else(extra: Resource, version: int) -> None:
    """However the resource looks, its stamped bytes parse to it with versionId and lastUpdated."""
    extra = {k: v for k, v in extra.items() if k not in {"meta", "resourceType", "id", "category", "code"}}
    entry = pack(
        {**extra, "resourceType": "Basic", "id": "b1", "meta": {"source": "urn:x"}}, source="RCB", now=1
    )
    stamped = stamp(entry, str(version), 1_700_000_000_000)
    body = orjson.loads(stamped.body)
    assert body.pop("meta") == {
        "versionId": str(version),
        "lastUpdated": "2023-11-14T22:13:20.000Z",
        "source": "urn:x",
    }
    assert body == {**extra, "resourceType": "Basic", "id": "b1"}
    assert (stamped.version, stamped.last_updated) == (str(version), 1_700_000_000_000)


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=3), st.integers(1, 99), st.booleans())
def test_a_version_by_content_is_of_the_content_alone(extra: Resource, version: int, meta: bool) -> None:
    """However often and whenever it was kept: the hash that a live one has; the rest stays as it was."""
    extra = {k: v for k, v in extra.items() if k not in {"meta", "resourceType", "id", "category", "code"}}
    about = {"meta": {"source": "urn:x"}} if meta else {}
    entry = pack({**extra, "resourceType": "Basic", "id": "b1", **about}, source="RCB", now=1)
    kept = stamp(entry, str(version), 1_700_000_000_000)
    made = versioned_by_content(kept)
    assert made.version == stamp_by_content(entry).version
    assert made == stamp(unstamped(kept), made.version, 1_700_000_000_000)
    assert versioned_by_content(made) == made
    other = stamp_by_content(
        pack({**extra, "resourceType": "Basic", "id": "b1", "x": 1}, source="RCB", now=1)
    )
    assert ("x" in extra) or made.version != other.version


@pytest.mark.parametrize(("mode", "same"), [("snapshot", True), ("working", False)])
def test_when_a_snapshot_list_was_prepared_is_no_new_version(mode: str, same: bool) -> None:
    """Asked twice, a list that has not changed has one version; what it lists counts as ever, and a date too
    where the list is kept up."""
    about: Resource = {"resourceType": "List", "id": "l1", "status": "current", "mode": mode}

    def version(day: int, item: str) -> str:
        items = [{"date": "2025-01-01", "item": {"reference": item}}]
        entry = pack({**about, "date": f"2026-01-{day}", "entry": items}, source="RCB", now=1)
        assert f"2026-01-{day}" in stamp_by_content(entry).body.decode()
        assert versioned_by_content(stamp(entry, "7", 2)).version == stamp_by_content(entry).version
        return stamp_by_content(entry).version

    assert (version(11, "Condition/a") == version(12, "Condition/a")) is same
    assert version(11, "Condition/a") != version(11, "Condition/b")


def test_bytes_that_are_not_stamped_so_have_no_version_by_content() -> None:
    """Another version than the entry says, or none."""
    entry = pack(dict(OBSERVATION), source="RCB", now=5)
    for wrong in (entry, structs.replace(stamp(entry, "2", 6), version="3")):
        with pytest.raises(ValueError, match="not stamped"):
            versioned_by_content(wrong)


def test_a_source_s_own_version_is_not_taken_over() -> None:
    """The version in the bytes is the one that this store gives."""
    entry = stamp(pack(dict(OBSERVATION), source="RCB", now=5), "2", 6)
    assert orjson.loads(entry.body)["meta"]["versionId"] == "2"


@pytest.mark.parametrize(
    "resource", [{}, {"resourceType": "Patient"}, {"id": "x"}, {"resourceType": 1, "id": "x"}]
)
def test_a_resource_without_type_or_id_is_refused(resource: Resource) -> None:
    """Nothing travels that could not be named."""
    with pytest.raises(ValueError, match="resourceType and id"):
        pack(resource, source="RCB", now=0)
