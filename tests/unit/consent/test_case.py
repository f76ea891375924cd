"""What a request comes to before any rule is asked: what the actor opens, and whose say binds them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.consent.test_ruling import ACTOR, AT, NOW, POLICY, REQUEST

from scr.consent.actor import Actor, ActorKind
from scr.consent.case import case_of, role_of
from scr.consent.policy import Role
from scr.consent.proxies import Delegation, Online
from scr.consent.request import AccessRequest, Interaction
from scr.consent.sharing import SharingRule
from scr.fhir.headings import DEMOGRAPHICS, HEADINGS, SUPPORTING

OPENS = Role("carer", "carer", frozenset(HEADINGS), frozenset("rscu"), "N", writes=frozenset({("Task", "c")}))
NARROW = frozenset({"problems", DEMOGRAPHICS, SUPPORTING})
READS: dict[str, object] = {"interactions": frozenset("rs"), "writes": frozenset()}
CARED: list[tuple[str, Online | None, dict[str, object]]] = [
    ("nothing known", None, READS),
    ("by consent alone", Online(), READS),
    ("to read", Online(delegation=Delegation("consent", AT)), READS),
    ("to add", Online(delegation=Delegation("consent", AT, contributes=True)), {}),
    (
        "to read of one heading",
        Online(delegation=Delegation("consent", AT, headings=frozenset({"problems"}))),
        {**READS, "headings": NARROW},
    ),
    (
        "to add under one heading",
        Online(delegation=Delegation("consent", AT, headings=frozenset({"problems", "x"}), contributes=True)),
        {"headings": NARROW},
    ),
]


@pytest.mark.parametrize(("name", "online", "changes"), CARED, ids=[row[0] for row in CARED])
def test_a_carer_opens_no_more_than_what_they_were_given(
    name: str, online: Online | None, changes: dict[str, object]
) -> None:
    """To add needs to have been given; whose record it is, and who it speaks of, is always there."""
    policy = replace(POLICY, online={ActorKind.CARER: OPENS, ActorKind.CITIZEN: OPENS})
    asked = AccessRequest(Actor(ActorKind.CARER, "i|3"), Interaction.READ, online=online)
    assert role_of(asked, policy) == replace(OPENS, **changes), name  # type: ignore[arg-type]
    assert role_of(replace(asked, actor=Actor(ActorKind.CITIZEN, "i|3")), policy) == OPENS
    assert case_of(asked, policy, NOW).by_consent is (name == "by consent alone")


@pytest.mark.parametrize("kind", ActorKind)
@pytest.mark.parametrize("online", [None, Online(), Online(own=True)], ids=["unknown", "another", "own"])
def test_what_the_person_has_said_binds_everybody_else(kind: ActorKind, online: Online | None) -> None:
    """Only the citizen whose record it is looks past it."""
    rule = SharingRule(deny=True)
    asked = replace(REQUEST, actor=replace(ACTOR, kind=kind), online=online, rules=(rule,))
    case = case_of(asked, POLICY, NOW)
    own = kind is ActorKind.CITIZEN and online is not None and online.own
    assert case.say.denies == (() if own else (rule,))
    assert case.by_consent is (kind is ActorKind.CARER and online is not None)


def test_who_has_no_organisation_is_of_no_type() -> None:
    """Whatever is known of others."""
    asked = replace(REQUEST, actor=replace(ACTOR, organisation=None), organisations={"x": "hospital"})
    assert case_of(asked, POLICY, NOW).kind == ""
    assert case_of(REQUEST, POLICY, NOW).kind == "acute-trust"


def test_what_was_begun_is_gone_on_with_by_the_same_in_the_same_role_and_scopes() -> None:
    """Any other subject, role, organisation or scope is another holder; what they are called is not asked."""
    scopes = frozenset({"user/Task.r", "user/*.rs"})
    asked = replace(ACTOR, scopes=scopes)
    again = replace(asked, scopes=frozenset(sorted(scopes)), name="Another name", client="c", app="a")
    assert again.holder == asked.holder
    others = [
        replace(asked, subject="i|9"),
        replace(asked, role=None),
        replace(asked, role="R8001"),
        replace(asked, organisation=None),
        replace(asked, scopes=frozenset({"user/*.rs"})),
    ]
    assert len({one.holder for one in (asked, *others)}) == 1 + len(others)
