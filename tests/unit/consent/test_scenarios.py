"""A scenario read: each thing that can be written in one comes to the fact that it stands for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.policy import load_policy
from scr.consent.proxies import Delegation, Online
from scr.consent.request import STAFF, AccessRequest, Interaction
from scr.consent.scenarios import Told, load_scenarios
from scr.consent.sharing import Asker, SharingRule
from scr.consent.ties import Tie
from scr.data import DataFiles
from scr.errors import Invalid
from scr.fhir.canonical import LABEL_SYSTEM
from scr.fhir.dates import interval, utc
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Standing
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

HEAD = 'now: "2026-06-01T12:00:00Z"\norganisations: {ZZG01: gp}\nscenarios:\n'
PLAIN = "  - {name: One, who: {role: R8000, at: ZZG01}, person: {cared_for_by: [ZZG01]}, answer: permitted}\n"
EVERYTHING = """\
  - name: Everything
    who: {role: R8000, at: zzg01, scopes: user/*.rs openid, assurance: "3"}
    action: s
    purpose: ETREAT
    now: "2026-05-01"
    person:
      cared_for_by: [ZZH01]
      objects_to: [ZZM01]
      ties:
        - {of: ZZH01, kind: care, since: "2026-01-01", seen: "2026-02-01", until: "2026-03-01"}
        - {of: ZZH01, kind: self-claimed, since: "2026-01-01"}
      wishes:
        - to: [zzc01, "i|9"]
          sources: [ZZM01]
          headings: [problems]
          labels: [R, HIV, hiv]
          entries: [Condition/1]
        - {deny: false, until: "2027-01-01"}
      restricted: true
      deceased: formal
      verification: "01"
      invalidated: true
      glass: 2026-05-01T00:00:00Z/2026-05-02T00:00:00Z
      launched_for: this person
    entry: {type: Condition, heading: problems, source: ZZM01, labels: [V, PSY, hiv], id: e9}
    answer: number-invalidated
"""
CITIZEN = """\
  - name: A carer
    who: {kind: carer, scopes: patient/*.rs}
    person:
      online:
        own: true
        born: "2012"
        capacity: absent
        delegation: {basis: consent, since: "2026-01-01", until: "2027-01-01", reviewed: "2026-02-01", used: "2026-03-01", suspended: why}
    answer: x
  - name: Another
    who: {kind: carer}
    person: {online: {delegation: {basis: consent, since: "2026-01-01"}}}
    entry: {type: Condition, heading: problems, source: ZZM01}
    answer: x
  - name: A citizen
    who: {kind: citizen}
    person: {online: {}}
    answer: x
"""  # noqa: E501 - a file


def at(text: str) -> int:
    """When a FHIR date begins, in ms."""
    found = interval(text)
    assert found is not None
    return found[0]


def read(home: Path, text: str) -> tuple[Told, ...]:
    """A deployment's own scenarios."""
    folder = home / "consent" / "scenarios"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decisions.yaml").write_text(HEAD + text, encoding="utf-8")
    return load_scenarios(DataFiles(home))


def test_every_fact_that_can_be_written(tmp_path: Path) -> None:
    """Of staff: the request, the entry and the moment, to the last field."""
    [told] = read(tmp_path, EVERYTHING)
    here, there, actor = OdsCode("ZZG01"), OdsCode("ZZH01"), "issuer|user"
    since, until = at("2026-05-01T00:00:00Z"), at("2026-05-02T00:00:00Z")
    assert told.request == AccessRequest(
        Actor(
            ActorKind.PROFESSIONAL,
            actor,
            role="R8000",
            organisation=here,
            scopes=frozenset({"user/*.rs", "openid"}),
            assurance="3",
            launch="this person",
        ),
        Interaction.SEARCH,
        frozenset({there}),
        frozenset({OdsCode("ZZM01")}),
        "ETREAT",
        Standing("01", True, "formal", invalidated=1),
        (
            SharingRule(
                True, "scenario", askers=(Asker("organisation", "ZZC01"), Asker("person", "i|9")),
                sources=("ZZM01",), headings=("problems",),
                labels=(f"{V3_CONFIDENTIALITY}|R", f"{V3_ACT_CODE}|HIV", f"{LABEL_SYSTEM}|hiv"),
                things=("Condition/1",),
            ),
            SharingRule(False, "scenario", ends=at("2027-01-01")),
        ),
        (
            Tie(there, "care", at("2026-01-01"), there, at("2026-02-01"), at("2026-03-01")),
            Tie(there, "self-claimed", at("2026-01-01"), there, at("2026-01-01"), None, actor, "R8000"),
        ),
        BrokenGlass("g1", "person", actor, "R8000", here, since, until),
        {"ZZG01": "gp"},
        None,
        STAFF,
        frozenset({"this person"}),
    )  # fmt: skip
    labels = (f"{V3_CONFIDENTIALITY}|V", f"{V3_ACT_CODE}|PSY", f"{LABEL_SYSTEM}|hiv")
    assert told.entry == Entry("Condition", "e9", "ZZM01", "problems", b"{}", labels=labels)
    assert told.now == utc(at("2026-05-01"))
    assert told.where.endswith("decisions.yaml, line 4")


def test_who_asks_online(tmp_path: Path) -> None:
    """The face is for them; what is left out is not known."""
    full, plain, citizen = read(tmp_path, CITIZEN)
    since, reviewed, used = (at(f"2026-0{number}-01") for number in (1, 2, 3))
    delegation = Delegation(
        "consent", since, until=at("2027-01-01"), reviewed=reviewed, used=used, suspended="why"
    )
    assert full.request.online == Online(True, "2012", "absent", delegation)
    assert full.request.serves == {ActorKind.CARER}
    assert plain.request.online == Online(delegation=Delegation("consent", since))
    assert plain.entry == Entry("Condition", "e1", "ZZM01", "problems", b"{}")
    assert (citizen.request.online, citizen.entry) == (Online(), None)
    asked = citizen.request
    assert (asked.purpose, asked.interaction, asked.standing, asked.rules, asked.ties, asked.glass) == (
        "TREAT", Interaction.READ, Standing(), (), (), None
    )  # fmt: skip
    assert asked.actor == Actor(ActorKind.CITIZEN, "issuer|user", scopes=frozenset({"user/*.rs"}))
    assert citizen.now == utc(at("2026-06-01T12:00:00Z"))


def test_a_scenario_that_comes_to_something_else_says_what(tmp_path: Path) -> None:
    """The other answer, or the obligations that are missing; nothing where it is right."""
    policy = load_policy(DataFiles())
    [told] = read(tmp_path, PLAIN)
    assert told.mistake(policy) == ""
    entry = Entry("Condition", "e1", "ZZG01", "problems", b"{}", labels=(f"{V3_CONFIDENTIALITY}|V",))
    assert replace(told, entry=entry).mistake(policy) == "the answer is label, and not permitted".replace(
        "label", replace(told, entry=entry).decision(policy).code
    )
    assert replace(told, entry=entry).decision(policy).permit is False
    [told] = read(tmp_path, PLAIN.replace("permitted}", "no-role}"))
    assert told.mistake(policy) == "the answer is permitted, and not no-role"
    wants = "permitted, obligations: [tell-of-withheld, review-afterwards, hide-whereabouts]}"
    [told] = read(tmp_path, PLAIN.replace("permitted}", wants))
    assert told.mistake(policy) == "without the obligation hide-whereabouts, review-afterwards"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("at: ZZG01}", "role: R8000}", "stands twice"),
        ("cared_for_by: [ZZG01]", "cared_for_by: ['!']", "scenarios.0: "),
        ("cared_for_by: [ZZG01]", "glass: x/y", "scenarios.0: 'x' is not a FHIR date"),
        (
            ", at: ZZG01}, person: {",
            "}, person: {glass: 2026-05-01/2026-05-02, ",
            "scenarios.0: a glass is broken in a role and at",
        ),
        (
            "role: R8000, at: ZZG01}, person: {",
            "at: ZZG01}, person: {glass: 2026-05-01/2026-05-02, ",
            "scenarios.0: a glass is broken in a role and at",
        ),
    ],
)
def test_a_fact_that_cannot_be_meant_is_refused(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    """With its place in the file."""
    assert right in PLAIN
    with pytest.raises(Invalid) as refused:
        read(tmp_path, PLAIN.replace(right, wrong))
    assert told in str(refused.value)
    assert "line 4" in str(refused.value)
    assert refused.value.code == ("bad-scenario" if "scenarios.0" in told else "bad-configuration")


def test_a_deployment_s_own_stand_beside_the_packaged_ones(tmp_path: Path) -> None:
    """In files of their own names."""
    folder = tmp_path / "consent" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "decisions-ours.yaml").write_text(HEAD + PLAIN, encoding="utf-8")
    assert len(load_scenarios(DataFiles(tmp_path))) == len(load_scenarios(DataFiles())) + 1
