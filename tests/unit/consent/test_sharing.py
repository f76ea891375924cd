"""Rules of sharing, one element after the other: what each is about, and where its bounds are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import structs

from scr.consent.actor import Actor, ActorKind
from scr.consent.askers import AUTHOR
from scr.consent.sharing import NOTHING_SAID, SILENT, Asker, Say, SharingRule, in_force
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = milliseconds(NOW)
HERE = OdsCode("ZZH01")
STAFF = Actor(ActorKind.PROFESSIONAL, "i|1", role="R8000", organisation=HERE, user_id="U1")
R = f"{V3_CONFIDENTIALITY}|R"


def deny(**narrowed: object) -> SharingRule:
    """A deny."""
    return SharingRule(deny=True, **narrowed)  # type: ignore[arg-type]


def permit(**narrowed: object) -> SharingRule:
    """A permit."""
    return SharingRule(deny=False, **narrowed)  # type: ignore[arg-type]


def entry(kind: str = "Condition", logical: str = "1", **more: object) -> Entry:
    """An entry of the hospital's problems."""
    return Entry(kind, logical, "ZZH01", "problems", b"{}", **more)  # type: ignore[arg-type]


NARROWED: list[tuple[dict[str, object], str, bool]] = [
    ({}, "record", True),
    ({"sources": ("ZZH01",)}, "source", True),
    ({"headings": ("problems",)}, "category", True),
    ({"types": ("Condition",)}, "category", True),
    ({"headings": ("problems",), "sources": ("ZZH01",)}, "category", True),
    ({"labels": (R,)}, "label", True),
    ({"labels": (R,), "types": ("Condition",)}, "label", True),
    ({"dated": (1, 2)}, "dated", False),
    ({"dated": (1, 2), "sources": ("ZZH01",)}, "dated", False),
    ({"things": ("Condition/1",)}, "entry", False),
    ({"things": ("Condition/1",), "labels": (R,)}, "entry", False),
]


@pytest.mark.parametrize(("narrowed", "kind", "by_key"), NARROWED, ids=[str(row[0]) for row in NARROWED])
def test_what_a_rule_is_about(narrowed: dict[str, object], kind: str, by_key: bool) -> None:
    """By the narrowest of it; a thing or a date cannot be remembered by source, type, heading and labels."""
    rule = deny(**narrowed)
    assert rule.kind == kind
    assert rule.whole is (not narrowed)
    plain = deny(labels=("x",))
    for say in (
        Say((rule,)),
        Say((plain, rule)),
        Say((), (permit(**narrowed),)),
        Say((plain,), (permit(**narrowed),)),
        Say((deny(unless=(permit(), permit(**narrowed))),)),
    ):
        assert say.by_key is by_key
    assert Say().by_key


def test_what_is_closed_as_a_whole() -> None:
    """A source, a heading or the record, where nothing else narrows it and nothing is taken out of it."""
    free = permit(types=("Condition",))
    rules = (
        deny(sources=("A", "B")),
        deny(sources=("C",), unless=(free,)),
        deny(sources=("D",), headings=("results",)),
        deny(headings=("problems", "allergies")),
        deny(headings=("letters",), types=("Composition",)),
        deny(headings=("findings",), unless=(free,)),
        deny(headings=("procedures",), labels=(R,)),
        deny(headings=("documents",), things=("Condition/1",)),
        deny(headings=("encounters",), dated=(1, 2)),
    )
    say = Say(rules)
    assert say.sources == {"A", "B"}
    assert say.headings == {"problems", "allergies", "letters"}
    assert say.record is None
    assert Say((deny(unless=(free,)), *rules)).record is None
    whole = deny(consent="c")
    assert Say((*rules, whole)).record is whole
    named = permit(askers=(Asker("organisation", "ZZH01"),))
    assert Say((), (permit(), named)).permitted is named
    assert Say((whole,), (permit(),)).permitted is None


WROTE = permit(askers=(AUTHOR,))


def test_what_is_sealed_is_open_to_who_wrote_it_alone() -> None:
    """By the organisation that an entry is from; within the sources that the seal is about; whoever has no
    organisation has written nothing."""
    elsewhere = Actor(
        ActorKind.PROFESSIONAL, "i|2", role="R8000", organisation=OdsCode("ZZG01"), user_id="U2"
    )
    nowhere = Actor(ActorKind.PROFESSIONAL, "i|3", role="R8000", user_id="U3")
    carer = Actor(ActorKind.CARER, "i|4")
    seal = deny(headings=("problems",), unless=(structs.replace(WROTE, headings=("problems",)),))
    assert seal.sealed
    for actor, effect in ((STAFF, "silent"), (elsewhere, "deny"), (nowhere, "deny"), (carer, "deny")):
        assert in_force([seal], actor, NOW).on(entry()).effect == effect
    only = deny(sources=("ZZG01",), unless=(structs.replace(WROTE, sources=("ZZG01",)),))
    assert in_force([only], STAFF, NOW).denies == (structs.replace(only, unless=()),)
    over = deny(unless=(structs.replace(WROTE, ends=AT), structs.replace(WROTE, starts=AT + 1)))
    assert in_force([over], STAFF, NOW).denies == (deny(),)


