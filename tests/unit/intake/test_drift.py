"""A payload that departs from what its feed sent before: filed with a warning, or held back."""

from __future__ import annotations

import pytest
from tests.unit.intake.feeder import HEADER, ROW, Feeder

from scr.mapping.profile import LEARNT
from scr.store import quarantine
from scr.store.engine import Database
from scr.store.keys import KeyRing


async def test_a_departure_is_warned_about_once(database: Database, keys: KeyRing) -> None:
    """The payload is filed, what was noticed is kept with its message, and from then on it is known."""
    feeder = Feeder(database, keys, "warn")
    await feeder.send(*[ROW] * LEARNT)
    first = await feeder.send(ROW.replace(",F,", ",Female,"))
    await feeder.send(ROW.replace(",F,", ",Female,"))
    assert first.problems == ()
    assert [(e.kind, e.field, e.message, e.action) for e in feeder.events()] == [
        ("new-code", "Sex", first.message, "warned")
    ]


async def test_a_departure_is_held_back_until_it_is_released(database: Database, keys: KeyRing) -> None:
    """Nothing of it is filed; released by a person, it is what the feed sends."""
    feeder = Feeder(database, keys, "quarantine")
    await feeder.send(*[ROW] * LEARNT)
    held = await feeder.send(ROW.replace("ZZ99 1AA", ""), ROW.replace("ZZ99 1AA", ""))
    assert [problem.code for problem in held.problems] == ["drift", "drift"]
    assert "Postcode: it had a value in all of 30 units" in held.problems[0].sentence
    again = await feeder.send(ROW.replace("ZZ99 1AA", "  "))
    assert again.filed == 0
    await feeder.intake.drift.flush(database)
    elsewhere = Feeder(database, keys, "quarantine")  # `scr quarantine retry`, in a process of its own
    item = database.read_now(quarantine.quarantined)[0]
    assert (await elsewhere.intake.retry(item.id)).problems == ()
    await elsewhere.intake.drift.flush(database)
    assert (await feeder.send(ROW.replace("ZZ99 1AA", " "))).problems == ()
    assert {event.action for event in feeder.events()} == {"quarantined"}


@pytest.mark.parametrize("policy", ["warn", "quarantine"])
async def test_a_column_that_the_adapter_needs_is_missed(
    database: Database, keys: KeyRing, policy: str
) -> None:
    """A file without it cannot be read: that is noticed as well, with the nearest name."""
    feeder = Feeder(database, keys, policy)
    receipt = await feeder.send(ROW, header=HEADER.replace("Postcode", "Post_Code"))
    assert [problem.code for problem in receipt.problems] == ["no-column"]
    [event] = feeder.events()
    assert (event.kind, event.field) == ("renamed", "Postcode")
    assert "'Post_Code'" in event.detail


async def test_what_two_processes_learn_is_known_to_both(database: Database, keys: KeyRing) -> None:
    """Profiles add up in the store; a new process begins with them, and what is flushed is written once."""
    one, two = Feeder(database, keys, "warn"), Feeder(database, keys, "warn")
    await one.send(*[ROW] * 20)
    await two.send(*[ROW] * 10)
    for feeder in (one, two, one):
        await feeder.intake.drift.flush(database)
    three = Feeder(database, keys, "warn")
    await three.send(ROW + ",1", header=HEADER + ",Ward")
    assert [(event.kind, event.field) for event in three.events()] == [("new", "Ward")]


async def test_what_cannot_be_written_is_kept(database: Database, keys: KeyRing, tmp_path: object) -> None:
    """The database is away for a flush: the next one writes it."""
    feeder = Feeder(database, keys, "warn")
    await feeder.send(*[ROW] * LEARNT)
    away = Database.open(f"sqlite:///{tmp_path}/away.db")
    away.close()
    await feeder.intake.drift.flush(away)
    await feeder.intake.drift.flush(database)
    await Feeder(database, keys, "warn").send(ROW + ",1", header=HEADER + ",Ward")
    assert len(feeder.events()) == 1
