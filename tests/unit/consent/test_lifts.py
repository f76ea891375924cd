"""Which labels an entry is not to have, by what was said of it and of what it says."""

from __future__ import annotations

import pytest
from tests.unit.store.samples import NOW

from scr.consent.lifts import Lift, in_force, lifted_on
from scr.fhir.entry import pack
from scr.terminology.systems import SNOMED_CT

ENTRY = pack(
    {"resourceType": "Condition", "id": "c", "code": {"coding": [{"system": SNOMED_CT, "code": "86406008"}]}},
    source="ZZH01",
    now=NOW,
)
HERE = Lift("hiv", "Condition/c", "x", "y", NOW)
CODE = Lift("sexual-health", f"{SNOMED_CT}|86406008", "x", "y", NOW)
ELSEWHERE = [Lift("gender", "Condition/d", "x", "y", NOW), Lift("gender", f"{SNOMED_CT}|1", "x", "y", NOW)]


@pytest.mark.parametrize("others", [[], ELSEWHERE[:1], ELSEWHERE], ids=["alone", "an entry", "and a code"])
def test_a_lift_reaches_its_entry_and_whatever_says_its_code(others: list[Lift]) -> None:
    """Whatever else is lifted, in any order; of one that was put back nothing is left."""
    for mine in ([], [HERE], [CODE], [HERE, CODE]):
        for lifts in ([*mine, *others], [*others, *mine]):
            assert lifted_on(ENTRY, lifts) == {lift.label for lift in mine}
    ended = Lift("hiv", "Condition/c", "x", "y", NOW, NOW + 1, "z", "w")
    assert in_force([HERE, ended, CODE]) == (HERE, CODE)
