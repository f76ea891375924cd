"""Who may see what: the decision as a table, and properties that hold whatever the request."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import Actor, ActorKind
from scr.consent.case import case_of
from scr.consent.decide import AccessRequest, Interaction, decide, decide_actor, entry_decider
from scr.consent.policy import Policy, load_policy
from scr.consent.rules import ENTRY_RULES
from scr.data import DataFiles
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode

POLICY = load_policy(DataFiles())
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HERE, ELSEWHERE = OdsCode("RCB"), OdsCode("Z99001")
TYPES = {"RCB": "hospital", "Z99001": "gp-practice"}
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def request(
    role: str | None = "R8000",
    *,
    kind: ActorKind = ActorKind.PROFESSIONAL,
    at: OdsCode | None = HERE,
    scopes: str = "user/*.rs",
    related: frozenset[OdsCode] = frozenset({HERE}),
    objections: frozenset[OdsCode] = frozenset(),
    interaction: Interaction = Interaction.READ,
    purpose: str = "TREAT",
) -> AccessRequest:
    """A request that is permitted, but for what the caller changes."""
    actor = Actor(kind, "issuer|somebody", role=role, organisation=at, scopes=frozenset(scopes.split()))
    return AccessRequest(actor, interaction, related, objections, purpose, organisations=TYPES)


def entry(kind: str, heading: str, *labels: str) -> Entry:
    """An entry with what a decision looks at."""
    return Entry(type=kind, id="e1", source="RCB", heading=heading, body=b"{}", labels=labels)


PERSON = [
    ("a doctor of an organisation that cares for the person", request(), "permitted"),
    ("a social worker likewise", request("R8014"), "permitted"),
    ("the older scope syntax", request(scopes="user/*.read"), "permitted"),
    ("no relationship at all", request(related=frozenset()), "no-relationship"),
    ("another organisation's relationship", request(related=frozenset({ELSEWHERE})), "no-relationship"),
    ("no selected role", request(None), "no-role"),
    ("a role that the policy does not know", request("R9999"), "unknown-role"),
    ("a receptionist", request("R8009"), "role-activity"),
    ("no organisation", request(at=None), "no-organisation"),
    ("no scope", request(scopes=""), "scope"),
    ("a scope that writes only", request(scopes="user/*.cud"), "scope"),
    ("a scope with letters out of order", request(scopes="user/*.sr"), "scope"),
    ("a scope with a search part", request(scopes="user/*.rs?category=laboratory"), "permitted"),
    ("a scope with a search that is not understood", request(scopes="user/*.rs?colour=red"), "scope"),
    ("a scope with a search into the entry", request(scopes="user/Observation.rs?encounter=1"), "scope"),
    ("a scope for searching only, used to read", request(scopes="user/*.s"), "scope"),
    ("a purpose beyond direct care", request(purpose="HRESCH"), "purpose"),
    ("a citizen", request(kind=ActorKind.CITIZEN), "actor-kind"),
    ("a system without a person", request(kind=ActorKind.SYSTEM), "actor-kind"),
]


@pytest.mark.parametrize(("who", "asked", "code"), PERSON, ids=[row[0] for row in PERSON])
def test_the_person_as_a_whole(who: str, asked: AccessRequest, code: str) -> None:
    """Each row: who asks, and the code of the rule that decides."""
    decision = decide(asked, POLICY, NOW)
    assert (decision.code, decision.permit) == (code, code == "permitted"), who
    assert decision.policy == POLICY.hash


ENTRIES = [
    ("R8000", "user/*.rs", entry("Condition", "problems"), "permitted"),
    ("R8014", "user/*.rs", entry("Condition", "problems"), "permitted"),
    ("R8014", "user/*.rs", entry("Observation", "results"), "heading"),
    ("R8000", "user/Observation.rs", entry("Observation", "results"), "permitted"),
    ("R8000", "user/Observation.rs", entry("Condition", "problems"), "scope"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{CONFIDENTIALITY}|N"), "permitted"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{CONFIDENTIALITY}|R"), "label"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{CONFIDENTIALITY}|V"), "label"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{CONFIDENTIALITY}|?"), "label"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{SENSITIVITY}|HIV"), "label"),
    (
        "R8000",
        "user/*.rs",
        entry("Condition", "problems", f"{SENSITIVITY}|HIV", f"{CONFIDENTIALITY}|N"),
        "permitted",
    ),
    ("R8000", "user/*.rs", entry("Basic", "a heading of no policy"), "heading"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{SENSITIVITY}|NOPAT"), "permitted"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{LABEL_SYSTEM}|unclassified"), "permitted"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{LABEL_SYSTEM}|hfe-act"), "legal-bar"),
    ("R8000", "user/*.rs", entry("Condition", "problems", f"{RELATED_LABEL_SYSTEM}|hfe-act"), "legal-bar"),
    (
        "R8000",
        "user/*.rs",
        entry("Condition", "problems", f"{LABEL_SYSTEM}|of a policy of before"),
        "permitted",
    ),
]


@pytest.mark.parametrize(("role", "scopes", "what", "code"), ENTRIES)
def test_each_entry(role: str, scopes: str, what: Entry, code: str) -> None:
    """Heading, scope and label decide on an entry, in this order."""
    assert entry_decider(request(role, scopes=scopes), POLICY, NOW)(what).code == code


def test_a_law_opens_to_an_activity_that_the_policy_names_and_to_no_clearance() -> None:
    """The highest clearance does not pass a bar; an activity that the bar is open to does."""
    barred = (f"{LABEL_SYSTEM}|hfe-act",)
    role = dataclasses.replace(POLICY.roles["R8000"], clearance="V")
    assert POLICY.barred(role, barred) is not None
    bar = dataclasses.replace(POLICY.labels.bars["hfe-act"], open_to=frozenset({"B0360"}))
    labels = dataclasses.replace(POLICY.labels, bars={**POLICY.labels.bars, bar.key: bar})
    assert dataclasses.replace(POLICY, labels=labels).barred(role, barred) is None


@pytest.mark.parametrize(
    "label",
    [
        f"{LABEL_SYSTEM}|unclassified",
        f"{LABEL_SYSTEM}|abuse",
        f"{RELATED_LABEL_SYSTEM}|abuse",
        f"{LABEL_SYSTEM}|online-review",
        f"{SENSITIVITY}|NOPAT",
    ],
)
def test_what_waits_for_a_review_is_kept_from_who_reads_online(label: str) -> None:
    """The same entry: open to care, withheld from the citizen and from the carer."""
    [review] = [rule for rule in ENTRY_RULES if rule.name == "review"]
    kept = set()
    for kind in ActorKind:
        case = case_of(AccessRequest(Actor(kind, "i|1"), Interaction.READ), POLICY, NOW)
        if review.ask(case, entry("Condition", "problems", label)) is not None:
            kept.add(kind)
    assert kept == {ActorKind.CITIZEN, ActorKind.CARER}


def test_a_role_with_clearance_is_not_told_that_something_may_be_withheld() -> None:
    """As shipped, every role that reads is told; one that the deployment clears for R is not."""
    assert all(POLICY.is_below_restricted(role) for role in POLICY.roles.values() if role.headings)
    cleared = dataclasses.replace(POLICY.roles["R8000"], clearance="R")
    assert not POLICY.is_below_restricted(cleared)


REQUESTS = st.builds(
    AccessRequest,
    st.builds(
        Actor,
        st.sampled_from(ActorKind),
        st.just("issuer|somebody"),
        role=st.none() | st.sampled_from([*POLICY.roles, "R9999", ""]),
        organisation=st.none() | st.sampled_from([HERE, ELSEWHERE]),
        scopes=st.frozensets(
            st.sampled_from(["user/*.rs", "user/Condition.r", "patient/*.read", "openid", "x"])
        ),
    ),
    st.sampled_from(Interaction),
    st.frozensets(st.sampled_from([HERE, ELSEWHERE])),
    st.frozensets(st.sampled_from([HERE, ELSEWHERE])),
    st.sampled_from(["TREAT", "HRESCH", ""]),
    organisations=st.just(TYPES),
)
SOME_ENTRIES = st.builds(
    entry, st.sampled_from(["Condition", "Observation", "Patient"]), st.sampled_from(list(HEADINGS))
)


@given(REQUESTS, SOME_ENTRIES, st.sampled_from([f"{CONFIDENTIALITY}|R", f"{SENSITIVITY}|SDV"]))
def test_a_label_never_reveals_more(asked: AccessRequest, what: Entry, label: str) -> None:
    """What is refused stays refused when an entry is marked as more confidential."""
    allowed = entry_decider(asked, POLICY, NOW)
    marked = msgspec.structs.replace(what, labels=(*what.labels, label))
    assert allowed(what).permit or not allowed(marked).permit


@given(REQUESTS, SOME_ENTRIES)
def test_the_parts_never_allow_what_the_whole_refuses(asked: AccessRequest, what: Entry) -> None:
    """An actor who may not act may not open a record, and a record that is closed has no open entry."""
    person = decide(asked, POLICY, NOW)
    assert decide_actor(asked, POLICY, NOW).permit or not person.permit
    assert person.permit or not entry_decider(asked, POLICY, NOW)(what).permit


@given(REQUESTS)
def test_fewer_scopes_and_fewer_relationships_never_reveal_more(asked: AccessRequest) -> None:
    """Taking away what supports a request never turns a refusal into a permit."""
    less = AccessRequest(asked.actor, asked.interaction, frozenset(), frozenset(), asked.purpose)
    assert not decide(less, POLICY, NOW).permit


def test_an_objection_withholds_what_that_organisation_knows_and_nothing_else() -> None:
    """The person's word stands before heading, scope and label."""
    allowed = entry_decider(request(objections=frozenset({HERE})), POLICY, NOW)
    theirs = entry("Condition", "problems")
    assert allowed(theirs).code == "objection"
    assert allowed(msgspec.structs.replace(theirs, source="Z99001")).permit


def test_an_error_in_a_decision_denies() -> None:
    """A policy that breaks a rule while it runs gives a refusal, not an exception and not a permit."""
    broken = Policy({"R8000": 3}, POLICY.purposes, "broken")  # type: ignore[dict-item]
    decision = decide(request(), broken, NOW)
    assert (decision.permit, decision.code) == (False, "decision-error")
