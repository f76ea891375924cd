"""What goes out before all is known is what goes out when all is known."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.entry import Entry, Resource, pack, stamp_by_content
from scr.fhir.redact import redacted
from scr.fhir.settled import Settling

OWN = "Patient/me"
CLOSED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
NAMES = [f"e{number}" for number in range(8)]


def _entry(name: str, at: int, refers: list[str], part: dict[str, Any] | None, gist: bool) -> Entry:
    """A List or an Observation of one of some sources that refers to others, perhaps with a part."""
    named = [{"reference": f"Observation/{one}"} for one in refers]
    resource: Resource = {"resourceType": "Observation", "id": name, "subject": {"reference": OWN}}
    if gist and named:
        resource |= {"resourceType": "List", "entry": [{"item": one} for one in named]}
    elif named:
        resource |= {"derivedFrom": named, "note": [{"text": "x"}]}
    if part is not None:
        resource |= {"contained": [{"resourceType": "Condition", "id": "p", **part}]}
        resource.setdefault("focus", []).append({"reference": "#p"})
    return stamp_by_content(pack(resource, source=f"S{at}", now=1))


_PARTS: st.SearchStrategy[dict[str, Any] | None] = st.one_of(
    st.none(), st.none(),
    st.fixed_dictionaries({"meta": st.just({"security": [CLOSED]})}),
    st.fixed_dictionaries({"evidence": st.just([{"detail": [{"reference": "Observation/e1"}]}])}),
    st.just({}),
)  # fmt: skip


@st.composite
def _records(draw: st.DrawFn) -> tuple[list[Entry], list[list[Entry]]]:
    """What may be seen of a record, and the parts in which it comes, source by source."""
    entries = [
        _entry(
            name,
            draw(st.integers(0, 3)),
            draw(st.lists(st.sampled_from([*NAMES, "gone"]), max_size=2)),
            draw(_PARTS),
            draw(st.booleans()),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    order = draw(st.permutations(["S0", "S1", "S2", "S3"]))
    return entries, [[one for one in entries if one.source == source] for source in order]


def _permits(entry: Entry) -> bool:
    return not any(label.endswith("|R") for label in entry.labels)


@given(_records())
def test_what_goes_out_early_stands_so_in_the_whole(made: tuple[list[Entry], list[list[Entry]]]) -> None:
    """In whatever order sources answer: each once, to the byte as in the whole, and with no reference to
    what has not gone out."""
    entries, parts = made
    whole = {one.id: one for one in redacted(entries, {OWN}, _permits)}
    settling, shown = Settling({OWN}, _permits), [OWN]
    for part in parts:
        early = settling.add(part)
        assert [whole.get(one.id) for one in early] == early
        shown += [one.reference for one in early]
        assert all(set(one.references) <= set(shown) for one in early)
    assert len(set(shown)) == len(shown)


@given(_records())
def test_a_closed_part_does_not_tell_of_itself(made: tuple[list[Entry], list[list[Entry]]]) -> None:
    """Where a contained resource may not go out, the rest goes at the moment at which it would without it."""
    _, parts = made

    def moments(*, closed: bool) -> list[set[str]]:
        settling = Settling({OWN}, lambda entry: not closed or _permits(entry))
        return [{one.id for one in settling.add(part)} for part in parts]

    assert moments(closed=True) == moments(closed=False)


def test_what_refers_to_nothing_goes_at_once_and_the_rest_when_its_target_does() -> None:
    """The first source is not kept waiting; a ring of three goes with its last."""
    plain = _entry("e0", 0, [], None, False)
    ring = [_entry(f"e{n}", n, [f"e{n % 3 + 1}"], None, False) for n in (1, 2, 3)]
    settling = Settling({OWN}, _permits)
    assert settling.add([plain, ring[0]]) == [plain]
    assert settling.add([ring[1]]) == []
    assert settling.add([ring[2]]) == ring