def test_what_is_sealed_is_told_as_closed_of_every_source_but_ones_own() -> None:
    """Heading by heading, and of the whole; what is narrowed further, or let through else, closes none."""
    headings = ("problems", "results")
    seal = deny(headings=headings, unless=(structs.replace(WROTE, headings=headings),))
    say = in_force([seal], STAFF, NOW)
    assert (say.sealed("ZZH01"), say.sealed("ZZG01")) == (frozenset(), frozenset(headings))
    whole = in_force([deny(unless=(WROTE,))], STAFF, NOW)
    assert (whole.sealed("ZZH01"), whole.sealed("ZZG01")) == (frozenset(), frozenset(HEADINGS))
    of = deny(sources=("ZZG01", "ZZH01"), unless=(structs.replace(WROTE, sources=("ZZG01", "ZZH01")),))
    assert (in_force([of], STAFF, NOW).sealed("ZZC01"), in_force([of], STAFF, NOW).sealed("ZZG01")) == (
        frozenset(),
        frozenset(HEADINGS),
    )
    for narrower in (
        deny(headings=headings),
        deny(headings=headings, types=("Flag",), unless=(WROTE,)),
        deny(headings=headings, labels=(R,), unless=(WROTE,)),
        deny(things=("Condition/1",), unless=(WROTE,)),
        deny(dated=(1, 2), unless=(WROTE,)),
        deny(unless=(permit(askers=(Asker("organisation", "ZZH01"),)),)),
    ):
        assert in_force([narrower], STAFF, NOW).sealed("ZZG01") == frozenset()
    assert not seal.unless[0].sealed
    assert not deny(askers=(Asker("organisation", "ZZH01"),), unless=(WROTE,)).sealed
    assert not deny(unless=(WROTE, permit(askers=(Asker("organisation", "ZZH01"),)))).sealed
    assert not permit(unless=(WROTE,)).sealed


@pytest.mark.parametrize(
    ("kind", "value", "denied", "permitted"),
    [
        ("person", "i|2", True, True),
        ("person", "i|3", False, False),
        ("person", "9990000018", True, False),
        ("organisation", "ZZH01", False, False),
        ("role", "R8000", False, False),
    ],
)
def test_whose_number_is_not_told_may_be_anybody_s(
    kind: str, value: str, denied: bool, permitted: bool
) -> None:
    """For a deny, and by number: whoever signs in is known by the name of their sign-in."""
    carer = Actor(ActorKind.CARER, "i|2")
    asker = (Asker(kind, value),)  # type: ignore[arg-type]
    assert bool(in_force([deny(askers=asker)], carer, NOW).denies) is denied
    assert bool(in_force([permit(askers=asker)], carer, NOW).permits) is permitted
    known = Actor(ActorKind.CARER, "i|2", nhs_number=NHSNumber("9990000026"))
    assert bool(in_force([deny(askers=asker)], known, NOW).denies) is (value == "i|2")


def test_who_is_named_by_what_they_are() -> None:
    """A system is its organisation's and in no role; what a professional's token lacks may be any."""
    system = Actor(ActorKind.SYSTEM, "i|9", role="R8000", organisation=HERE, user_id="U1")
    bare = Actor(ActorKind.PROFESSIONAL, "i|1")
    table = {
        ("organisation", "ZZH01"): (True, True, True),
        ("organisation", "ZZX01"): (False, False, True),
        ("role", "R8000"): (True, False, True),
        ("role", ""): (False, False, True),
        ("professional", "U1"): (True, False, True),
        ("professional", "U2"): (False, False, True),
        ("person", "i|1"): (True, False, True),
    }
    for (kind, value), expected in table.items():
        rule = deny(askers=(Asker(kind, value),))  # type: ignore[arg-type]
        found = tuple(bool(in_force([rule], one, NOW).denies) for one in (STAFF, system, bare))
        assert found == expected, (kind, value)


def test_a_document_s_contents_are_withheld_with_it_and_permitted_by_name_only() -> None:
    """Of no Binary is it known whose contents it is; a rule about other things says nothing of one."""
    binary, document = entry("Binary"), entry("DocumentReference")
    for kind in ("DocumentReference", "DiagnosticReport", "Media"):
        assert Say((deny(things=(f"{kind}/9",)),)).on(binary).effect == "deny"
        assert Say((), (permit(things=(f"{kind}/9",)),)).on(binary) == SILENT
    several = deny(things=("Condition/9", "DocumentReference/9"))
    assert Say((several,)).on(binary).effect == "deny"
    assert Say((several,)).on(document) == SILENT
    assert Say((deny(things=("Condition/9", "Binary/9")),)).on(binary) == SILENT
    assert Say((deny(things=("Condition/9", "Binary/1")),)).on(binary).effect == "deny"
    assert Say((), (permit(things=("Binary/1",)),)).on(binary).effect == "permit"
    opened = deny(things=("DocumentReference/9",), unless=(permit(things=("DocumentReference/9",)),))
    assert Say((opened,)).on(binary).effect == "deny"


