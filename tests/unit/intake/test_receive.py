"""What is kept is done once and whole, whenever the process ends and whatever else waits."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from sqlalchemy import Connection
from tests.unit.intake.feeder import HEADER, NOW, ROW, Feeder

from scr.data import DataFiles
from scr.decode.tree import BadUnit, Unit
from scr.errors import Conflict, Unavailable
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk, UnitOutcome
from scr.intake.receive import Intake
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.provider import Provider
from scr.store import messages
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.messages import MessageState
from scr.store.quarantine import quarantined
from scr.store.turns import somebody_is_at, turn

BAD = "1,Sample,Ada,1941-07-05,F,ZZ99 1AA,A81001,1999-03-02,{}"

COLLISIONS = count()


class Stopping(Desk):
    """A desk at which the process ends when it comes to row 120."""

    def file(
        self, conn: Connection, provider: OdsCode, adapter: Adapter, unit: Unit | BadUnit, now: int
    ) -> UnitOutcome:
        """File a unit, or end."""
        if unit.place == "row 120":
            raise Unavailable("the end")
        return super().file(conn, provider, adapter, unit, now)


class Colliding(Desk):
    """A desk at which another writer is first, eight times."""

    def file(
        self, conn: Connection, provider: OdsCode, adapter: Adapter, unit: Unit | BadUnit, now: int
    ) -> UnitOutcome:
        """Collide, or file."""
        if next(COLLISIONS) < 8:
            raise Conflict("another writer was first")
        return super().file(conn, provider, adapter, unit, now)


def started(database: Database, keys: KeyRing, feeder: Feeder, desk: type[Desk], *there: Provider) -> Intake:
    """The intake of a process that has just started."""
    adapter = load_adapter(DataFiles(), "gp-registrations")
    providers = {provider.ods: provider for provider in there}
    return Intake(database, keys, desk(keys, adapter.maps), {adapter.name: adapter}, providers, lambda: NOW)


def test_a_file_that_is_begun_anew_is_in_quarantine_once(database: Database, keys: KeyRing) -> None:
    """The process ended within a long file: done again at the start, each of its parts stands there once."""
    feeder = Feeder(database, keys, "warn")
    raw = "\n".join([HEADER, *(BAD.format(n) for n in range(170))]).encode()
    with pytest.raises(Unavailable):
        asyncio.run(started(database, keys, feeder, Stopping).receive(feeder.provider, feeder.feed, raw))
    assert asyncio.run(started(database, keys, feeder, Desk, feeder.provider).recover()) == 1
    items = database.read_now(quarantined)
    assert len(items) == len({item.place for item in items}) == 170
    assert database.read_now(messages.pending) == []


async def test_what_another_process_is_at_is_left_to_it(database: Database, keys: KeyRing) -> None:
    """A process that starts while another files a long file leaves it alone, and does it where that has died.
    Two that are sent the same long file at once file it once, and say the same."""
    feeder = Feeder(database, keys, "warn")
    there, here = (started(database, keys, feeder, Desk, feeder.provider) for _ in range(2))
    rows = [BAD.format(n) for n in range(130)]
    first, second = ("\n".join([HEADER, *some]).encode() for some in (rows, rows[1:]))
    kept = database.write_now(
        lambda c: messages.keep(c, keys, feeder.provider.ods, feeder.feed.name, first, NOW)
    )
    async with turn(database, kept.id):
        assert await here.recover() == 0
    assert await here.recover() == 1
    assert await here.recover() == 0
    both = await asyncio.gather(*(i.receive(feeder.provider, feeder.feed, second) for i in (there, here)))
    assert sorted(receipt.duplicate for receipt in both) == [False, True]
    assert both[0].message == both[1].message
    assert [len(receipt.problems) for receipt in both] == [129, 129]
    assert len(database.read_now(quarantined)) == 130 + 129


async def test_a_turn_is_of_one_at_a_time_and_ends_with_it(database: Database) -> None:
    """Of many who want it each has it alone; nothing of it is left behind."""
    there: list[int] = []
    most: list[int] = []

    async def once(number: int) -> None:
        async with turn(database, "it"):
            there.append(number)
            most.append(len(there))
            await asyncio.sleep(0)
            there.remove(number)

    async with turn(database, "another"):
        await asyncio.gather(*map(once, range(4)))
        assert await somebody_is_at(database, "another")
    assert most == [1, 1, 1, 1]
    assert not await somebody_is_at(database, "it")
    assert not await somebody_is_at(database, "another")


def test_a_message_that_cannot_be_finished_keeps_no_other_back(database: Database, keys: KeyRing) -> None:
    """A start goes on where a kept message is of a feed that is no more; that one stays, to be seen."""
    feeder = Feeder(database, keys, "warn")
    gone = OdsCode("Z9902")

    def keep(provider: OdsCode, row: str, at: int) -> str:
        raw = f"{HEADER}\n{row}\n".encode()
        return database.write_now(lambda c: messages.keep(c, keys, provider, "list", raw, at)).id

    stays, done = keep(gone, ROW.format(1), NOW), keep(feeder.provider.ods, ROW.format(2), NOW + 1)
    assert asyncio.run(started(database, keys, feeder, Desk, feeder.provider).recover()) == 1
    assert [message.id for message in database.read_now(messages.pending)] == [stays]
    assert database.read_now(lambda c: messages.describe(c, done)).state is MessageState.FILED


def test_a_sender_hears_of_no_collision(database: Database, keys: KeyRing) -> None:
    """Whoever else writes about the same people: the message is filed, and acknowledged as that."""
    global COLLISIONS
    COLLISIONS = count()
    feeder = Feeder(database, keys, "warn")
    raw = f"{HEADER}\n{ROW.format(1)}\n".encode()
    receipt = asyncio.run(
        started(database, keys, feeder, Colliding).receive(feeder.provider, feeder.feed, raw)
    )
    assert (receipt.state, receipt.filed) == (MessageState.FILED, 1)
