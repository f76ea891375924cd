"""What is at the edges of a decision: facts that cannot be read, ages, and headings that are closed."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import decide, entry_decider, opened_headings, visible_headings
from scr.consent.explain import Answer, explain
from scr.consent.policy import Policy, load_policy
from scr.consent.proxies import BasisRule, Delegation, Online, carer_denial, citizen_denial
from scr.consent.request import AccessRequest, Interaction
from scr.consent.sharing import SharingRule
from scr.data import DataFiles
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode

POLICY = load_policy(DataFiles())
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = OdsCode("ZZH01")
ACTOR = Actor(
    ActorKind.PROFESSIONAL, "issuer|user", role="R8000", organisation=HERE, scopes=frozenset({"user/*.rs"})
)
REQUEST = AccessRequest(
    ACTOR, Interaction.READ, frozenset({HERE}), organisations={"ZZH01": "hospital", "ZZG01": "gp-practice"}
)
ENTRY = Entry(type="Condition", id="e1", source="ZZG01", heading="problems", body=b"{}")
BROKEN = Policy({"R8000": 3}, POLICY.purposes, "broken")  # type: ignore[dict-item]
YEAR = 31_557_600_000


def test_an_entry_whose_fields_cannot_be_read_is_refused() -> None:
    """Labels of another shape than they ever have deny, and raise nothing."""
    strange = Entry(
        type="Condition", id="e1", source="ZZG01", heading="problems", body=b"{}", labels=["R"],  # type: ignore[arg-type]
    )  # fmt: skip
    assert entry_decider(REQUEST, POLICY, NOW)(strange).code == "decision-error"
    assert entry_decider(REQUEST, POLICY, NOW)(ENTRY).permit


@pytest.mark.parametrize(
    "request_",
    [REQUEST, dataclasses.replace(REQUEST, rules=(None,))],  # type: ignore[arg-type]
    ids=["policy", "facts"],
)
def test_what_cannot_be_decided_is_explained_all_the_same(request_: AccessRequest) -> None:
    """The rule that failed, or the facts, are named; nothing that was tried would help against it."""
    found = explain(request_, BROKEN, NOW)
    assert (found.decision.code, found.decision.permit) == ("decision-error", False)
    assert Answer.DENIES in {said.answer for said in found.said}
    assert {said.reason.code for said in found.said if said.answer is Answer.DENIES and said.reason} == {
        "decision-error"
    }


def test_what_would_help_is_told_and_nothing_else() -> None:
    """A relationship alone, or the glass: not both, and no other role of those without emergency access."""
    found = explain(dataclasses.replace(REQUEST, relationships=frozenset()), POLICY, NOW)
    told = {change.what: change.code for change in found.changes}
    assert told == {
        "a relationship of the organisation with the person": "permitted",
        "breaking the glass": "break-glass",
    }
    assert explain(REQUEST, POLICY, NOW).changes == ()


def test_headings_are_closed_by_source_whatever_stands_there() -> None:
    """By an objection to one source, by the person's wish, and by the agreements; of a closed record, all."""
    objects = dataclasses.replace(REQUEST, objections=frozenset({HERE}))
    opened = opened_headings(objects, POLICY, NOW, ["ZZH01", "ZZG01"])
    assert opened["ZZH01"] == frozenset()
    assert opened["ZZG01"] == visible_headings(objects, POLICY)
    rules = (SharingRule(deny=True, sources=("ZZG01",)), SharingRule(deny=True, headings=("results",)))
    opened = opened_headings(dataclasses.replace(REQUEST, rules=rules), POLICY, NOW, ["ZZH01", "ZZG01"])
    assert opened["ZZG01"] == frozenset()
    assert opened["ZZH01"] == visible_headings(REQUEST, POLICY) - {"results"}
    home = dataclasses.replace(REQUEST, organisations={"ZZH01": "care-home"})
    assert "results" not in opened_headings(home, POLICY, NOW, ["ZZG01"])["ZZG01"]
    stranger = dataclasses.replace(REQUEST, relationships=frozenset())
    assert opened_headings(stranger, POLICY, NOW, ["ZZG01"]) == {"ZZG01": frozenset()}
    assert visible_headings(dataclasses.replace(REQUEST, actor=Actor(ActorKind.SYSTEM, "s")), POLICY) == set()


