"""The newest observations of each kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fhir.entries import entry, intervals, tokens

from scr.fhir.entry import Entry
from scr.fhir.lastn import last_of_each

records = st.lists(
    st.builds(
        entry,
        logical=st.text("abcd", min_size=1, max_size=3),
        when=st.none() | intervals,
        status=st.sampled_from(["final", "amended", "cancelled", "entered-in-error"]),
        codes=st.lists(tokens, max_size=2, unique=True).map(tuple),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


def related(one: Entry, record: list[Entry]) -> set[str]:
    """All that have a coding in common with an entry, or with one that has: by growing it step by step."""
    found, codes = {one.id}, set(one.codes)
    while True:
        more = {other.id for other in record if not codes.isdisjoint(other.codes)} - found
        if not more:
            return found
        found |= more
        codes |= {token for other in record if other.id in found for token in other.codes}


@given(records, st.integers(1, 3))
def test_of_each_kind_the_newest(record: list[Entry], most: int) -> None:
    """Each that is given has fewer than ``max`` of its kind before it, each that is not has that many."""
    real = [one for one in record if one.status in {"final", "amended"}]
    given_ids = [one.id for one in last_of_each(record, most)]
    order = sorted(real, key=lambda one: (-(one.when or (0, 0))[0], one.reference))
    place = {one.id: number for number, one in enumerate(order)}
    assert len(set(given_ids)) == len(given_ids)
    assert set(given_ids) <= place.keys()
    for one in real:
        before = [other for other in related(one, real) if place[other] < place[one.id]]
        assert (one.id in given_ids) == (len(before) < most)


def test_what_is_void_is_no_last_value() -> None:
    """Entered in error is left out, but where it is asked for."""
    wrong = entry("w", when=(9, 10), status="entered-in-error", codes=("s|1",))
    right = entry("r", when=(1, 2), status="final", codes=("s|1",))
    assert last_of_each([wrong, right], 1) == [right]
    assert last_of_each([wrong, right], 1, void=True) == [wrong]