DAY = 86_400_000
SPANS = [
    ((AT, AT + DAY), True, True),
    ((AT, AT + 1), True, True),
    ((AT + DAY - 1, AT + DAY), True, True),
    ((AT - 1, AT + DAY), True, False),
    ((AT, AT + DAY + 1), True, False),
    ((AT - DAY, AT), False, False),
    ((AT + DAY, AT + DAY + 1), False, False),
    ((AT - DAY, AT + 1), True, False),
    (None, True, False),
]


@pytest.mark.parametrize(("when", "denied", "permitted"), SPANS)
def test_a_date_that_lies_partly_within_is_denied_and_not_permitted(
    when: tuple[int, int] | None, denied: bool, permitted: bool
) -> None:
    """The end is not in it; nor is what has no date."""
    one, within = entry(when=when), (AT, AT + DAY)
    assert (Say((deny(dated=within),)).on(one).effect == "deny") is denied
    assert (Say((), (permit(dated=within),)).on(one).effect == "permit") is permitted


def test_a_rule_holds_from_its_beginning_to_its_end() -> None:
    """And so do its exceptions; the end is not in it."""
    for starts, ends, holds in ((AT, AT + 1, True), (AT + 1, AT + 2, False), (AT - 1, AT, False)):
        assert bool(in_force([deny(starts=starts, ends=ends)], STAFF, NOW).denies) is holds
        opened = deny(unless=(permit(starts=starts, ends=ends),))
        assert (in_force([opened], STAFF, NOW).on(entry()).effect != "deny") is holds


def test_an_exception_is_for_who_and_what_for() -> None:
    """For whoever is named without doubt, and for a purpose that it is for."""
    for narrowed, holds in (
        ({}, True),
        ({"askers": (Asker("role", "R8000"),)}, True),
        ({"askers": (Asker("role", "R8001"),)}, False),
        ({"purposes": ("TREAT",)}, True),
        ({"purposes": ("HPAYMT",)}, False),
    ):
        opened = deny(unless=(permit(**narrowed),))
        assert (in_force([opened], STAFF, NOW).on(entry()).effect != "deny") is holds
    doubtful = deny(unless=(permit(askers=(Asker("role", "R8000"),)),))
    assert in_force([doubtful], Actor(ActorKind.PROFESSIONAL, "i|1"), NOW).on(entry()).effect == "deny"


ACT = f"{V3_ACT_CODE}|HIV"
LABELLED = [
    ((), False),
    ((R,), True),
    ((f"{V3_CONFIDENTIALITY}|N",), False),
    ((ACT,), True),
    ((ACT, f"{V3_CONFIDENTIALITY}|N"), False),
    ((f"{V3_ACT_CODE}|NOPAT",), False),
    ((f"{V3_ACT_CODE}|NOPAT", ACT), True),
    (("urn:other|x",), False),
    (("urn:other|x", R), True),
]


@pytest.mark.parametrize(("labels", "restricted"), LABELLED)
def test_a_sensitivity_alone_is_restricted(labels: tuple[str, ...], restricted: bool) -> None:
    """That a source keeps something from the patient is none; for another label it makes no difference."""
    one = entry(labels=labels)
    assert (Say((deny(labels=(R,)),)).on(one).effect == "deny") is restricted
    assert (Say((deny(labels=("urn:y|y", R)),)).on(one).effect == "deny") is restricted
    assert Say((deny(labels=("urn:y|y",)),)).on(one) == SILENT


def test_headings_or_types_will_do_and_all_else_has_to_hold() -> None:
    """A category is either; source, label and category are each needed."""
    one = entry(labels=(R,))
    for narrowed, holds in (
        ({"headings": ("problems",), "types": ("Observation",)}, True),
        ({"headings": ("results",), "types": ("Condition",)}, True),
        ({"headings": ("results",), "types": ("Observation",)}, False),
        ({"headings": ("problems",), "sources": ("ZZG01",)}, False),
        ({"sources": ("ZZG01", "ZZH01"), "labels": (R,)}, True),
        ({"sources": ("ZZH01",), "labels": ("urn:y|y",)}, False),
        ({"things": ("Condition/1",), "sources": ("ZZG01",)}, False),
    ):
        assert (Say((deny(**narrowed),)).on(one).effect == "deny") is holds, narrowed
        assert (Say((), (permit(**narrowed),)).on(one).effect == "permit") is holds, narrowed


def test_the_second_question_is_answered_as_the_first() -> None:
    """What rules are looked up by is made once; a deny wins over a permit before it."""
    say = Say((deny(headings=("problems",), consent="c"),), (permit(),))
    for _ in range(2):
        assert say.on(entry()).effect == "deny"
        assert say.on(Entry("Condition", "1", "ZZH01", "results", b"{}")).effect == "permit"
    assert in_force([], STAFF, NOW) is NOTHING_SAID
    assert in_force([deny(ends=AT)], STAFF, NOW) is NOTHING_SAID
    assert in_force([deny()], STAFF, NOW, own=True) is NOTHING_SAID
    assert in_force([permit()], STAFF, NOW, own=True).permits
