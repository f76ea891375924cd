"""Who is asked about a person, and what is said of a GP practice that is not."""

from __future__ import annotations

import pytest
from tests.unit.broker.sources import PROVIDERS, PULL, Acting, result

from scr.broker.locate import Plan, locate
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import GP_PRACTICE
from scr.sources.protocol import Outcome

PULLS = {ods: Acting(result(ods.value)) for ods, one in PROVIDERS.items() if PULL in one.feeds}


def plan(*registered: str) -> Plan:
    """The plan for a person registered with these practices."""
    return locate(PROVIDERS, PULLS, frozenset(map(OdsCode, registered)))


def named(plan: Plan) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """The codes of who is asked, who is held, and who is not asked and why."""
    return (
        [source.ods.value for source in plan.pulls],
        [one.ods.value for one in plan.held],
        [(r.source.value, r.code) for r in plan.not_asked],
    )


@pytest.mark.parametrize(
    ("registered", "pulls", "held", "not_asked"),
    [
        (["A81001"], ["A81001", "QXX"], ["A81001", "QXX", "RXX"], []),
        (["A81002"], ["A81002", "QXX"], ["A81002", "QXX", "RXX"], []),
        (["A81003"], ["QXX"], ["A81003", "QXX", "RXX"], []),
        (["A81001", "A81002"], ["A81001", "A81002", "QXX"], ["A81001", "A81002", "QXX", "RXX"], []),
        (["B99999"], ["QXX"], ["QXX", "RXX"], [("B99999", "practice-not-connected")]),
        (
            ["A81001", "B99999"],
            ["A81001", "QXX"],
            ["A81001", "QXX", "RXX"],
            [("B99999", "practice-not-connected")],
        ),
        ([], ["QXX"], ["QXX", "RXX"], [("UNKNOWN", "no-registration")]),
    ],
)
def test_a_practice_is_asked_about_its_own_patients_only(
    registered: list[str], pulls: list[str], held: list[str], not_asked: list[tuple[str, str]]
) -> None:
    """The registered practice and every other provider are asked; a practice that cannot be is told of."""
    assert named(plan(*registered)) == (pulls, held, not_asked)


def test_what_is_not_asked_is_told_as_such() -> None:
    """A line that stands for a missing GP record never reads as an answer."""
    for one in (*plan().not_asked, *plan("B99999").not_asked):
        assert one.outcome is Outcome.NOT_ASKED
        assert one.entries == ()
        assert one.detail


def test_an_area_without_practices_says_nothing_of_them() -> None:
    """Where no practice is connected at all, a person without a registration lacks nothing that is here."""
    others = {ods: one for ods, one in PROVIDERS.items() if one.organisation_type != GP_PRACTICE}
    assert named(locate(others, PULLS, frozenset())) == (["QXX"], ["QXX", "RXX"], [])
