"""A Consent read as rules: what each element comes to, and what is refused by its place."""

from __future__ import annotations

import pytest
from tests.support import consents as c

from scr.consent.consents import rules_of
from scr.consent.sharing import Asker
from scr.errors import Unprocessable
from scr.fhir.canonical import LABEL_SYSTEM, RELATED_LABEL_SYSTEM
from scr.fhir.dates import interval
from scr.fhir.privacy_consent import ALWAYS

SUBJECT = {"system": "https://issuer.example", "value": "abc"}
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def test_an_exception_holds_within_its_base() -> None:
    """It takes over what narrows the base, its period too; a deny knows what is permitted of it."""
    base: c.Tree = {
        "type": "deny",
        "actor": [c.source("zzh01")],
        "period": {"start": "2026-01-01"},
        "provision": [
            {"type": "permit", "class": [c.kind("Condition")], "period": {"end": "2026-03-31"}},
            {"type": "deny", "class": [c.heading("problems")]},
        ],
    }
    first, permit, deny = rules_of({**c.consent(base), "id": "c1", "meta": {"versionId": "4"}})
    assert (first.sources, first.unless, first.kind) == (("ZZH01",), (permit,), "source")
    assert (permit.deny, permit.sources, permit.types) == (False, ("ZZH01",), ("Condition",))
    started, ended = interval("2026-01-01"), interval("2026-03-31")
    assert started is not None
    assert ended is not None
    assert (permit.starts, permit.ends) == (started[0], ended[1])
    assert (deny.deny, deny.headings, deny.unless) == (True, ("problems",), ())
    assert {(rule.consent, rule.version) for rule in (first, permit, deny)} == {("c1", "4")}


@pytest.mark.parametrize(
    ("actor", "asker"),
    [
        (c.asker("ZZG01"), Asker("organisation", "ZZG01")),
        (c.role("R8000"), Asker("role", "R8000")),
        (c.professional("U1"), Asker("professional", "U1")),
        (c.carer("999 000 0018"), Asker("person", "9990000018")),
        (
            c.party("PRCP", {"type": "RelatedPerson", "identifier": SUBJECT}),
            Asker("person", "https://issuer.example|abc"),
        ),
    ],
)
def test_whom_an_actor_stands_for(actor: c.Tree, asker: Asker) -> None:
    """By its type and the system of its identifier."""
    [rule] = rules_of(c.consent({"type": "deny", "actor": [actor]}))
    assert rule.askers == (asker,)


def test_who_objects_to_restricted_objects_to_very_restricted() -> None:
    """What is above a confidentiality is withheld with it; a sensitivity is itself."""
    labels = [{"system": LEVEL, "code": "R"}, {"system": SENSITIVITY, "code": "PSY"}]
    [rule] = rules_of(c.consent({"type": "deny", "securityLabel": labels}))
    assert set(rule.labels) == {f"{LEVEL}|R", f"{LEVEL}|V", f"{SENSITIVITY}|PSY"}


def test_a_label_of_the_policy_is_meant_with_what_has_it_of_others() -> None:
    """And who objects to very restricted objects to that alone."""
    labels = [{"system": LABEL_SYSTEM, "code": "hiv"}, {"system": LEVEL, "code": "V"}]
    [rule] = rules_of(c.consent({"type": "deny", "securityLabel": labels}))
    assert rule.labels == (f"{LABEL_SYSTEM}|hiv", f"{RELATED_LABEL_SYSTEM}|hiv", f"{LEVEL}|V")


def test_an_exception_may_be_narrower_by_its_time_alone() -> None:
    """It holds until the earlier of two ends; the Consent of nobody who is active holds nothing."""
    nested = {"type": "permit", "period": {"end": "2026-03-31"}}
    base: c.Tree = {"type": "deny", "period": {"end": "2026-12-31"}, "provision": [nested]}
    [first, permit] = rules_of(c.consent(base))
    ended = interval("2026-03-31")
    assert ended is not None
    assert (permit.starts, permit.ends, first.unless) == (ALWAYS[0], ended[1], (permit,))
    assert rules_of(c.consent(base, status="inactive")) == ()
    [first, permit] = rules_of(
        c.consent({**base, "type": "permit", "provision": [{**nested, "type": "deny"}]})
    )
    assert (first.deny, first.unless, permit.deny) == (False, (), True)


