"""What waits in quarantine is told of in the person's record, and what comes back counts again."""

from __future__ import annotations

from dataclasses import replace

import orjson
from tests.unit.sources import given as questions

from scr.data import DataFiles
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake, Receipt
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, MllpConnection, Provider
from scr.sources.held import HeldSources
from scr.sources.protocol import Outcome, SourceResult
from scr.store import quarantine
from scr.store.engine import Database
from scr.store.feeds import feed_states
from scr.store.keys import KeyRing
from scr.store.quarantine import QuarantineState

ADA, BERT = NHSNumber("9990001014"), NHSNumber("9990001022")
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"
LIST, PAS = (load_adapter(DataFiles(), name) for name in ("gp-registrations", "pas-adt"))
ADAPTERS = {adapter.name: adapter for adapter in (LIST, PAS)}
FEEDS = (
    Feed(name="list", adapter=LIST.name, connection=DropFolderConnection(kind="drop-folder")),
    Feed(name="pas", adapter=PAS.name, connection=MllpConnection(kind="mllp", sending_facility="X")),
)
PRACTICE = Provider(
    ods=OdsCode("Z99001"), name="X", organisation_type="gp-practice", go_live=None, feeds=FEEDS
)


class Taking:
    """An intake with a clock that goes on, and what is held after it."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self.now = 1_772_020_800_000
        self.database, self.keys = database, keys
        self.intake = Intake(
            database, keys, Desk(keys, LIST.maps), ADAPTERS, {PRACTICE.ods: PRACTICE}, lambda: self.now
        )

    async def take(self, raw: str, feed: Feed = FEEDS[0]) -> Receipt:
        """Take a payload, a second after the last one."""
        self.now += 1000
        return await self.intake.receive(PRACTICE, feed, raw.encode())

    async def held(self, number: NHSNumber) -> SourceResult:
        """What the practice's part of a person's record is."""
        person = self.database.read_now(lambda conn: index.find(conn, self.keys, number))
        assert person is not None
        question = replace(questions.question(), nhs_number=number, person=person.key)
        (result,) = await HeldSources(self.database, self.keys, ADAPTERS, lambda: self.now).ask_all(
            question, (PRACTICE,)
        )
        return result


def listed(number: NHSNumber, postcode: str, born: str = "1941-07-05", family: str = "Sample") -> str:
    """A practice's list of one."""
    return f"{HEADER}\n{number.value},{family},Ada,{born},F,{postcode},Z99001,1999-03-02\n"


def admitted(postcode: str, control: str) -> str:
    """A message of the same person."""
    return (
        f"MSH|^~\\&|PAS|X|SCR|SCR|20260101120000||ADT^A28^ADT_A05|{control}|P|2.4\r"
        "EVN||20260101120000\r"
        f"PID|1||{ADA.value}^^^NHS||SAMPLE^ADA||19410705|2|||1 STREET^^TOWN^^{postcode}\r"
    )


def postcodes(result: SourceResult) -> set[str]:
    """Where the person lives, by what is held."""
    return {
        address["postalCode"]
        for entry in result.entries
        if entry.type == "Patient"
        for address in orjson.loads(entry.body).get("address", ())
    }


async def test_a_snapshot_that_comes_back_counts_again_and_is_stored_once(
    database: Database, keys: KeyRing
) -> None:
    """A, then B, then A: what A says holds, in two stored payloads; A once more is a repeat."""
    taking = Taking(database, keys)
    one, other = listed(ADA, "ZZ99 1AA"), listed(ADA, "ZZ99 2BB")
    for raw in (one, other):
        assert not (await taking.take(raw)).duplicate
    assert postcodes(await taking.held(ADA)) == {"ZZ99 2BB"}
    assert (await taking.take(one)).filed == 1
    assert postcodes(await taking.held(ADA)) == {"ZZ99 1AA"}
    assert (await taking.take(one)).duplicate
    (state,) = database.read_now(feed_states)
    assert sum(state.counts.values()) == 2


async def test_an_event_that_comes_back_is_the_same_event(database: Database, keys: KeyRing) -> None:
    """A message that is sent again after a later one does not take the later one's place."""
    taking = Taking(database, keys)
    first, second = admitted("ZZ99 1AA", "1"), admitted("ZZ99 2BB", "2")
    for raw in (first, second):
        await taking.take(raw, FEEDS[1])
    assert (await taking.take(first, FEEDS[1])).duplicate
    assert postcodes(await taking.held(ADA)) == {"ZZ99 2BB"}


async def test_what_is_held_back_makes_the_source_incomplete(database: Database, keys: KeyRing) -> None:
    """For the person whom it names and nobody else, until somebody has settled it."""
    taking = Taking(database, keys)
    await taking.take(listed(ADA, "ZZ99 1AA"))
    await taking.take(listed(BERT, "ZZ99 1AA"))
    assert (await taking.held(ADA)).outcome is Outcome.ANSWERED
    (problem,) = (await taking.take(listed(ADA, "ZZ99 1AA", "2001-01-01", "Stranger"))).problems
    assert ADA.value not in repr(problem)
    told = await taking.held(ADA)
    assert (told.outcome, told.code) == (Outcome.INCOMPLETE, "in-quarantine")
    assert postcodes(told) == {"ZZ99 1AA"}
    assert (await taking.held(BERT)).outcome is Outcome.ANSWERED
    (item,) = database.read_now(quarantine.quarantined)
    database.write_now(lambda conn: quarantine.settle(conn, item.id, QuarantineState.DISMISSED))
    assert (await taking.held(ADA)).outcome is Outcome.ANSWERED


async def test_a_feed_that_never_sent_is_not_taken_for_empty(database: Database, keys: KeyRing) -> None:
    """What only it can fill is not asked, until its first message; the other feed's headings stand."""
    taking = Taking(database, keys)
    await taking.take(listed(ADA, "ZZ99 1AA"))
    told = await taking.held(ADA)
    assert told.outcome is Outcome.ANSWERED
    assert set(told.headings) == PAS.headings - LIST.headings
    assert set(told.headings.values()) == {Outcome.NOT_ASKED}
    await taking.take(admitted("ZZ99 1AA", "1"), FEEDS[1])
    assert not (await taking.held(ADA)).headings
