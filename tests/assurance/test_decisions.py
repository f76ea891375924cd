"""The decision beside its oracle, in short: ``make assurance`` asks a million."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.assurance.decisions import decided, differences
from tests.assurance.tuples import Tuple, draw, richer, shipped

from scr.consent.actor import Actor
from scr.consent.decide import decide, opened_headings
from scr.consent.explain import Answer, explain
from scr.consent.policy import load_policy
from scr.consent.request import AccessRequest
from scr.consent.sharing import SharingRule
from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import NOT_HEARD

POLICY = load_policy(DataFiles())
tuples = st.integers(0, 10**9).map(lambda seed: draw(Random(f"property/{seed}")))


@pytest.mark.parametrize("which", ["shipped", "richer"])
def test_the_decision_is_what_the_oracle_says(which: str, tmp_path: Path) -> None:
    """Permit or deny, and for the same reason; and the questions are worth asking."""
    files, oracle = shipped() if which == "shipped" else richer(tmp_path)
    found, codes = differences(load_policy(files), oracle, "short", 4_000)
    assert [(number, ours, theirs) for number, _, ours, theirs in found] == []
    assert codes["permitted"] > 300
    assert len(codes) >= 28


@settings(max_examples=300)
@given(tuples)
def test_an_answer_is_always_given_and_always_the_same(asked: Tuple) -> None:
    """Total and pure: no exception, and asking again changes nothing."""
    assert decided(POLICY, asked) == decided(POLICY, asked)


def _more_closed(request: AccessRequest) -> list[AccessRequest]:
    """The request with one more thing against it, or with one thing less for it."""
    objections = frozenset(OdsCode(code) for code in request.organisations)
    return [
        dataclasses.replace(request, rules=(*request.rules, SharingRule(deny=True))),
        dataclasses.replace(request, rules=(*request.rules, SharingRule(deny=True, headings=("problems",)))),
        dataclasses.replace(request, relationships=frozenset(), ties=()),
        dataclasses.replace(request, ties=()),
        dataclasses.replace(request, organisations={}),
        dataclasses.replace(request, online=None),
        dataclasses.replace(request, glass=None),
        dataclasses.replace(request, serves=frozenset()),
        dataclasses.replace(request, purpose="of no policy"),
        dataclasses.replace(request, standing=replace(NOT_HEARD, verification="?")),
        *(dataclasses.replace(request, actor=actor) for actor in _less(request.actor)),
        dataclasses.replace(request, objections=request.objections | objections),
    ]


def _less(actor: Actor) -> list[Actor]:
    """The actor with one thing less, or with a value that nobody knows."""
    return [
        dataclasses.replace(actor, scopes=frozenset()),
        dataclasses.replace(actor, role=None),
        dataclasses.replace(actor, role="R9999"),
        dataclasses.replace(actor, organisation=None),
        dataclasses.replace(actor, subject=""),
        dataclasses.replace(actor, assurance=""),
    ]


@settings(max_examples=300)
@given(tuples)
def test_a_fact_less_or_a_deny_more_never_reveals_more(asked: Tuple) -> None:
    """Whatever is refused stays refused; the one who asks for themselves is not bound by their own words."""
    if decided(POLICY, asked)[0]:
        return
    for request in _more_closed(asked.request):
        assert not decided(POLICY, dataclasses.replace(asked, request=request))[0]


@settings(max_examples=300)
@given(tuples)
def test_an_explanation_is_of_the_decision(asked: Tuple) -> None:
    """The first rule that denies is the decision's, and what would do alone does."""
    found = explain(asked.request, POLICY, asked.now, asked.entry)
    assert (found.decision.permit, found.decision.code) == decided(POLICY, asked)
    denies = [said for said in found.said if said.answer is Answer.DENIES]
    assert bool(denies) != found.decision.permit
    if denies:
        assert (denies[0].rule, denies[0].reason) == (found.decision.rule, found.decision.reasons[0])
    assert not (found.changes and found.decision.permit)


@settings(max_examples=300)
@given(tuples)
def test_a_heading_that_is_closed_shows_nothing(asked: Tuple) -> None:
    """What the ledger is told of a heading without looking is never less closed than its entries."""
    if asked.entry is None or not decided(POLICY, asked)[0]:
        return
    source = asked.entry.source
    opened = opened_headings(asked.request, POLICY, asked.now, [source])
    assert asked.entry.heading in opened[source]


@settings(max_examples=100)
@given(tuples, st.integers(1, 400))
def test_a_glass_is_over_for_good(asked: Tuple, days: int) -> None:
    """Later than its end it lifts nothing, so that what it opened is closed."""
    if decided(POLICY, asked)[1] == "break-glass" and asked.request.glass is not None:
        later = dataclasses.replace(asked, now=asked.now + timedelta(days=41 + days))
        assert decided(POLICY, later)[1] != "break-glass"


def test_a_request_about_nobody_in_particular_is_no_wider() -> None:
    """A permitted person implies a permitted actor, over many tuples."""
    for number in range(500):
        asked = draw(Random(f"actor/{number}"))
        if decide(asked.request, POLICY, asked.now).permit:
            assert explain(asked.request, POLICY, asked.now, person=False).decision.permit
