"""The gates: one after the other, each with its evidence, all of it undone without anything being lost."""

from __future__ import annotations

import calendar
import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.errors import Conflict, Invalid, ScrError
from scr.fhir.identifiers import OdsCode
from scr.onboarding.gates import (
    GATES,
    STAGES,
    Evidence,
    State,
    clock,
    months_after,
    promote,
    state_of,
    undo,
)
from scr.store.onboarding import Event, EventKind, Stage

ODS = OdsCode("ZZH01")
NOW = 1_767_225_600_000
TESTERS = frozenset({"issuer|t1", "999000000101"})


def evidence(gate: Stage) -> Evidence:
    """Evidence that does for a gate."""
    testers = TESTERS if gate is Stage.LIVE_FOR_TESTERS else frozenset()
    return Evidence(gate, "Ann Lee", reference="CSO-17", note="seen", testers=testers)


def at(stage: Stage) -> State:
    """A provider that has come so far."""
    state = State(ODS)
    history: list[Event] = []
    while state.stage is not stage:
        gate = state.next_gate
        assert gate is not None
        history.append(promote(state, evidence(gate.stage), NOW))
        state = state_of(ODS, history)
    return state


def test_every_stage_but_the_first_has_one_gate() -> None:
    """In the same order; the first three check themselves."""
    assert (Stage.REGISTERED, *(gate.stage for gate in GATES)) == STAGES
    assert [gate.checks_itself for gate in GATES] == [True] * 3 + [False] * 3


@given(st.lists(st.one_of(st.just("on"), st.sampled_from(STAGES[1:])), max_size=25))
def test_whatever_is_done_the_gates_behind_a_provider_are_all_it_has(steps: list[str]) -> None:
    """Passing and undoing in any order: no gap, no evidence beyond the stage, testers at their stage only."""
    history: list[Event] = []
    for step in steps:
        state = state_of(ODS, history)
        try:
            if step == "on":
                gate = state.next_gate
                event = promote(state, evidence(gate.stage if gate else Stage.LIVE), NOW)
            else:
                event = undo(state, "the file changed", "Ann Lee", NOW, gate=Stage(step))
        except Conflict:
            assert state.stage is Stage.LIVE if step == "on" else Stage(step) not in state.passed
            continue
        before = state_of(ODS, history).stage
        history.append(event)
        after = state_of(ODS, history)
        assert (STAGES.index(after.stage) > STAGES.index(before)) == (step == "on")
        assert list(after.passed) == list(STAGES[1 : STAGES.index(after.stage) + 1])
        assert after.testers == (TESTERS if after.stage is Stage.LIVE_FOR_TESTERS else frozenset())
        assert (after.live_on is not None) == (after.stage is Stage.LIVE)
        assert all(event.kind is EventKind.PASSED for event in after.passed.values())


@pytest.mark.parametrize("stage", STAGES[:-1])
@pytest.mark.parametrize("gate", STAGES)
def test_no_gate_is_left_out(stage: Stage, gate: Stage) -> None:
    """Evidence for another gate than the next is refused, so that a form of yesterday passes nothing."""
    state = at(stage)
    if state.next_gate is not None and state.next_gate.stage is gate:
        assert promote(state, evidence(gate), NOW).stage is gate
    else:
        with pytest.raises(Conflict, match="next gate"):
            promote(state, evidence(gate), NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"by": " "}, "no-name"),
        ({"by": "Ann\nLee"}, "bad-text"),
        ({"by": "A" * 201}, "too-long"),
        ({"reference": "", "report": " \n"}, "no-evidence"),
        ({"note": "bell\x07"}, "bad-text"),
        ({"report": "r" * 20_001}, "too-long"),
        ({"digest": "abc"}, "bad-digest"),
        ({"testers": frozenset({"issuer|t1"})}, "no-testers"),
    ],
)
def test_evidence_that_does_not_do(change: dict[str, object], code: str) -> None:
    """Somebody's name, a document or a report, and nothing that cannot be read."""
    told = replace(evidence(Stage.CLINICAL_SAFETY_APPROVED), **change)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as error:
        promote(at(Stage.CONNECTED), told, NOW)
    assert error.value.code == code


