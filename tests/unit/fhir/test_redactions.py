"""Redactions that were made before: never another than would be made now."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scr.fhir.entry import Entry, Resource, pack, stamp
from scr.fhir.redact import redacted
from scr.fhir.redactions import Redactions

OWN = "Patient/me"


def held(logical: str, *names: str, sensitive: bool = False) -> Entry:
    """An Encounter that refers to others, and to a Condition contained in it, which may be sensitive."""
    label = {"system": "urn:l", "code": "s"}
    part: Resource = {"resourceType": "Condition", "id": "p", "meta": {"security": [label] * sensitive}}
    resource: Resource = {
        "resourceType": "Encounter",
        "id": logical,
        "contained": [part],
        "reasonReference": [{"reference": "#p"}, *({"reference": f"Encounter/{name}"} for name in names)],
    }
    return stamp(pack(resource, source="RXX", now=1_000_000), "3", 2_000_000)


RECORD = [held("a", "b", "x"), held("b", "c", sensitive=True), held("c", sensitive=True), held("d", "a")]
LOOKS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(range(4))),
        st.sets(st.sampled_from(range(4))),
        st.sampled_from([frozenset({OWN}), frozenset({OWN, "Encounter/x"})]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(looks=LOOKS)
def test_whoever_looks_after_whom_what_is_left_is_what_would_be_left_anew(
    looks: list[tuple[set[int], set[int], frozenset[str], bool, bool]],
) -> None:
    """Other entries, others beside them, another decision on what is contained, a changed entry."""
    before = Redactions()
    for some, others, beside, sensitive, changed in looks:
        entries = [RECORD[each] for each in sorted(some)]
        if changed and entries:
            entries[0] = held(entries[0].id, sensitive=True)
        named = [RECORD[each] for each in sorted(others)]

        def permits(part: Entry, sensitive: bool = sensitive) -> bool:
            return sensitive or not part.labels

        anew = redacted(entries, beside | {one.reference for one in named}, permits)
        assert before.redacted(entries, beside, named, permits) == anew
        made = before.made
        assert before.redacted(entries, beside, named, permits) == anew
        assert before.made == made


def test_what_is_given_may_be_changed() -> None:
    """Whoever gets it may add to it: the next one gets what was left."""
    before = Redactions()
    entries, beside = [held("a")], frozenset({OWN})
    before.redacted(entries, beside, [], lambda _: True).clear()
    entries_again = list(entries)
    entries.clear()
    assert before.redacted(entries_again, beside, [], lambda _: True) == entries_again
