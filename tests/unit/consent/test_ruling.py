"""What a request comes to as a whole, entry by entry and in one go: all three say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import Actor, ActorKind, Through
from scr.consent.breakglass import BrokenGlass
from scr.consent.decide import Ruling, choices_told, decide, entry_decider, opened_headings
from scr.consent.explain import Answer, explain
from scr.consent.policy import Policy, Role, load_policy
from scr.consent.proxies import Online
from scr.consent.request import STAFF, AccessRequest, Interaction, Obligation
from scr.consent.scopes import by_search, held_by, narrowed
from scr.consent.sharing import SharingRule
from scr.data import DataFiles
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.standing import Standing
from scr.terminology.systems import V3_CONFIDENTIALITY

SHIPPED = load_policy(DataFiles())
CLINICAL = SHIPPED.roles["R8000"]
OVERRIDE, SEES_WHERE = "R1", "R2"
MADE = {
    OVERRIDE: replace(CLINICAL, activities=CLINICAL.activities | {"B0082"}),
    SEES_WHERE: replace(CLINICAL, activities=frozenset({"B1611"}), clearance="R"),
}
POLICY = replace(SHIPPED, roles={**SHIPPED.roles, **MADE})
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = milliseconds(NOW)
HERE = OdsCode("ZZH01")
ACTOR = Actor(ActorKind.PROFESSIONAL, "i|1", role="R8000", organisation=HERE, scopes=frozenset({"user/*.rs"}))
REQUEST = AccessRequest(
    ACTOR, Interaction.READ, frozenset({HERE}), organisations={"ZZH01": "hospital", "ZZG01": "gp"}
)


def glass(role: str) -> BrokenGlass:
    """One that is open for the actor in a role."""
    return BrokenGlass("g", "p", ACTOR.subject, role, HERE, AT - 1, AT + 1)


def citizen(**changes: object) -> AccessRequest:
    """Somebody who asks for their own record."""
    actor = Actor(ActorKind.CITIZEN, "i|2", scopes=frozenset({"patient/*.rs"}), assurance="P9")
    asked = AccessRequest(
        actor, Interaction.READ, purpose="PATRQT", online=Online(own=True, born="1980-01-01"),
        serves=frozenset({ActorKind.CITIZEN}),
    )  # fmt: skip
    return replace(asked, **changes)  # type: ignore[arg-type]


ENTRIES = st.lists(
    st.builds(
        Entry,
        type=st.sampled_from(["Condition", "Observation"]),
        id=st.sampled_from(["1", "2", "3"]),
        source=st.sampled_from(["ZZG01", "ZZH01"]),
        heading=st.sampled_from(["problems", "results"]),
        body=st.just(b"{}"),
        labels=st.sampled_from([(), (f"{V3_CONFIDENTIALITY}|R",)]),
    ),
    max_size=8,
)
THING = SharingRule(deny=True, things=("Condition/1",))
ASKED = [
    REQUEST,
    replace(REQUEST, rules=(THING,)),
    replace(REQUEST, rules=(SharingRule(deny=True, sources=("ZZG01",)),)),
    replace(
        REQUEST, actor=replace(ACTOR, scopes=frozenset({"user/Condition.rs?_id=1", "user/Observation.r"}))
    ),
    replace(
        REQUEST,
        actor=replace(ACTOR, scopes=frozenset({"user/Condition.rs?_id=1,2"})),
        rules=(THING, SharingRule(deny=True, headings=("results",))),
    ),
    replace(REQUEST, relationships=frozenset()),
    replace(REQUEST, glass=glass("R8000"), rules=(THING,)),
    replace(REQUEST, actor=replace(ACTOR, role=OVERRIDE), glass=glass(OVERRIDE), rules=(THING,)),
]


@given(asked=st.sampled_from(ASKED), entries=ENTRIES)
def test_many_entries_are_decided_as_each_would_be_alone(asked: AccessRequest, entries: list[Entry]) -> None:
    """Whatever was decided before and is remembered; the same ones once more, in their order."""
    ruling = Ruling(asked, POLICY, NOW)
    alone = [entry for entry in entries if entry_decider(asked, POLICY, NOW)(entry).permit]
    for _ in range(2):
        assert ruling.permitted(entries) == alone
        assert [entry for entry in entries if ruling.permits(entry)] == alone
        for entry in entries:
            assert ruling(entry) == entry_decider(asked, POLICY, NOW)(entry)


def test_a_glass_names_all_that_it_lifted_of_one_entry() -> None:
    """The person's own choice and the mark, in the order of the rules, however the choice names the entry."""
    plain = Entry("Condition", "1", "ZZG01", "problems", b"{}")
    marked = Entry("Condition", "1", "ZZG01", "problems", b"{}", labels=(f"{V3_CONFIDENTIALITY}|R",))
    asked = replace(REQUEST, actor=replace(ACTOR, role=OVERRIDE), glass=glass(OVERRIDE))
    for rule in (THING, SharingRule(deny=True, headings=("problems",))):
        ruling = Ruling(replace(asked, rules=(rule,)), POLICY, NOW)
        told = {entry.labels: [one.code for one in ruling(entry).reasons] for entry in (marked, plain)}
        assert told == {marked.labels: ["break-glass", "consent", "label"], (): ["break-glass", "consent"]}


