"""Whose a broken glass and a claimed relationship are: with one thing otherwise, nobody's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass, is_for
from scr.consent.ties import CLOCKS_MS, Tie, TiePolicy, in_force, ties_in_force
from scr.fhir.dates import utc
from scr.fhir.identifiers import OdsCode

T0 = 1_772_020_800_000
HERE, THERE = OdsCode("ZZH01"), OdsCode("ZZH02")
DOCTOR = Actor(ActorKind.PROFESSIONAL, "i|1", role="R8000", organisation=HERE)
GLASS = BrokenGlass("g", "p", "i|1", "R8000", HERE, T0, T0 + 1000)
CLAIM = Tie(HERE, "self-claimed", T0, HERE, T0, T0 + 1000, "i|1", "R8000")
OTHERS: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("as it was given", {}, {}),
    ("another subject", {"subject": "i|2"}, {}),
    ("another role", {"role": "R8001"}, {}),
    ("another place", {"organisation": THERE}, {}),
    ("nobody's, of nobody", {"subject": ""}, {"subject": ""}),
    ("a system's", {}, {"kind": ActorKind.SYSTEM}),
    ("at the edge of the clocks", {"since": T0 + CLOCKS_MS, "until": T0 + 2 * CLOCKS_MS}, {}),
    ("beyond the clocks", {"since": T0 + CLOCKS_MS + 1, "until": T0 + 2 * CLOCKS_MS}, {}),
    ("at its end", {"since": T0 - 1, "until": T0}, {}),
]


@pytest.mark.parametrize(("name", "given", "who"), OTHERS, ids=[row[0] for row in OTHERS])
def test_a_glass_and_a_claim_are_for_whom_they_were_given(
    name: str, given: dict[str, object], who: dict[str, object]
) -> None:
    """With one thing otherwise they are nobody's; of a claim the sort of actor is for other rules to ask."""
    holds = name in {"as it was given", "at the edge of the clocks"}
    actor = replace(DOCTOR, **who)  # type: ignore[arg-type]
    assert is_for(replace(GLASS, **given), actor, utc(T0)) is holds  # type: ignore[arg-type]
    claims = ties_in_force([replace(CLAIM, **given)], actor, TiePolicy(), utc(T0))  # type: ignore[arg-type]
    assert bool(claims) is (holds or name == "a system's")


def test_a_claim_or_a_glass_without_a_role_is_nobody_s() -> None:
    """Neither where the actor has none; and a glass that was withdrawn, or is none, is for nobody."""
    roleless = replace(DOCTOR, role="")
    assert not ties_in_force([replace(CLAIM, role="")], roleless, TiePolicy(), utc(T0))
    assert not is_for(replace(GLASS, withdrawn=0), DOCTOR, utc(T0))
    assert not is_for(replace(GLASS, purpose="TREAT"), DOCTOR, utc(T0))
    assert (GLASS.purpose, GLASS.reason, CLAIM.until) == ("BTG", "", T0 + 1000)
    backwards = replace(CLAIM, since=T0 + CLOCKS_MS, until=T0 + CLOCKS_MS)
    assert not in_force(backwards, TiePolicy(), utc(T0))
