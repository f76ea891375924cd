"""The sources' answers joined into one record."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.broker.sources import NUMBER, PROVIDERS, result
from tests.unit.fhir.entries import entry

from scr.broker.assemble import assemble, compose_patient, merge_by_source
from scr.fhir.entry import Entry, Resource, pack
from scr.sources.protocol import Outcome

WORST_FIRST = [
    Outcome.DOWN,
    Outcome.LATE,
    Outcome.WITHHELD,
    Outcome.STALE,
    Outcome.INCOMPLETE,
    Outcome.ANSWERED,
    Outcome.EMPTY,
    Outcome.NOT_ASKED,
]


def patient(logical: str, source: str, family: str, *, now: int = 1, **more: object) -> Entry:
    """A source's own Patient."""
    made = {"resourceType": "Patient", "id": logical, "name": [{"family": family}], **more}
    return pack(made, source=source, now=now)


def composed(*patients: Entry) -> Resource:
    """The composed Patient of these."""
    body: Resource = orjson.loads(compose_patient("p1", NUMBER, patients, PROVIDERS, now=5).body)
    return body


def test_an_id_that_comes_twice_stands_once() -> None:
    """What two results both hold is one entry, the first one's."""
    live, copy = entry("same", codes=("s|new",)), entry("same", codes=("s|old",))
    record = assemble("p1", [result("RXX", entries=(live, entry("a"))), result("RXX", entries=(copy,))])
    assert record.entries == (live, entry("a"))
    assert [r.source.value for r in record.results] == ["RXX"]


def test_what_comes_twice_has_the_labels_of_both() -> None:
    """A copy that nobody has marked yet does not open what its source has marked since."""
    marked, plain = entry("same", labels=("s|R",)), entry("same", labels=("s|N",), codes=("s|old",))
    for order in ((marked, plain), (plain, marked)):
        [one] = assemble("p1", [result("RXX", entries=(each,)) for each in order]).entries
        assert set(one.labels) == {"s|R", "s|N"}
        assert one.codes == order[0].codes


@given(
    st.lists(
        st.tuples(st.sampled_from(["AAA", "BBB", "CCC"]), st.sampled_from(Outcome), st.integers(0, 3)),
        max_size=8,
    )
)
def test_one_result_for_each_source_the_worst_and_all_its_entries(
    told: list[tuple[str, Outcome, int]],
) -> None:
    """Every source stands once with its worst outcome; nothing that it gave is lost, order is kept."""
    results = [
        result(ods, outcome, tuple(entry(f"{at}-{i}", source=ods) for i in range(count)))
        for at, (ods, outcome, count) in enumerate(told)
    ]
    merged = merge_by_source(results)
    assert [r.source.value for r in merged] == list(dict.fromkeys(ods for ods, _, _ in told))
    for one in merged:
        mine = [r for r in results if r.source == one.source]
        assert one.outcome is min((r.outcome for r in mine), key=WORST_FIRST.index)
        assert set(one.entries) == {e for r in mine for e in r.entries}
    assert merge_by_source(merged) == merged


def test_the_worse_result_speaks_for_the_source() -> None:
    """A live answer that failed is not hidden by a copy: its code, its sentence, and both ages."""
    live = result("RXX", Outcome.DOWN, code="refused", detail="It refused.", elapsed=0.2)
    held = result("RXX", Outcome.ANSWERED, (entry("a"),), {"results": Outcome.STALE}, age=60.0)
    for both in ([live, held], [held, live]):
        [one] = merge_by_source(both)
        assert (one.outcome, one.code, one.detail) == (Outcome.DOWN, "refused", "It refused.")
        assert (one.elapsed, one.age, one.entries) == (0.2, 60.0, (entry("a"),))
        assert one.headings == {"results": Outcome.STALE}


def test_the_practice_leads_then_known_providers_then_the_newest() -> None:
    """Each element is taken whole from the first source that has it; every source's Patient is linked."""
    made = composed(
        patient("unknown", "ZZZ", "Unknown", now=99, telecom=[{"value": "1"}]),
        patient("old", "RXX", "Older", now=1, gender="male"),
        patient("new", "QXX", "Newer", now=9, gender="female", birthDate="1941-07-05"),
        patient("gp", "A81001", "Practice", now=0),
    )
    assert made["id"] == "p1"
    assert made["name"] == [{"family": "Practice"}]
    assert (made["gender"], made["birthDate"]) == ("female", "1941-07-05")
    assert made["telecom"] == [{"value": "1"}]
    references = [link["other"]["reference"] for link in made["link"]]
    assert references == ["Patient/gp", "Patient/new", "Patient/old", "Patient/unknown"]


def test_a_death_is_taken_from_one_source() -> None:
    """``deceased[x]`` is one element: a flag of one source and a date of another never stand together."""
    made = composed(
        patient("gp", "A81001", "P", deceasedBoolean=True),
        patient("h", "RXX", "P", deceasedDateTime="2026-01-02"),
    )
    assert [key for key in made if key.startswith("deceased")] == ["deceasedBoolean"]


@given(st.permutations([patient("a", "A81001", "A"), patient("b", "RXX", "B"), patient("c", "RXX", "C")]))
def test_the_composed_patient_does_not_depend_on_who_answers_first(order: list[Entry]) -> None:
    """Sources answer in any order: the Patient and its version are the same."""
    base = compose_patient("p1", NUMBER, sorted(order, key=lambda e: e.id), PROVIDERS, now=5)
    assert compose_patient("p1", NUMBER, order, PROVIDERS, now=5) == base


def test_without_any_source_the_patient_is_the_number_alone() -> None:
    """Nothing is made up: no name, no links, the number and that the record is in use."""
    made = composed()
    assert set(made) == {"resourceType", "id", "meta", "identifier", "active"}
    assert made["identifier"] == [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBER.value}]
