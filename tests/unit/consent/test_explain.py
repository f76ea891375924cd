"""An explanation, answer by answer: every rule in its order, and each change that alone would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.consent.test_ruling import ACTOR, HERE, NOW, OVERRIDE, POLICY, REQUEST, _Unreadable, glass

from scr.consent.decide import FAULT
from scr.consent.explain import Answer, Change, Said, explain
from scr.consent.policy import Policy
from scr.consent.request import AccessRequest
from scr.consent.rules import ACTOR_RULES, ENTRY_RULES, PERSON_RULES, Rule
from scr.consent.sharing import SharingRule
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.terminology.systems import V3_CONFIDENTIALITY

PROBLEM = Entry("Condition", "1", "ZZG01", "problems", b"{}")
RESTRICTED = Entry("Condition", "1", "ZZG01", "problems", b"{}", labels=(f"{V3_CONFIDENTIALITY}|R",))
FEW = replace(POLICY, roles={code: POLICY.roles[code] for code in ("R8000", OVERRIDE, "R8009")})
THING = SharingRule(deny=True, things=("Condition/1",))


def names(rules: Sequence[Rule[object]]) -> list[str]:
    """Of rules, in their order."""
    return [rule.name for rule in rules]


@pytest.mark.parametrize(
    ("entry", "person", "parts"),
    [
        (None, False, ["actor"]),
        (None, True, ["actor", "person"]),
        (PROBLEM, True, ["actor", "person", "entry"]),
        (PROBLEM, False, ["actor", "person", "entry"]),
    ],
)
def test_every_rule_is_told_in_its_order(entry: Entry | None, person: bool, parts: list[str]) -> None:
    """Those of an entry after those of its person, which are asked for every entry."""
    rules = {"actor": names(ACTOR_RULES), "person": names(PERSON_RULES), "entry": names(ENTRY_RULES)}  # type: ignore[arg-type]
    found = explain(REQUEST, POLICY, NOW, entry, person=person)
    assert [(one.part, one.rule) for one in found.said] == [(p, n) for p in parts for n in rules[p]]
    assert {one.answer for one in found.said} == {Answer.PASSES}
    assert all(one.question and one.remedy for one in found.said)
    assert (found.decision.permit, found.changes) == (True, ())


def test_facts_that_cannot_be_read_are_the_only_answer() -> None:
    """Nothing else can be asked; nothing would help."""
    broken = Policy({"R8000": 3}, POLICY.purposes, "broken")  # type: ignore[dict-item]
    found = explain(REQUEST, broken, NOW)
    assert found.said == (Said("facts", "actor", "Can the facts be read?", "", Answer.DENIES, FAULT),)
    assert found.changes == ()


def answers(request: AccessRequest, entry: Entry | None) -> dict[str, Answer]:
    """What did not pass, by rule."""
    said = explain(request, FEW, NOW, entry).said
    return {one.rule: one.answer for one in said if one.answer is not Answer.PASSES}


def test_the_first_denial_denies_and_those_after_it_would_deny_too() -> None:
    """What a broken glass lifts is told as lifted, whether or not something else denies; what fails never."""
    nobody = replace(REQUEST, relationships=frozenset())
    both = replace(nobody, rules=(SharingRule(deny=True),))
    assert answers(nobody, None) == {"relationship": Answer.DENIES}
    assert answers(both, None) == {"relationship": Answer.DENIES, "consent": Answer.ALSO_DENIES}
    assert answers(both, RESTRICTED) == {
        "relationship": Answer.DENIES,
        "consent": Answer.ALSO_DENIES,
        "label": Answer.ALSO_DENIES,
    }
    over = replace(nobody, actor=replace(ACTOR, role=OVERRIDE), glass=glass(OVERRIDE))
    assert answers(over, RESTRICTED) == {"relationship": Answer.LIFTED, "label": Answer.LIFTED}
    scoped = replace(over, actor=replace(over.actor, scopes=frozenset({"user/Observation.rs"})))
    assert answers(scoped, RESTRICTED) == {
        "relationship": Answer.LIFTED, "scope": Answer.DENIES, "label": Answer.LIFTED,
    }  # fmt: skip
    strange = Entry("Condition", "1", "ZZG01", "problems", b"{}", labels=_Unreadable(("R",)))
    failed = {one.rule: one for one in explain(over, FEW, NOW, strange).said if one.reason == FAULT}
    assert failed
    assert Answer.LIFTED not in {one.answer for one in failed.values()}
    assert next(iter(failed.values())).answer is Answer.DENIES


SCOPE = Change("another scope (user/*.rs)", "permitted")
RELATED = Change("a relationship of the organisation with the person", "permitted")
GLASS = Change("breaking the glass", "permitted")
OPENED = Change("breaking the glass", "break-glass")
WITHDRAWS = Change("the person's withdrawing their Consents", "permitted")
TELLS = Change("the sources' telling of no objection", "permitted")
AS_OVERRIDE = Change(f"the job role {OVERRIDE} ({FEW.roles[OVERRIDE].name})", "permitted")
AS_CLINICIAN = Change(f"the job role R8000 ({FEW.roles['R8000'].name})", "permitted")
NOBODYS = replace(REQUEST, relationships=frozenset())
TABLE = [
    ("nobody's", NOBODYS, None, [RELATED, OPENED]),
    ("nobody's problem", NOBODYS, PROBLEM, [RELATED, GLASS]),
    ("objects", replace(REQUEST, rules=(THING,)), PROBLEM, [WITHDRAWS]),
    ("dissent", replace(REQUEST, objections=frozenset({OdsCode("ZZG01")})), PROBLEM, [TELLS]),
    ("scope", replace(REQUEST, actor=replace(ACTOR, scopes=frozenset({"user/List.rs"}))), PROBLEM, [SCOPE]),
    (
        "receptionist",
        replace(REQUEST, actor=replace(ACTOR, role="R8009")),
        PROBLEM,
        [AS_CLINICIAN, AS_OVERRIDE],
    ),
    ("nobody's place", replace(NOBODYS, actor=replace(ACTOR, organisation=None)), None, []),
    ("no role", replace(REQUEST, actor=replace(ACTOR, role=None)), None, [AS_CLINICIAN, AS_OVERRIDE]),
]


@pytest.mark.parametrize(
    ("request_", "entry", "changes"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_each_change_that_alone_would_help(
    request_: AccessRequest, entry: Entry | None, changes: list[Change]
) -> None:
    """Found by deciding again, in the order of the rules; no other is told."""
    found = explain(request_, FEW, NOW, entry)
    assert not found.decision.permit
    assert [one for one in found.changes if not one.what.startswith("the purpose")] == changes


def test_another_purpose_and_a_cleared_role_help() -> None:
    """What is objected to for treatment alone; what a glass lifts for those who may break it."""
    bound = replace(REQUEST, rules=(SharingRule(deny=True, purposes=("TREAT",)),))
    told = [one.what for one in explain(bound, FEW, NOW, PROBLEM).changes]
    purposes = [f"the purpose {code}" for code in sorted(FEW.purposes - {"TREAT"})]
    assert {one for one in told if one.startswith("the purpose")} < set(purposes)
    assert "the purpose CAREMGT" in told
    assert WITHDRAWS.what in told
    marked = [one.what for one in explain(REQUEST, FEW, NOW, RESTRICTED).changes]
    assert GLASS.what in marked
    assert HERE in REQUEST.relationships