@pytest.mark.parametrize(
    "testers", [frozenset[str](), frozenset({" "}), frozenset({"a\x00b"}), frozenset({"x" * 301})]
)
def test_testers_have_names(testers: frozenset[str]) -> None:
    """Nobody is no tester: an empty name would be everybody's whose token has no user id."""
    told = replace(evidence(Stage.LIVE_FOR_TESTERS), testers=testers)
    with pytest.raises(Invalid, match="tester"):
        promote(at(Stage.CLINICAL_SAFETY_APPROVED), told, NOW)


def test_a_report_is_known_by_its_digest() -> None:
    """The text's own where it is kept here, the given one where the file lies elsewhere."""
    gate = Stage.CLINICAL_SAFETY_APPROVED
    kept = promote(at(Stage.CONNECTED), Evidence(gate, "Ann Lee", report="Hazard 4\r\nclosed "), NOW)
    assert kept.report == "Hazard 4\nclosed"
    assert kept.digest == hashlib.sha256(b"Hazard 4\nclosed").hexdigest()
    digest = "AB" * 32
    elsewhere = promote(at(Stage.CONNECTED), Evidence(gate, "Ann Lee", reference="a.pdf", digest=digest), NOW)
    assert elsewhere.digest == digest.lower()


@pytest.mark.parametrize(
    ("reason", "by", "code"), [("", "Ann Lee", "no-reason"), ("it broke", "", "no-name")]
)
def test_undoing_needs_a_reason_and_a_name(reason: str, by: str, code: str) -> None:
    """Both stay in the history."""
    with pytest.raises(ScrError) as error:
        undo(at(Stage.LIVE), reason, by, NOW)
    assert error.value.code == code


def test_a_provider_that_passed_nothing_has_nothing_to_undo() -> None:
    """Registered is where it begins."""
    with pytest.raises(Conflict, match="not passed"):
        undo(at(Stage.REGISTERED), "why not", "Ann Lee", NOW)


@pytest.mark.parametrize(
    ("go_live", "today", "deadline", "left", "sentence"),
    [
        ("2026-01-05", "2026-01-05", "2026-07-05", 181, "181 days left"),
        ("2026-01-05", "2026-07-04", "2026-07-05", 1, "1 day left"),
        ("2026-01-05", "2026-07-05", "2026-07-05", 0, "due today"),
        ("2026-01-05", "2026-07-06", "2026-07-05", -1, "1 day overdue"),
        ("2025-08-31", "2026-02-01", "2026-02-28", 27, "27 days left"),
        ("2023-08-31", "2024-02-01", "2024-02-29", 28, "28 days left"),
        ("2026-12-31", "2026-11-21", "2027-06-30", 221, "221 days left"),
    ],
)
def test_the_six_months(go_live: str, today: str, deadline: str, left: int, sentence: str) -> None:
    """Calendar months, to the last day of a month that has no such day."""
    found = clock(date.fromisoformat(go_live), date.fromisoformat(today))
    assert (found.deadline.isoformat(), found.days_left, found.sentence) == (deadline, left, sentence)
    assert found.overdue == (left < 0)


@pytest.mark.parametrize(
    ("live_on", "in_time", "sentence"),
    [("2026-07-05", True, "live in time"), ("2026-07-06", False, "live, after the deadline")],
)
def test_being_live_stops_the_clock(live_on: str, in_time: bool, sentence: str) -> None:
    """A live provider is never overdue; whether it was in time stays known."""
    found = clock(date(2026, 1, 5), date(2027, 1, 1), date.fromisoformat(live_on))
    assert (found.overdue, found.in_time, found.sentence) == (False, in_time, sentence)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 30))
def test_months_are_counted_on_the_calendar(day: date, months: int) -> None:
    """The month is the right one; the day is the same, or the month's last."""
    later = months_after(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    last = calendar.monthrange(later.year, later.month)[1]
    assert later.day == min(day.day, last)
    assert later - day >= timedelta(28 * months)
