"""Rules of the whole and of an entry: each says no in its own words, where one thing is otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.consent.test_ruling import ACTOR, AT, NOW, OVERRIDE, POLICY, REQUEST, citizen, glass

from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import decide, entry_decider, opened_headings
from scr.consent.label_policy import UNCLASSIFIED_TOKEN
from scr.consent.proxies import Delegation, Online, ProxyPolicy
from scr.consent.request import AccessRequest
from scr.consent.sharing import Asker, SharingRule
from scr.fhir.entry import Entry
from scr.terminology.systems import V3_CONFIDENTIALITY

EVERYBODY = frozenset(ActorKind)
CARER = Actor(ActorKind.CARER, "i|3", scopes=frozenset({"patient/*.rs"}), assurance="P9")
GIVEN = Delegation("consent", AT - 1, AT + 1, used=AT - 1)
CARED = citizen(
    actor=CARER, purpose="FAMRQT", serves=EVERYBODY, online=Online(born="1980-01-01", delegation=GIVEN)
)
BY_WORD = SharingRule(deny=False, askers=(Asker("person", "i|3"),), ends=AT + 1)
WORD = replace(CARED, online=Online(born="1980-01-01"), rules=(BY_WORD,))
PROXIES = POLICY.proxies


def staff(**changes: object) -> AccessRequest:
    """The clinician's request, with something about them otherwise."""
    return replace(REQUEST, actor=replace(ACTOR, **changes), serves=EVERYBODY)  # type: ignore[arg-type]


WHOLE = {
    "staff": (staff(), "permitted"),
    "nobody": (staff(subject=""), "no-subject"),
    "no scope": (staff(scopes=frozenset()), "scope"),
    "a scope of another interaction": (staff(scopes=frozenset({"user/*.s"})), "scope"),
    "no role": (staff(role=None), "no-role"),
    "a role that nobody knows": (staff(role="R9999"), "unknown-role"),
    "a system": (
        staff(kind=ActorKind.SYSTEM, role=None, scopes=frozenset({"system/*.rs"})),
        "unknown-role",
    ),
    "a citizen": (citizen(), "permitted"),
    "a citizen of whom nothing is known": (citizen(online=None), "no-online-facts"),
    "a carer": (CARED, "permitted"),
    "a carer whose access is suspended, and whom the person permits": (
        replace(WORD, online=Online(born="1980-01-01", delegation=replace(GIVEN, suspended="moved"))),
        "delegation-suspended",
    ),
    "a carer whom the person permits": (WORD, "permitted"),
    "a carer whom the person permits without end": (
        replace(WORD, rules=(SharingRule(deny=False, askers=BY_WORD.askers),)),
        "delegation-open-ended",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_is_refused_by_the_rule_that_it_fails(name: str) -> None:
    """And permitted where nothing is otherwise."""
    asked, code = WHOLE[name]
    assert decide(asked, POLICY, NOW).code == code


@pytest.mark.parametrize(
    ("asked", "proxies"),
    [(citizen(), ProxyPolicy(PROXIES.citizen)), (CARED, ProxyPolicy(None, PROXIES.carer))],
    ids=["a citizen", "a carer"],
)
def test_nobody_reads_online_by_half_a_policy(asked: AccessRequest, proxies: ProxyPolicy) -> None:
    """Where what holds for the other sort is missing, the file was not read as it stands."""
    assert decide(asked, replace(POLICY, proxies=proxies), NOW).code == "no-online-facts"


def test_an_entry_is_refused_by_the_rule_that_it_fails() -> None:
    """A scope with a search parameter reaches what it finds; what nobody could classify waits."""
    entry = Entry("Observation", "o", "ZZG01", "results", b"{}")
    narrow = staff(scopes=frozenset({"user/Observation.rs?category=laboratory"}))
    assert decide(narrow, POLICY, NOW).permit
    assert entry_decider(narrow, POLICY, NOW)(entry).code == "scope"
    marked = Entry("Observation", "o", "ZZG01", "results", b"{}", labels=(UNCLASSIFIED_TOKEN,))
    for asked, code in ((citizen(), "unclassified"), (CARED, "unclassified"), (staff(), "permitted")):
        assert entry_decider(asked, POLICY, NOW)(marked).code == code
        assert entry_decider(asked, POLICY, NOW)(entry).permit


def test_a_carer_is_not_told_which_headings_the_person_keeps_from_them() -> None:
    """They see as many as the policy opens to them, and nothing of what is kept."""
    kept = replace(CARED, rules=(SharingRule(deny=True, headings=("results",)),))
    opened = opened_headings(kept, POLICY, NOW, ["ZZG01"])["ZZG01"]
    assert "results" in opened
    assert opened == opened_headings(CARED, POLICY, NOW, ["ZZG01"])["ZZG01"]
    assert not entry_decider(kept, POLICY, NOW)(Entry("Observation", "o", "ZZG01", "results", b"{}")).permit


def test_what_is_said_of_one_entry_counts_as_what_is_said_of_its_type() -> None:
    """In the same place among the rules, with the same code, under a broken glass too."""
    here = Entry("Condition", "1", "ZZG01", "problems", b"{}")
    marked = Entry("Condition", "1", "ZZG01", "problems", b"{}", labels=(f"{V3_CONFIDENTIALITY}|R",))
    there = Entry("Condition", "2", "ZZG01", "problems", b"{}")
    codes = set()
    for asked in (
        staff(),
        replace(staff(role=OVERRIDE), glass=glass(OVERRIDE)),
        staff(role="R8009"),
        staff(scopes=frozenset({"user/Observation.rs"})),
        CARED,
    ):
        for entry in (here, marked):
            by_type = replace(asked, rules=(SharingRule(deny=True, types=("Condition",)),))
            by_thing = replace(asked, rules=(SharingRule(deny=True, things=("Condition/1",)),))
            wanted = entry_decider(by_type, POLICY, NOW)(entry)
            ruling = entry_decider(by_thing, POLICY, NOW)
            for found in (ruling(entry), ruling(entry)):
                assert (found.permit, found.rule, found.code) == (wanted.permit, wanted.rule, wanted.code)
                assert wanted.reasons[: len(found.reasons)] == found.reasons
            assert ruling(there) == entry_decider(asked, POLICY, NOW)(there)
            codes.add(wanted.code)
    assert len(codes) >= 4