class _Unreadable(tuple[str, ...]):
    __slots__ = ()

    def __hash__(self) -> int:
        raise TypeError("unreadable")


def test_what_fails_denies_and_says_so() -> None:
    """A policy, or an entry, that a rule fails on: no permit, no obligation, and the rule is ``error``."""
    strange = Entry("Condition", "1", "ZZG01", "problems", b"{}", labels=_Unreadable(("R",)))
    broken = Policy({"R8000": 3}, POLICY.purposes, "broken")  # type: ignore[dict-item]
    for found in (entry_decider(REQUEST, POLICY, NOW)(strange), decide(REQUEST, broken, NOW)):
        assert (found.permit, found.code, found.rule) == (False, "decision-error", "error")
        assert found.obligations == frozenset()
    assert choices_told(REQUEST, broken, NOW) == frozenset()
    told = {one.rule: one for one in explain(REQUEST, POLICY, NOW, strange).said if one.part == "entry"}
    assert {
        name for name, one in told.items() if one.reason is not None and one.reason.code == "decision-error"
    }
    assert told["scope"].answer is Answer.PASSES


def test_the_kinds_of_choices_are_told_to_staff_whom_they_bind_and_to_nobody_else() -> None:
    """Not to who asks online, and not where a glass lifts them; whatever the record has."""
    rules = (THING, SharingRule(deny=True, labels=("x",)), SharingRule(deny=False, sources=("ZZG01",)))
    asked = replace(REQUEST, rules=rules)
    assert choices_told(asked, POLICY, NOW) == {"entry", "label"}
    assert choices_told(REQUEST, POLICY, NOW) == frozenset()
    elsewhere = replace(asked, glass=glass("R8000"))
    assert choices_told(elsewhere, POLICY, NOW) == {"entry", "label"}
    lifted = replace(asked, actor=replace(ACTOR, role=OVERRIDE), glass=glass(OVERRIDE))
    assert choices_told(lifted, POLICY, NOW) == frozenset()
    carer = replace(citizen(rules=rules), actor=replace(citizen().actor, kind=ActorKind.CARER))
    assert choices_told(carer, POLICY, NOW) == frozenset()


def test_what_is_open_by_source_with_a_glass_and_online() -> None:
    """A glass that lifts objections opens what they closed; to who asks online no agreement speaks."""
    rules = (SharingRule(deny=True, sources=("ZZG01",)), SharingRule(deny=True, headings=("results",)))
    said = replace(REQUEST, actor=replace(ACTOR, role=OVERRIDE), rules=rules)
    free = opened_headings(replace(said, rules=()), POLICY, NOW, ["ZZG01", "ZZH01"])
    lifted = opened_headings(replace(said, glass=glass(OVERRIDE)), POLICY, NOW, ["ZZG01", "ZZH01"])
    assert lifted == free
    assert free["ZZG01"] - {"results"}
    assert opened_headings(said, POLICY, NOW, ["ZZG01"]) == {"ZZG01": frozenset()}
    assert opened_headings(citizen(), POLICY, NOW, ["ZZG01"]) == {"ZZG01": frozenset(HEADINGS)}


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("role", ["R8000", SEES_WHERE])
@pytest.mark.parametrize("broken", [False, True])
def test_a_permit_has_these_obligations_and_no_others(restricted: bool, role: str, broken: bool) -> None:
    """Whereabouts are hidden where they are restricted, from who may not learn them; a glass is reviewed."""
    asked = replace(
        REQUEST,
        actor=replace(ACTOR, role=role),
        standing=Standing("01", restricted),
        glass=glass(role) if broken else None,
    )
    found = decide(asked, POLICY, NOW)
    assert found.permit
    has = POLICY.roles[role]
    assert found.obligations == {
        *([Obligation.HIDE_WHEREABOUTS] if restricted and "B1611" not in has.activities else []),
        *([Obligation.TELL_OF_WITHHELD] if has.clearance in "ULMN" else []),
        *([Obligation.REVIEW_AFTERWARDS] if broken and has.activities & {"B0168", "B0082"} else []),
    }


def test_a_role_that_may_read_and_opens_no_heading_views_nothing() -> None:
    """Interactions without headings are no activity that views records."""
    empty = replace(POLICY, roles={"R8000": Role("R8000", "", frozenset(), frozenset("rs"), "N")})
    assert decide(REQUEST, empty, NOW).rule == "activity"


