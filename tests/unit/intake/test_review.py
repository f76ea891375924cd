"""What is in doubt is shown with both sides, decided by name and with a reason, and told in the audit."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from tests.unit.intake.feeder import NOW, Feeder

from scr.data import DataFiles
from scr.errors import Invalid, Unprocessable
from scr.fhir.identifiers import NHSNumber
from scr.fhir.standing import Standing
from scr.identity import index
from scr.identity.names import Level
from scr.intake.review import Review
from scr.mapping.adapter import load_adapter
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.quarantine import QuarantineState, quarantined
from scr.store.trail import recent

ADA = NHSNumber("9990001014")
KNOWN = "9990001014,Sample,Susan,1941-07-05,F,ZZ1 1AA,A81001,1999-03-02,{}"
DOUBTFUL = "9990001014,Example,Sue,1941-07-05,F,ZZ2 2BB,A81001,1999-03-02,{}"
STRANGER = "9990001014,Wren,Oswald,1968-01-09,M,ZZ2 2BB,A81001,1999-03-02,{}"
WHO = {"by": "Robin Reviewer", "reason": "Rang the practice: she married and moved."}


class Desk:
    """A feed, and the review of what it leaves in doubt."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self.feeder = Feeder(database, keys, "warn")
        self.database, self.keys = database, keys
        adapter = load_adapter(DataFiles(), "gp-registrations")
        self.review = Review(database, keys, {adapter.name: adapter}, self.feeder.intake, lambda: NOW)

    async def doubt(self, row: str = DOUBTFUL) -> str:
        """Ada is known, and then told otherwise; the id in quarantine."""
        assert not (await self.feeder.send(KNOWN)).problems
        assert (await self.feeder.send(row)).problems
        [item] = self.database.read_now(quarantined)
        return item.id


@pytest.fixture
def desk(database: Database, keys: KeyRing) -> Desk:
    """A feed, and its review."""
    return Desk(database, keys)


async def test_both_sides_are_shown(desk: Desk) -> None:
    """What is known and what is told, how each fact compares, and the sum."""
    item = await desk.doubt()
    assert [one.id for one in await desk.review.queue()] == [item]
    case = await desk.review.show(item)
    assert (case.told.family, case.told.postcode) == ("Example", "ZZ2 2BB")
    assert [(one.family, one.given) for one in case.known] == [("Sample", ("Susan",))]
    assert case.verdict is not None
    assert set(case.verdict.reasons) == {"family-name-other", "given-name-alias", "postcode-other"}


async def test_the_same_person_is_filed_and_not_doubted_again(desk: Desk) -> None:
    """It is filed, released and audited, and the next of its kind is no doubt any more."""
    item = await desk.doubt()
    receipt = await desk.review.same(item, **WHO)
    assert receipt is not None
    assert receipt.problems == ()
    assert await desk.review.queue() == []
    assert not (await desk.feeder.send(DOUBTFUL)).problems
    [row] = [row for row in desk.database.read_now(recent) if row.what == "identity same"]
    assert (row.actor, row.details["reason"], row.details["quarantine"]) == (WHO["by"], WHO["reason"], item)
    assert row.person is not None


async def test_another_person_is_dismissed(desk: Desk) -> None:
    """Nothing of it is filed, nothing is learnt, and the next of its kind is a doubt again."""
    item = await desk.doubt()
    await desk.review.other(item, **WHO)
    assert await desk.review.queue() == []
    [settled] = desk.database.read_now(lambda c: quarantined(c, QuarantineState.DISMISSED))
    assert settled.id == item
    assert (await desk.feeder.send(DOUBTFUL)).problems
    assert [row.what for row in desk.database.read_now(recent)].count("identity other") == 1


async def test_what_contradicts_is_nobodys_to_wave_through(desk: Desk) -> None:
    """Somebody else's demographics under a number are corrected at their source."""
    item = await desk.doubt(STRANGER)
    assert await desk.review.queue() == []
    for decide in (desk.review.show(item), desk.review.same(item, **WHO), desk.review.other(item, **WHO)):
        with pytest.raises(Unprocessable, match="not in doubt"):
            await decide


@pytest.mark.parametrize("who", [{"by": " ", "reason": "x"}, {"by": "Robin Reviewer", "reason": ""}])
async def test_a_decision_has_a_name_and_a_reason(desk: Desk, who: dict[str, str]) -> None:
    """Without one of them nothing is decided."""
    item = await desk.doubt()
    with pytest.raises(Invalid):
        await desk.review.same(item, **who)
    with pytest.raises(Invalid):
        await desk.review.other(item, **who)
    assert [one.id for one in await desk.review.queue()] == [item]


async def test_where_a_restricted_person_lives_is_not_shown(desk: Desk) -> None:
    """Neither what is known nor what was told, nor whether the two are the same."""
    item = await desk.doubt()

    def restrict(conn: Connection) -> None:
        person = index.find(conn, desk.keys, ADA)
        assert person is not None
        index.learn_standing(conn, desk.keys, person, Standing(restricted=True))

    desk.database.write_now(restrict)
    case = await desk.review.show(item)
    assert case.hidden
    assert [one.postcode for one in (case.told, *case.known)] == [None, None]
    assert case.verdict is not None
    assert dict(case.verdict.levels)["postcode"] is Level.UNTOLD


async def test_a_decision_is_made_once(desk: Desk) -> None:
    """What is settled is not there to be decided again."""
    item = await desk.doubt()
    await desk.review.same(item, **WHO)
    with pytest.raises(Unprocessable):
        await desk.review.other(item, **WHO)
