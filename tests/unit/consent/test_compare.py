"""Two policies beside each other: what each change is told as, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scr.consent.actor import Actor, ActorKind
from scr.consent.agreements import Agreement
from scr.consent.breakglass import GlassPolicy
from scr.consent.compare import Difference, Shift, differences, shift
from scr.consent.label_policy import LabelPolicy
from scr.consent.policy import Policy, Role, load_policy
from scr.consent.proxies import ProxyPolicy
from scr.consent.request import AccessRequest, Interaction
from scr.consent.ties import TiePolicy
from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode

SHIPPED = load_policy(DataFiles())
ROLE = Role("R1", "One", frozenset({"problems", "results"}), frozenset("rs"), "N", frozenset({"see"}))
TWO = {"gp-practice": "General practice", "hospice": "Hospice"}
AGREEMENTS = replace(
    SHIPPED.agreements,
    shared=(Agreement("all", frozenset(TWO)),),
    kept=(),
    names=TWO,
    also={key: key for key in TWO},
)
SMALL = replace(
    SHIPPED,
    roles={"R1": ROLE},
    purposes=frozenset({"TREAT", "ETREAT"}),
    agreements=AGREEMENTS,
    glass=GlassPolicy({"see": frozenset({"label"})}),
)
SAYS = "says something else"
TO_ONE = Agreement("to one", frozenset({"hospice"}), purposes=frozenset({"TREAT"}))
ELSEWHERE = Difference("agreements.yaml, sources that are told apart", note=SAYS)
BOTH = frozenset({"problems", "results"})


def with_role(**changes: object) -> Policy:
    """The small policy with another role of the same code."""
    return replace(SMALL, roles={"R1": replace(ROLE, **changes)})  # type: ignore[arg-type]


CHANGES: list[tuple[str, Policy, list[Difference]]] = [
    ("nothing", replace(SMALL, hash="other"), []),
    ("a heading less", with_role(headings=frozenset({"results"})), [
        Difference("R1 at anywhere", loses=frozenset({"problems"})),
    ]),
    ("one for another", with_role(headings=frozenset({"results", "plans"})), [
        Difference("R1 at anywhere", frozenset({"plans"}), frozenset({"problems"})),
    ]),
    ("no interaction", with_role(interactions=frozenset()), [
        Difference("R1 at anywhere", loses=BOTH),
        Difference("R1", note="interactions r s becomes nothing"),
    ]),
    ("a clearance and an activity", with_role(clearance="R", activities=frozenset({"see", "act"})), [
        Difference("R1", note="clearance N becomes R; activities see becomes act see"),
    ]),
    ("another activity", with_role(activities=frozenset({"act"})), [
        Difference("R1", note="what a broken glass lifts label becomes nothing; activities see becomes act"),
    ]),
    ("a purpose less", replace(SMALL, purposes=frozenset({"TREAT"})), [
        Difference("R1 at gp-practice for ETREAT, hospice for ETREAT", loses=BOTH),
    ]),
    ("a purpose more", replace(SMALL, purposes=SMALL.purposes | {"CAREMGT"}), [
        Difference("R1 at gp-practice for CAREMGT, hospice for CAREMGT", gains=BOTH),
    ]),
    ("shared with one, for one", replace(SMALL, agreements=replace(AGREEMENTS, shared=(TO_ONE,))), [
        Difference(
            "R1 at gp-practice for ETREAT, gp-practice for TREAT, hospice for ETREAT", loses=BOTH
        ),
        ELSEWHERE,
    ]),
    ("of one source only", replace(SMALL, agreements=replace(
        AGREEMENTS, kept=(Agreement("kept", frozenset(TWO), of=frozenset({"hospice", "gp-practice"})),)
    )), [ELSEWHERE]),
    ("of no source", replace(SMALL, agreements=replace(
        AGREEMENTS, kept=(Agreement("kept", frozenset(TWO), headings=frozenset({"results"})),)
    )), [Difference("R1 at anywhere", loses=frozenset({"results"})), ELSEWHERE]),
    ("another role", replace(SMALL, roles={"R2": replace(ROLE, code="R2")}), [
        Difference("R1 at anywhere", loses=BOTH),
        Difference("R1", note="is not known any more"),
        Difference("R2 at anywhere", gains=BOTH),
        Difference("R2", note="is new"),
    ]),
    ("proxies", replace(SMALL, proxies=ProxyPolicy()), [Difference("proxies.yaml", note=SAYS)]),
    ("ties", replace(SMALL, ties=TiePolicy()), [Difference("relationships.yaml", note=SAYS)]),
    ("glass", replace(SMALL, glass=replace(SMALL.glass, hours=9)), [
        Difference("breakglass.yaml", note=SAYS),
    ]),
    ("labels", replace(SMALL, labels=LabelPolicy()), [Difference("labels.yaml", note=SAYS)]),
    ("assurance", replace(SMALL, assurance={}), [Difference("assurance of roles.yaml", note=SAYS)]),
]  # fmt: skip


@pytest.mark.parametrize(("new", "told"), [pytest.param(new, told, id=name) for name, new, told in CHANGES])
def test_each_change_is_told_and_nothing_else(new: Policy, told: list[Difference]) -> None:
    """By role and type of organisation where it can be; and turned round it gains what it lost."""
    assert list(differences(SMALL, new)) == told
    back = differences(new, SMALL)
    assert [(one.who, one.gains, one.loses) for one in back if one.gains or one.loses] == [
        (one.who, one.loses, one.gains) for one in told if one.gains or one.loses
    ]


def test_a_type_of_one_policy_only_is_compared_too() -> None:
    """Who is party to nothing in the old policy gains what the new one shares with them."""
    names = {**TWO, "club": "Club"}
    new = replace(SMALL, agreements=replace(
        AGREEMENTS, names=names, shared=(*AGREEMENTS.shared, Agreement("club", frozenset({"club"}))),
    ))  # fmt: skip
    found = differences(SMALL, new)
    assert found == (Difference("R1 at club for ETREAT, club for TREAT", gains=BOTH), ELSEWHERE)


def test_what_one_request_comes_to_under_both() -> None:
    """The codes of both decisions, and headings by source; None where it is the same."""
    here = OdsCode("ZZH01")
    actor = Actor(
        ActorKind.PROFESSIONAL, "i|1", role="R1", organisation=here, scopes=frozenset({"user/*.rs"})
    )
    asked = AccessRequest(actor, Interaction.READ, frozenset({here}), organisations={"ZZH01": "hospice"})
    now, sources = datetime(2026, 6, 1, 12, tzinfo=UTC), ["ZZH01", "ZZG01"]
    assert shift(asked, SMALL, replace(SMALL, hash="other"), now, sources) is None
    assert shift(asked, SMALL, with_role(clearance="R"), now, sources) is None
    of_both = frozenset((source, heading) for source in sources for heading in BOTH)
    assert shift(asked, SMALL, replace(SMALL, roles={}), now, iter(sources)) == Shift(
        "permitted", "unknown-role", True, False, loses=of_both
    )
    assert shift(asked, replace(SMALL, roles={}), SMALL, now, iter(sources)) == Shift(
        "unknown-role", "permitted", False, True, gains=of_both
    )
    fewer = with_role(headings=frozenset({"results", "plans"}))
    assert shift(asked, SMALL, fewer, now, ["ZZG01"]) == Shift(
        "permitted",
        "permitted",
        True,
        True,
        frozenset({("ZZG01", "plans")}),
        frozenset({("ZZG01", "problems")}),
    )
    assert shift(asked, SMALL, replace(SMALL, roles={}), now, []) == Shift(
        "permitted", "unknown-role", True, False
    )
