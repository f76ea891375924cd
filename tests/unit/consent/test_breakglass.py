"""A broken glass: whose it is, how long, and what it lifts; and what the policy cannot be made to say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import (
    LIFTS,
    BrokenGlass,
    GlassPolicy,
    is_for,
    lifted,
    load_breakglass,
)
from scr.consent.decide import AccessRequest, Interaction, decide, entry_decider
from scr.consent.policy import load_policy
from scr.data import DataFiles, packaged_root
from scr.errors import Invalid
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.terminology.systems import V3_CONFIDENTIALITY

T0 = 1_772_020_800_000
HERE, THERE, SOURCE = OdsCode("ZZH01"), OdsCode("ZZH02"), OdsCode("ZZG01")
POLICY = load_policy(DataFiles())
DOCTOR = Actor(
    ActorKind.PROFESSIONAL, "issuer|1", role="R8000", organisation=HERE, scopes=frozenset({"user/*.rs"})
)
GLASS = BrokenGlass("g", "person", DOCTOR.subject, "R8000", HERE, T0, T0 + 1000)
TYPES = {"ZZH01": "acute-trust", "ZZH02": "acute-trust", "ZZG01": "gp-practice"}
ACTIVITIES = POLICY.roles["R8000"].activities

GLASSES = st.builds(
    BrokenGlass,
    id=st.just("g"),
    person=st.just("person"),
    subject=st.sampled_from([DOCTOR.subject, "issuer|2", ""]),
    role=st.sampled_from(["R8000", "R8001", ""]),
    organisation=st.sampled_from([HERE, THERE]),
    since=st.sampled_from([T0 - 5, T0, T0 + 40_000]),
    until=st.sampled_from([T0 - 1, T0, T0 + 1, T0 + 1000]),
    withdrawn=st.sampled_from([None, T0 - 1, T0 + 500]),
    purpose=st.sampled_from(["BTG", "TREAT", ""]),
)
ACTORS = st.builds(
    Actor,
    kind=st.sampled_from(list(ActorKind)),
    subject=st.sampled_from([DOCTOR.subject, "issuer|2", ""]),
    role=st.sampled_from(["R8000", "R8001", None]),
    organisation=st.sampled_from([HERE, THERE, None]),
)


@given(glass=GLASSES, actor=ACTORS)
def test_a_glass_is_one_user_s_in_one_role_at_one_place_for_its_time(
    glass: BrokenGlass, actor: Actor
) -> None:
    """Anything that differs, and it lifts nothing."""
    whole = (
        actor.kind is ActorKind.PROFESSIONAL
        and glass.subject != ""
        and (glass.subject, glass.role, glass.organisation) == (actor.subject, actor.role, actor.organisation)
        and glass.since <= T0
        and glass.until > T0
        and glass.withdrawn is None
        and glass.purpose == "BTG"
    )
    assert is_for(glass, actor, utc(T0)) is whole
    found = lifted(glass, actor, ACTIVITIES, POLICY.glass, utc(T0))
    assert bool(found) is whole
    assert found <= LIFTS


def test_what_it_lifts_is_the_policy_s() -> None:
    """By the activities of the role, added up; none, nothing; no glass, nothing."""
    at = utc(T0)
    assert lifted(GLASS, DOCTOR, frozenset({"B0168"}), POLICY.glass, at) == {"relationship", "label"}
    assert lifted(GLASS, DOCTOR, frozenset({"B0168", "B0082"}), POLICY.glass, at) == LIFTS
    assert lifted(GLASS, DOCTOR, frozenset({"B0360"}), POLICY.glass, at) == frozenset()
    assert lifted(GLASS, DOCTOR, ACTIVITIES, GlassPolicy(), at) == frozenset()
    assert lifted(None, DOCTOR, ACTIVITIES, POLICY.glass, at) == frozenset()


ENTRIES = st.builds(
    Entry,
    type=st.just("Condition"),
    id=st.just("c"),
    source=st.sampled_from([SOURCE.value, THERE.value]),
    heading=st.sampled_from(sorted(HEADINGS)),
    body=st.just(b""),
    labels=st.lists(
        st.sampled_from(
            [
                *(f"{V3_CONFIDENTIALITY}|{code}" for code in "UNRVX"),
                "https://fhir.shared-care-record.example/CodeSystem/label|hfe-act",
            ]
        ),
        unique=True,
    ).map(tuple),
)


@given(
    entry=ENTRIES,
    objects=st.booleans(),
    scopes=st.sampled_from([{"user/*.rs"}, {"user/Observation.rs"}, set()]),
    role=st.sampled_from(["R8000", "R8014", "R8009"]),
    related=st.booleans(),
)
def test_a_glass_never_opens_what_no_glass_lifts(
    entry: Entry, objects: bool, scopes: set[str], role: str, related: bool
) -> None:
    """Beside what is open without it: for want of a relationship, or marked R, and nothing else at all."""
    actor = replace(DOCTOR, role=role, scopes=frozenset(scopes))
    glass = replace(GLASS, role=role)
    plain = AccessRequest(
        actor,
        Interaction.READ,
        frozenset({HERE}) if related else frozenset(),
        frozenset({SOURCE}) if objects else frozenset(),
        organisations=TYPES,
    )
    broken = replace(plain, glass=glass)
    before = entry_decider(plain, POLICY, utc(T0))(entry)
    after = entry_decider(broken, POLICY, utc(T0))(entry)
    assert after.permit or not before.permit
    if after.permit and not before.permit:
        assert before.code in {"no-relationship", "label"}
        assert "B0168" in POLICY.roles[role].activities
        assert not (objects and entry.source == SOURCE.value)
        assert not any(label.endswith(("|V", "|X", "|hfe-act")) for label in entry.labels)
    later = entry_decider(broken, POLICY, utc(glass.until))(entry)
    assert later.permit == before.permit
    assert decide(plain, POLICY, utc(T0)).permit <= decide(broken, POLICY, utc(T0)).permit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lifts: [relationship, label]", "lifts: [legal-bar]", "Input should be 'relationship', 'label'"),
        ("lifts: [relationship, label]", "lifts: [dissent]", "Input should be 'relationship', 'label'"),
        ("lifts: [relationship, label]", "lifts: []", "at least 1 item"),
        ("hours: 4", "hours: 20", "more than most_hours"),
        ("most_hours: 12", "most_hours: 100", "less than or equal to 72"),
        ("most_at_once: 5", "most_at_once: 0", "greater than or equal to 1"),
        ("activities:", "activity:", "did you mean 'activities'?"),
    ],
)
def test_a_mistake_names_its_line_and_a_law_cannot_be_lifted(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """What must never be lifted cannot be written; a policy that cannot be meant is not loaded."""
    text = (packaged_root() / "consent" / "breakglass.yaml").read_text("utf-8")
    start = text.index("\nhours:")
    assert old in text[start:]
    folder = tmp_path / "consent"
    folder.mkdir()
    changed = text[:start] + text[start:].replace(old, new, 1)
    (folder / "breakglass.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(Invalid, match=r"breakglass\.yaml, line \d+: ") as refused:
        load_breakglass(DataFiles(tmp_path))
    assert message in str(refused.value)