def test_an_exception_may_be_narrower_by_its_purpose_or_asker_alone() -> None:
    """The classes of its base are its own."""
    base: c.Tree = {"type": "deny", "class": [c.kind("Condition"), c.heading("results")]}
    nested: list[c.Tree] = [
        {"type": "permit", "purpose": [{"system": REASONS, "code": "ETREAT"}]},
        {"type": "permit", "actor": [c.asker("ZZG01")]},
    ]
    _, purpose, asker = rules_of(c.consent({**base, "provision": nested}))
    assert (purpose.purposes, purpose.askers) == (("ETREAT",), ())
    assert (asker.purposes, asker.askers) == ((), (Asker("organisation", "ZZG01"),))
    for rule in (purpose, asker):
        assert (rule.types, rule.headings) == (("Condition",), ("results",))


def test_whoever_wrote_it_is_let_see_what_a_deny_keeps_and_is_named_nowhere_else() -> None:
    """What is so denied is sealed; as an asker of a base, a deny or a permitting Consent it is refused."""
    wrote: c.Tree = {"type": "permit", "actor": [c.author()]}
    [base, _] = rules_of(c.consent({"type": "deny", "class": [c.heading("results")], "provision": [wrote]}))
    assert base.sealed
    misspelt = c.author()
    misspelt["reference"]["identifier"]["value"] = "writer"
    for provision, where in (
        (wrote, "Consent.provision.actor"),
        ({**wrote, "type": "deny"}, "Consent.provision.actor"),
        ({"type": "deny", "provision": [{**wrote, "type": "deny"}]}, "Consent.provision.provision[0].actor"),
        ({"type": "permit", "provision": [wrote]}, "Consent.provision.provision[0].actor"),
        (
            {"type": "deny", "provision": [{**wrote, "actor": [misspelt]}]},
            "Consent.provision.provision[0].actor[0].reference",
        ),
    ):
        with pytest.raises(Unprocessable) as refused:
            rules_of(c.consent(provision))
        assert refused.value.where == where


def test_an_end_in_the_year_9999_is_none() -> None:
    """Many systems write an open period so."""
    [rule] = rules_of(c.consent({"type": "deny", "period": {"start": "2026-01-01", "end": "9999-12-31"}}))
    assert rule.ends == ALWAYS[1]


def test_a_rule_beside_the_provisions_may_say_the_same() -> None:
    """OPTOUT beside a deny."""
    said = c.coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT")
    assert rules_of(c.consent({"type": "deny"}, policyRule=said))


