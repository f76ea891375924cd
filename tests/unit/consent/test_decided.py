"""What was decided before is given again only where it would be decided again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.consent.test_ruling import ACTOR, ASKED, AT, ENTRIES, NOW, OVERRIDE, POLICY, REQUEST, glass

from scr.consent.case import Case, case_of
from scr.consent.decide import Ruling, entry_decider
from scr.consent.decided import LISTS, MOST, Before
from scr.consent.request import AccessRequest
from scr.consent.rules import ENTRY_RULES
from scr.consent.sharing import SharingRule
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode

_FOR_A_MOMENT = SharingRule(deny=True, headings=("results",), starts=AT, ends=AT + 1_000)
_NOT_YET = SharingRule(deny=False, things=("Observation/1",), starts=AT + 1_000, ends=AT + 9_000)
_TIMED = [
    replace(REQUEST, rules=(_FOR_A_MOMENT, _NOT_YET)),
    replace(REQUEST, rules=(_FOR_A_MOMENT,), actor=replace(ACTOR, role=OVERRIDE), glass=glass(OVERRIDE)),
    replace(REQUEST, objections=frozenset({OdsCode("ZZG01")})),
]
_TIMES = st.sampled_from([AT - 1, AT, AT + 1, AT + 1_000, AT + 9_000])
_LOOKS = st.lists(
    st.tuples(st.sampled_from([*ASKED, *_TIMED]), _TIMES, st.integers(0, 1)), min_size=1, max_size=9
)


@given(looks=_LOOKS, lists=st.tuples(ENTRIES, ENTRIES))
def test_looks_at_one_record_are_decided_as_each_would_be_alone(
    looks: list[tuple[AccessRequest, int, int]], lists: tuple[list[Entry], list[Entry]]
) -> None:
    """Whoever looked before, at whatever time: a choice that begins or ends bears on the next look."""
    before = Before()
    for asked, at, which in looks:
        entries, now = lists[which], utc(at)
        ruling, alone = Ruling(asked, POLICY, now, before), entry_decider(asked, POLICY, now)
        assert ruling.permitted(entries) == [entry for entry in entries if alone(entry).permit]
        assert [ruling(entry) for entry in entries] == [alone(entry) for entry in entries]
        sources = {"ZZG01", "ZZH01"}
        assert ruling.opened_headings(sources) == Ruling(asked, POLICY, now).opened_headings(sources)


class _NoTime:
    """A time that nobody may ask for."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"a rule of an entry asked for the time ({name})")


@given(asked=st.sampled_from([*ASKED, *_TIMED]), entries=ENTRIES)
def test_no_rule_of_an_entry_asks_what_time_it_is(asked: AccessRequest, entries: list[Entry]) -> None:
    """That is why decisions of a moment ago hold: what the time bears on stands in the case."""
    case = replace(case_of(asked, POLICY, NOW), now=cast(datetime, _NoTime()))
    for rule in ENTRY_RULES:
        for entry in entries:
            rule.ask(case, entry)


def test_a_case_is_another_where_anything_but_its_time_is() -> None:
    """Its request, what the person has said that is in force, what a glass lifts, and the policy."""
    here = case_of(_TIMED[1], POLICY, NOW)
    others: list[Case] = [
        case_of(_TIMED[1], POLICY, utc(AT + 2)),  # the glass is closed
        case_of(_TIMED[0], POLICY, NOW),
        case_of(_TIMED[1], replace(POLICY, hash="another"), NOW),
        replace(here, by_consent=True),
    ]
    assert here.decides_as(replace(here, now=utc(0)))
    assert not any(here.decides_as(other) or other.decides_as(here) for other in others)


def test_the_last_few_cases_and_lists_are_kept() -> None:
    """No more of either, so that a record that many look at takes no more memory than it may."""
    before, cases, lists = Before(), MOST + 5, LISTS + 5
    entries = [Entry("Condition", f"{n}", "ZZG01", "problems", b"{}") for n in range(lists)]
    for number in range(cases):
        ruling = Ruling(replace(REQUEST, actor=replace(ACTOR, subject=f"i|{number}")), POLICY, NOW, before)
        for entry in entries:
            ruling.permitted([entry])
    assert len(list(before.kept())) == MOST * LISTS
    made = before.made
    assert made == cases + cases * lists
    last = replace(REQUEST, actor=replace(ACTOR, subject=f"i|{cases - 1}"))
    assert Ruling(last, POLICY, NOW, before).permitted(entries[-1:]) == entries[-1:]
    assert before.made == made


def test_the_lists_of_one_answer_are_kept_together() -> None:
    """Asked again and again about the half a dozen lists that one answer is made of, it decides each once."""
    before = Before()
    lists = [[Entry("Condition", f"{n}", "ZZG01", "problems", b"{}")] for n in range(8)]
    for _ in range(3):
        ruling = Ruling(REQUEST, POLICY, NOW, before)
        for one in lists:
            ruling.permitted(one)
    assert before.made == 1 + len(lists)