def delegation(basis: str = "parental-responsibility") -> Delegation:
    """One that is in force, for years."""
    now = milliseconds(NOW)
    return Delegation(basis, now - YEAR, now + YEAR, reviewed=now - 1000, used=now - 1000)


@pytest.mark.parametrize("born", ["", "x", "2012-02-30", "2012-13", "0000", "2012-2-1", "12"])
def test_a_birth_date_that_cannot_be_read_denies_at_any_age(born: str) -> None:
    """To the citizen and to the carer of a child."""
    assert POLICY.proxies.carer is not None
    assert POLICY.proxies.citizen is not None
    found = carer_denial(Online(born=born, delegation=delegation()), POLICY.proxies.carer, NOW)
    assert found is not None
    assert found[0] == "no-birth-date"
    found = citizen_denial(Online(own=True, born=born), POLICY.proxies.citizen, NOW)
    assert found is not None
    assert found[0] == "no-birth-date"


@given(st.dates(min_value=datetime(1950, 1, 1).date(), max_value=datetime(2026, 5, 1).date()))  # noqa: DTZ001 - days
def test_a_parent_and_the_child_never_both_have_access_and_one_has_from_the_birthday(born: object) -> None:
    """The day on which the child may look is the day from which the parent may not."""
    carers, citizens = POLICY.proxies.carer, POLICY.proxies.citizen
    assert carers is not None
    assert citizens is not None
    parent = carer_denial(Online(born=str(born), delegation=delegation()), carers, NOW)
    child = citizen_denial(Online(own=True, born=str(born)), citizens, NOW)
    if child is None:
        assert parent is not None
    assert (parent is not None and parent[0] == "birthday") == (child is None)


@pytest.mark.parametrize(
    ("now", "due"),
    [("2025-02-27T23:59:59+00:00", False), ("2025-02-28T00:00:00+00:00", True)],
)
def test_a_birthday_of_a_leap_year_comes_on_the_day_before_march(now: str, due: bool) -> None:
    """Born on 29 February 2012: the review at thirteen is due on 28 February 2025, the earlier day."""
    at = datetime.fromisoformat(now)
    one = Delegation("parental-responsibility", 0, milliseconds(at) + YEAR, used=milliseconds(at))
    assert POLICY.proxies.carer is not None
    found = carer_denial(Online(born="2012-02-29", delegation=one), POLICY.proxies.carer, at)
    assert (found is not None and found[0] == "review-due") == due


def test_a_basis_may_end_at_an_age_and_know_no_review() -> None:
    """A deployment's consent that ends at sixteen needs the birth date, and nothing else."""
    carers = POLICY.proxies.carer
    assert carers is not None
    bases = {**carers.bases, "consent": BasisRule(name="Consent", until_age=16)}
    carers = carers.model_copy(update={"bases": bases})
    young, old = (
        Online(born=born, delegation=delegation("consent")) for born in ("2016-01-01", "1990-01-01")
    )
    assert carer_denial(young, carers, NOW) is None
    found = carer_denial(old, carers, NOW)
    assert found is not None
    assert found[0] == "birthday"


@pytest.mark.parametrize("kind", list(ActorKind))
def test_the_face_for_professionals_admits_nobody_else(kind: ActorKind) -> None:
    """Whatever is known of a citizen or carer, the endpoint of today serves professionals."""
    actor = dataclasses.replace(ACTOR, kind=kind)
    online = Online(own=True, born="1980-01-01")
    asked = dataclasses.replace(REQUEST, actor=actor, online=online)
    assert decide(asked, POLICY, NOW).permit == (kind is ActorKind.PROFESSIONAL)
    elsewhere = dataclasses.replace(asked, serves=frozenset({ActorKind.CITIZEN}))
    if kind is not ActorKind.CITIZEN:
        assert decide(elsewhere, POLICY, NOW).code == "actor-kind"
