"""A live source whose answer may be about somebody else: not used, told to a human, and decided on."""

from __future__ import annotations

import pytest
from tests.functional.deployment import ADA, Deployment, beside, patient_of

from scr.errors import NotFound, Unprocessable

WHO = {"by": "Robin Reviewer", "reason": "Rang the practice: she has married."}
PATIENT = {"name": [{"family": "Heron", "given": ["A"]}]}


async def _look(deployment: Deployment) -> int:
    """How many entries another process gets; what it has heard is written when it ends."""
    async with beside(deployment) as other:
        return await other.entries()


async def _contradicted(fresh: Deployment) -> None:
    """What contradicts is told until the source has corrected it, and nobody waves it through."""
    review, neighbour = fresh.services.review, fresh.neighbour
    usual = neighbour.patient
    neighbour.patient = patient_of(ADA, "n-ada", **PATIENT, gender="male", birthDate="1999-09-09")
    await _look(fresh)
    assert await review.queue() == []
    [doubt] = await review.persons()
    assert (doubt.code, [str(source) for source in doubt.sources]) == ("source-contradicts", ["QXX"])
    with pytest.raises(Unprocessable, match="has to correct it"):
        await review.same(f"QXX.{doubt.patient_id}", **WHO)
    with pytest.raises(NotFound):
        await review.show(f"RXX.{doubt.patient_id}")
    neighbour.patient = usual
    await _look(fresh)
    assert await review.persons() == []


async def test_an_answer_in_doubt_waits_for_a_human(fresh: Deployment) -> None:
    """Both sides are shown; refused, it is told no more; said to be the person, the next answer is used."""
    review, neighbour = fresh.services.review, fresh.neighbour
    whole = await _look(fresh)
    assert await review.queue() == []
    await _contradicted(fresh)
    neighbour.patient = patient_of(ADA, "n-ada", **PATIENT)
    without = [await _look(fresh), await _look(fresh)]
    assert without == [whole - 1 - len(neighbour.resources)] * 2
    [item] = await review.queue()
    case = await review.show(item.id)
    assert (str(item.provider), case.told.family, case.told.given) == ("QXX", "Heron", ("A",))
    assert [one.family for one in case.known] == ["O'Sample"]
    assert case.verdict is not None
    assert set(case.verdict.reasons) >= {"family-name-other", "given-name-initial"}

    await review.other(item.id, **WHO)
    assert (await _look(fresh), await review.queue()) == (without[0], [])
    with pytest.raises(Unprocessable):
        await review.same(item.id, **WHO)

    neighbour.patient = patient_of(ADA, "n-ada", name=[{"family": "Heron", "given": ["Ad"]}])
    await _look(fresh)
    [item] = await review.queue()
    assert await review.same(item.id, **WHO) is None
    assert (await _look(fresh), await review.queue()) == (whole, [])
    told = [row for row in fresh.audit() if row.what.startswith("identity ")]
    assert [(row.what, row.details.get("reason", "")) for row in reversed(told)] == [
        ("identity source-contradicts", ""),
        ("identity source-differs", ""), ("identity other", WHO["reason"]),
        ("identity source-differs", ""), ("identity same", WHO["reason"]),
    ]  # fmt: skip