BAD: dict[str, tuple[c.Tree, str]] = {
    "a device": (
        {"actor": [c.party("IRCP", {"type": "Device", "identifier": SUBJECT})]},
        "Consent.provision.actor[0].reference",
    ),
    "a source that is a person": (
        {"actor": [c.party("CST", {"type": "RelatedPerson", "identifier": SUBJECT})]},
        "Consent.provision.actor[0].reference",
    ),
    "a number that is none": (
        {"actor": [c.carer("9990000019")]},
        "Consent.provision.actor[0].reference.identifier.value",
    ),
    "an organisation that is no ODS code": (
        {"actor": [c.asker("?")]},
        "Consent.provision.actor[0].reference.identifier.value",
    ),
    "a source that is no ODS code": (
        {"actor": [c.asker("ZZG01"), c.source("?")]},
        "Consent.provision.actor[1].reference.identifier.value",
    ),
    "a source by another number": (
        {"actor": [c.party("CST", {"type": "Organization", "identifier": SUBJECT})]},
        "Consent.provision.actor[0].reference",
    ),
    "a source that is a role, by an ODS code": (
        {"actor": [c.party("CST", {**c.organisation("ZZG01"), "type": "PractitionerRole"})]},
        "Consent.provision.actor[0].reference",
    ),
    "a role by another number": (
        {"actor": [c.party("IRCP", {"type": "PractitionerRole", "identifier": SUBJECT})]},
        "Consent.provision.actor[0].reference",
    ),
    "a professional by another number": (
        {"actor": [c.party("IRCP", {"type": "Practitioner", "identifier": SUBJECT})]},
        "Consent.provision.actor[0].reference",
    ),
    "a heading that nobody knows": (
        {"class": [c.kind("Condition"), c.heading("nonsense")]},
        "Consent.provision.class[1]",
    ),
    "a type that is not served": ({"class": [c.kind("Nonsense")]}, "Consent.provision.class[0]"),
    "a heading of another list": (
        {"class": [{"system": "urn:x", "code": "problems"}]},
        "Consent.provision.class[0]",
    ),
    "a type of another list": (
        {"class": [{"system": "urn:x", "code": "Condition"}]},
        "Consent.provision.class[0]",
    ),
    "a confidentiality that is none to withhold": (
        {"securityLabel": [{"system": SENSITIVITY, "code": "PSY"}, {"system": LEVEL, "code": "N"}]},
        "Consent.provision.securityLabel[1]",
    ),
    "a label of another list": (
        {"securityLabel": [{"system": "urn:x", "code": "R"}]},
        "Consent.provision.securityLabel[0]",
    ),
    "a label that is permitted": (
        {"provision": [{"type": "permit", "securityLabel": [{"system": SENSITIVITY, "code": "PSY"}]}]},
        "Consent.provision.provision[0].securityLabel",
    ),
    "an exception that says nothing of its own": (
        {"provision": [{"type": "permit"}]},
        "Consent.provision.provision[0]",
    ),
    "an exception that begins when its base ends": (
        {
            "period": {"end": "2026-01-01"},
            "provision": [{"type": "permit", "period": {"start": "2026-01-02"}}],
        },
        "Consent.provision.provision[0].period",
    ),
    "two purposes, in base and exception": (
        {
            "purpose": [{"system": REASONS, "code": "TREAT"}],
            "provision": [{"type": "permit", "purpose": [{"system": REASONS, "code": "ETREAT"}]}],
        },
        "Consent.provision.provision[0].purpose",
    ),
    "two sources, in base and exception": (
        {"actor": [c.source("ZZG01")], "provision": [{"type": "permit", "actor": [c.source("ZZH01")]}]},
        "Consent.provision.provision[0].actor",
    ),
    "an identifier without a system": (
        {"actor": [c.party("IRCP", {"type": "Organization", "identifier": {"value": "ZZG01"}})]},
        "Consent.provision.actor[0].reference",
    ),
    "a label without a code": (
        {"securityLabel": [{"system": LEVEL}]},
        "Consent.provision.securityLabel[0]",
    ),
    "a thing elsewhere": (
        {"data": [c.thing("https://elsewhere.example/Condition/1")]},
        "Consent.provision.data[0].reference",
    ),
    "a thing in a version": (
        {"data": [c.thing("Condition/1/_history/2")]},
        "Consent.provision.data[0].reference",
    ),
    "a moment that is past all counting": (
        {"period": {"start": "9999-12-31"}},
        "Consent.provision.period.start",
    ),
    "a type in the base, and a heading in the exception": (
        {
            "class": [c.kind("Condition")],
            "provision": [{"type": "permit", "class": [c.heading("problems")], "actor": [c.asker("ZZG01")]}],
        },
        "Consent.provision.provision[0].class",
    ),
    "two askers, in base and exception": (
        {"actor": [c.asker("ZZG01")], "provision": [{"type": "permit", "actor": [c.role("R8000")]}]},
        "Consent.provision.provision[0].actor",
    ),
    "two types, in base and exception": (
        {"class": [c.kind("Condition")], "provision": [{"type": "permit", "class": [c.kind("Binary")]}]},
        "Consent.provision.provision[0].class",
    ),
    "an exception outside of its base's time": (
        {
            "period": {"end": "2026-01-01"},
            "provision": [{"type": "permit", "period": {"start": "2026-02-01"}, "actor": [c.asker("ZZG01")]}],
        },
        "Consent.provision.provision[0].period",
    ),
    "a modifier of an actor": (
        {"actor": [{**c.asker("ZZG01"), "modifierExtension": [{"url": "urn:x", "valueCode": "not"}]}]},
        "Consent.provision.actor[0].modifierExtension",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("status", ["active", "inactive"])
def test_what_cannot_be_read_is_refused_by_its_place(name: str, status: str) -> None:
    """Active or not: with the element, and nothing of its value."""
    narrowed, place = BAD[name]
    with pytest.raises(Unprocessable) as refused:
        rules_of(c.consent({"type": "deny", **narrowed}, status=status))
    assert refused.value.where == place
    assert refused.value.code in {"unreadable-consent", "invalid-fhir"}