def test_who_is_refused_is_told_for_whom_the_face_is() -> None:
    """For professionals alone, or for others: whoever it is."""
    system = replace(ACTOR, kind=ActorKind.SYSTEM)
    told = [
        decide(replace(REQUEST, actor=system, serves=serves), POLICY, NOW).reasons[0].sentence
        for serves in (STAFF, frozenset({ActorKind.CITIZEN}), STAFF | {ActorKind.CARER})
    ]
    assert ["professionals" in sentence for sentence in told] == [True, False, False]


def test_a_citizen_is_bound_by_the_choices_of_anybody_but_themselves() -> None:
    """Their own record's choices do not bind them; another's do, before it is told whose record it is."""
    rules = (SharingRule(deny=True),)
    assert decide(citizen(rules=rules), POLICY, NOW).permit
    for online in (Online(own=False, born="1980-01-01"), None):
        assert decide(citizen(rules=rules, online=online), POLICY, NOW).code == "consent"
        assert not decide(citizen(online=online), POLICY, NOW).permit


def test_the_purposes_that_a_purpose_is_a_kind_of_are_bound_with_it() -> None:
    """Who objects to treatment objects to it in an emergency; who objects to the latter, to that only."""
    here = replace(REQUEST, relationships=frozenset({HERE}), glass=glass("R8000"))
    for said, closed in (
        ("TREAT", {"TREAT", "ETREAT", "BTG"}),
        ("ETREAT", {"ETREAT", "BTG"}),
        ("BTG", {"BTG"}),
    ):
        rules = (SharingRule(deny=True, purposes=(said,)),)
        for purpose in ("TREAT", "ETREAT", "BTG", "CAREMGT"):
            found = decide(replace(here, rules=rules, purpose=purpose), POLICY, NOW)
            assert (found.code == "consent") is (purpose in closed), (said, purpose)


def test_the_composed_patient_is_no_organisation_s() -> None:
    """An objection to one source, or an organisation of the same type, says nothing of it."""
    entry = Entry("Patient", "p", PERSON_SOURCE, "demographics", b"{}")
    objects = replace(REQUEST, objections=frozenset({OdsCode("ZZG01")}))
    assert entry_decider(objects, POLICY, NOW)(entry).permit


def test_which_scopes_an_actor_can_hold() -> None:
    """``patient/`` gives a professional something only where the token is held to that patient."""
    every = {"user/*.rs", "patient/*.rs", "system/*.rs", "launch", "openid"}
    names = {"launch", "openid"}
    for kind, launched, held in (
        (ActorKind.PROFESSIONAL, False, {"user/*.rs"}),
        (ActorKind.PROFESSIONAL, True, {"user/*.rs", "patient/*.rs"}),
        (ActorKind.SYSTEM, False, {"system/*.rs"}),
        (ActorKind.SYSTEM, True, {"system/*.rs"}),
        (ActorKind.CITIZEN, True, {"user/*.rs", "patient/*.rs"}),
        (ActorKind.CARER, False, {"user/*.rs", "patient/*.rs"}),
    ):
        assert held_by(kind, every, launched=launched) == held | names
    assert held_by(ActorKind.PROFESSIONAL, every) == {"user/*.rs"} | names
    assert narrowed(["user/*.rs", "openid"], ["launch", "user/Condition.r"]) == {"user/Condition.r"}
    assert by_search(frozenset({"user/*.rs"}), "r") is None


def test_a_neighbour_speaks_for_the_organisation_that_nobody_here_knows() -> None:
    """Of its type as it was registered, and of such ties as the policy takes from neighbours; of no other."""
    through = Through("n", "A neighbour", HERE, "hospital", frozenset({"encounter"}))
    asked = replace(
        REQUEST,
        actor=replace(ACTOR, through=through),
        relationships=frozenset(),
        organisations={"ZZG01": "gp"},
    )
    takes = replace(POLICY, ties=replace(POLICY.ties, told_by_neighbours=frozenset({"encounter"})))
    for policy, ties, told, expected in (
        (takes, {"encounter"}, {}, "permitted"),
        (takes, {"care"}, {}, "no-relationship"),
        (
            replace(POLICY, ties=replace(POLICY.ties, told_by_neighbours=frozenset())),
            {"encounter"},
            {},
            "no-relationship",
        ),
        (takes, {"encounter"}, {"ZZH01": "a club"}, "no-agreement"),
    ):
        one = replace(
            asked,
            actor=replace(ACTOR, through=replace(through, ties=frozenset(ties))),
            organisations={**asked.organisations, **told},
        )
        assert decide(one, policy, NOW).code == expected


def test_who_writes_a_type_at_all() -> None:
    """Of the policy's roles any, and by the letter."""
    writing = replace(POLICY, roles={"R1": replace(CLINICAL, writes=frozenset({("Flag", "c")}))})
    told = [writing.writers(kind, letter) for kind, letter in (("Flag", "c"), ("Flag", "u"), ("Goal", "c"))]
    assert told == [True, False, False]
