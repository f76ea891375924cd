"""The ledger tells of every source and heading, and nothing of what may not be seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.broker.sources import result
from tests.unit.fhir.entries import entry

from scr.broker.ledger import Ledger, make_ledger
from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.identifiers import OdsCode
from scr.sources.protocol import Outcome, SourceResult

SOURCES = ("AAA", "BBB", "CCC")
ALL = frozenset(HEADINGS)
GOOD = {Outcome.ANSWERED, Outcome.EMPTY}
_some_headings = st.frozensets(st.sampled_from(list(HEADINGS)), max_size=6)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[SourceResult], dict[str, frozenset[str]], list[Entry]]:
    """Results of some sources, the headings that each can fill, and entries that may be seen."""
    names = draw(st.lists(st.sampled_from(SOURCES), unique=True, max_size=3))
    results = [
        result(
            name,
            draw(st.sampled_from(Outcome)),
            headings=draw(
                st.dictionaries(st.sampled_from(list(HEADINGS)), st.sampled_from(Outcome), max_size=2)
            ),
            elapsed=draw(st.floats(0, 5)),
            age=draw(st.floats(0, 1e6)),
            code=draw(st.sampled_from(["", "refused"])),
        )
        for name in names
    ]
    entries = [
        entry(f"e{i}", draw(st.sampled_from(["Observation", "List"])), source=name, heading=heading)
        for i, (name, heading) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from(SOURCES), st.sampled_from(list(HEADINGS))), max_size=8))
        )
    ]
    return results, {name: draw(_some_headings) for name in SOURCES}, entries


def extensions(resource: Resource) -> Iterator[tuple[str, str, str, int]]:
    """Source, outcome, heading and count, as a client reads them."""
    for issue in resource["issue"]:
        for line in issue.get("extension", ()):
            parts = line["extension"]
            flat = {part["url"]: part for part in parts if part["url"] != "heading"}
            for part in parts:
                if part["url"] == "heading":
                    inner = {one["url"]: one for one in part["extension"]}
                    yield (
                        flat["source"]["valueString"],
                        flat["outcome"]["valueCode"],
                        inner["code"]["valueCoding"]["code"],
                        inner["count"]["valueUnsignedInt"],
                    )


@given(situations(), _some_headings)
def test_every_source_and_heading_is_told_once(
    situation: tuple[list[SourceResult], dict[str, frozenset[str]], list[Entry]], opened: frozenset[str]
) -> None:
    """Each source goes out with each heading that it can fill, once, with outcome and count."""
    results, sources, entries = situation
    seen = [e for e in entries if e.heading in opened]
    ledger = make_ledger(results, sources, seen, opened=opened)
    resource = ledger.resource()
    OperationOutcome.model_validate(resource)
    told = list(extensions(resource))
    assert len({(source, heading) for source, _, heading, _ in told}) == len(told)
    named = {(line.result.source.value, heading) for line in ledger.lines for heading in line.headings}
    assert {(source, heading) for source, _, heading, _ in told} == named
    for one in results:
        code = one.source.value
        assert {h for s, h in named if s == code} >= sources[code] - {SUPPORTING}
        assert {h for s, h in named if s == code} >= (set(one.headings) & opened) - {SUPPORTING}
    for source, outcome, heading, count in told:
        if heading not in opened:
            assert (outcome, count) == ("withheld", 0)
        else:
            of_type = [e for e in seen if (e.source, e.heading) == (source, heading) and e.type != "List"]
            assert count == len(of_type)


@given(situations(), _some_headings)
def test_what_is_not_opened_leaves_no_trace(
    situation: tuple[list[SourceResult], dict[str, frozenset[str]], list[Entry]], opened: frozenset[str]
) -> None:
    """The ledger does not depend on how much a source holds that may not be seen, answered or empty."""
    results, sources, entries = situation
    seen = [e for e in entries if e.heading in opened]
    other = [
        result(r.source.value, Outcome.EMPTY, headings=r.headings, elapsed=r.elapsed, age=r.age, code=r.code)
        if r.outcome is Outcome.ANSWERED
        else r
        for r in results
    ]
    one = make_ledger(results, sources, seen, opened=opened)
    two = make_ledger(other, sources, seen, opened=opened)
    assert one.resource() == two.resource()
    assert one.summary() == two.summary()
    assert one.complete == two.complete


@given(situations(), _some_headings)
def test_complete_is_said_only_when_nothing_is_missing(
    situation: tuple[list[SourceResult], dict[str, frozenset[str]], list[Entry]], opened: frozenset[str]
) -> None:
    """One source or opened heading that did not plainly answer makes the record incomplete."""
    results, sources, entries = situation
    seen = [e for e in entries if e.heading in opened]
    ledger = make_ledger(results, sources, seen, opened=opened)
    missing = any(r.outcome not in GOOD for r in results) or any(
        r.headings[h] not in GOOD for r in results for h in (set(r.headings) & opened) - {SUPPORTING}
    )
    assert ledger.complete == (bool(results) and not missing)


def line_of(one: SourceResult, *seen: Entry, opened: frozenset[str] = ALL) -> Ledger:
    """The ledger of one source of allergies and problems."""
    return make_ledger([one], {one.source.value: frozenset({"allergies", "problems"})}, seen, opened=opened)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in GOOD])
def test_no_allergies_is_never_said_where_a_source_is_missing(outcome: Outcome) -> None:
    """A source of allergies that did not answer is told so under allergies, and nothing reads as empty."""
    ledger = line_of(result("AAA", outcome))
    assert not ledger.complete
    assert ledger.lines[0].headings == {"allergies": (outcome, 0), "problems": (outcome, 0)}
    assert ledger.summary() == f"0/1 answered; AAA={outcome.value}"
    severities = {issue["severity"] for issue in ledger.resource()["issue"]}
    assert severities == {"warning"}


def test_answered_and_empty_are_told_apart_for_each_heading() -> None:
    """A source with problems and no allergies says both."""
    ledger = line_of(result("AAA"), entry("p", "Condition", source="AAA", heading="problems"))
    assert ledger.lines[0].headings == {"allergies": (Outcome.EMPTY, 0), "problems": (Outcome.ANSWERED, 1)}
    assert (ledger.complete, ledger.lines[0].outcome) == (True, Outcome.ANSWERED)
    assert line_of(result("AAA")).lines[0].outcome is Outcome.EMPTY


def test_a_heading_that_the_source_withholds_makes_the_record_incomplete() -> None:
    """What a source keeps back under one heading is told there, and the rest stands."""
    ledger = line_of(result("AAA", headings={"problems": Outcome.WITHHELD}))
    assert not ledger.complete
    assert ledger.lines[0].headings["problems"] == (Outcome.WITHHELD, 0)
    assert ledger.lines[0].headings["allergies"] == (Outcome.EMPTY, 0)


def test_what_the_role_does_not_open_does_not_make_the_record_incomplete() -> None:
    """A role that opens allergies only has a complete answer where every source of allergies answered."""
    opened = frozenset({"allergies"})
    ledger = line_of(result("AAA", headings={"problems": Outcome.STALE}), opened=opened)
    assert ledger.complete
    assert ledger.lines[0].headings["problems"] == (Outcome.WITHHELD, 0)


def test_an_objection_hides_what_a_source_holds_and_how_it_answered() -> None:
    """A source that the person does not want shared is told as withheld, the same whatever it said."""
    told = {
        str(
            make_ledger(
                [result("AAA", outcome, code="x", elapsed=3.0)],
                {"AAA": frozenset({"problems"})},
                (),
                opened=ALL,
                objections=frozenset({OdsCode("AAA")}),
            ).resource()
        )
        for outcome in Outcome
    }
    assert len(told) == 1
    assert "withheld" in told.pop()


def test_without_sources_the_record_is_not_complete() -> None:
    """Where nobody could be asked, that is said, in a valid OperationOutcome."""
    ledger = make_ledger([], {}, [], opened=ALL)
    assert not ledger.complete
    OperationOutcome.model_validate(ledger.resource())
    assert ledger.resource()["issue"][0]["severity"] == "warning"


def test_the_summary_fits_a_header() -> None:
    """It is one line of ASCII, with the codes of the sources that are missing."""
    ledger = make_ledger(
        [result("AAA"), result("BBB", Outcome.LATE), result("CCC", Outcome.DOWN)], {}, [], opened=ALL
    )
    assert ledger.summary() == "1/3 answered; BBB=late; CCC=down"
