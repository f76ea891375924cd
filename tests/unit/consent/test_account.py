"""What a decision comes to by heading and source: the same as asking of each kind of entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scr.consent.account import Part, parts
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import entry_decider
from scr.consent.policy import load_policy
from scr.consent.request import AccessRequest, Interaction
from scr.consent.rules import ACTOR_RULES, ENTRY_RULES, PERSON_RULES
from scr.consent.sharing import SharingRule
from scr.data import DataFiles
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, types_under
from scr.fhir.identifiers import OdsCode

POLICY = load_policy(DataFiles())
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = OdsCode("ZZH01")
ACTOR = Actor(ActorKind.PROFESSIONAL, "i|1", role="R8000", organisation=HERE, scopes=frozenset({"user/*.rs"}))
REQUEST = AccessRequest(
    ACTOR,
    Interaction.READ,
    frozenset({HERE}),
    organisations={"ZZH01": "hospital", "ZZG01": "gp", "ZZC01": "council"},
)
REMEDIES = {rule.name: rule.remedy for rule in (*ACTOR_RULES, *PERSON_RULES)} | {
    rule.name: rule.remedy for rule in ENTRY_RULES
}
NARROW = frozenset({"user/Condition.rs", "user/Observation.rs"})


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        replace(REQUEST, actor=replace(ACTOR, scopes=NARROW)),
        replace(REQUEST, actor=replace(ACTOR, role="R8014")),
        replace(REQUEST, objections=frozenset({OdsCode("ZZG01")})),
        replace(REQUEST, rules=(SharingRule(deny=True, types=("Condition",)),)),
        replace(REQUEST, relationships=frozenset()),
        replace(REQUEST, organisations={"ZZH01": "pharmacy", "ZZC01": "council"}),
    ],
    ids=[
        "open",
        "two types",
        "a social worker",
        "one source objected to",
        "a type",
        "a stranger",
        "a pharmacy",
    ],
)
def test_every_heading_of_every_source_is_told_once_and_as_it_is(request_: AccessRequest) -> None:
    """Open or closed, why, and what would change it; what is the same of several is said together."""
    sources = ("ZZH01", "ZZG01", "ZZC01")
    decide, told = entry_decider(request_, POLICY, NOW), {}
    found = parts(request_, POLICY, NOW, sources)
    for part in found:
        assert list(part.sources) == sorted(part.sources)
        for source in part.sources:
            for kind in part.types or sorted(types_under(part.heading)) or ["Basic"]:
                assert (part.heading, source, kind) not in told
                told[part.heading, source, kind] = part
                decision = decide(Entry(kind, "", source, part.heading, b"{}"))
                reason = None if decision.permit else decision.reasons[0]
                remedy = REMEDIES.get(decision.rule, "")
                assert (part.permit, part.reason, part.remedy) == (decision.permit, reason, remedy)
                assert bool(part.remedy) is not part.permit
    assert {(heading, source) for heading, source, _ in told} == {(h, s) for h in HEADINGS for s in sources}
    assert len({replace(part, sources=()) for part in found}) == len(found)
    for part in found:
        split = [one for one in found if one.heading == part.heading and set(one.sources) & set(part.sources)]
        assert bool(part.types) is (len(split) > 1)


def test_what_is_told_names_nothing_that_is_narrower() -> None:
    """A part that is open has no reason, no remedy, and no types where it is all of the heading."""
    first = parts(REQUEST, POLICY, NOW, ["ZZG01"])[0]
    assert first == Part(first.heading, ("ZZG01",), True)
    assert (first.reason, first.remedy, first.types) == (None, "", ())
