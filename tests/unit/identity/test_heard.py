"""What the register says later of somebody who is held: taken up, or told to a human, behind the answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest
from tests.support.patience import LONG
from tests.unit.intake.register import ADA, BERT, DAY, Register, Taking, listed, person
from tests.unit.store.samples import NOW

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index, links
from scr.identity.matching import shipped_matching
from scr.identity.pds.checks import SOON, NumberChecks
from scr.identity.pds.facts import Found, Invalidated, NotKnown, NumberAnswer, Superseded, Unreachable
from scr.identity.pds.refresh import Refresh
from scr.identity.resolve import Resolver, Unresolved
from scr.mapping.run import Claim
from scr.store import doubts, trail
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.quarantine import quarantined

HER = Demographics("Sample", ("Ada",), "1941-07-05", "female", "ZZ99 1AA")
FOUND, GONE, DOWN = Found(person(ADA)), Invalidated(ADA), Unreachable("refused")
TO_BERT = Superseded(ADA, person(BERT))
OUT, DIFFERS = "nhs-number-invalidated", "demographics-differ"


@dataclass
class World:
    """A store with Ada in it, and a register that is asked behind what is done."""

    database: Database
    keys: KeyRing
    register: Register = field(default_factory=Register)
    now: int = NOW

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.keys, shipped_matching())
        self.checks = NumberChecks(self.register, self.database, self.keys, lambda: self.now, 30 * DAY)
        self.held(ADA)

    def held(self, number: NHSNumber, who: Demographics = HER) -> Person:
        """Somebody who is held from now on."""
        return self.database.write_now(lambda c: index.register(c, self.keys, number, who, self.now))

    def who(self, number: NHSNumber = ADA) -> Person:
        """Who is held under a number."""
        found = self.database.read_now(lambda c: index.find(c, self.keys, number))
        assert found is not None
        return found

    def look(self, *, doubtful: bool = False) -> None:
        """Somebody looks at Ada; afterwards the register is asked, if it is time."""
        refresh = Refresh(self.checks, self.resolver, self.database, lambda: self.now)

        async def run() -> None:
            refresh.notice([self.who()], doubtful=doubtful)
            await refresh.once()

        asyncio.run(run())

    def hear(self, *answers: NumberAnswer) -> None:
        """The register says these, a month after each other."""
        for answer in answers:
            self.now += 31 * DAY
            self.register.answers[ADA] = answer
            self.look()

    def doubts(self) -> list[str]:
        """What a human has to look into."""
        return [one.code for one in self.database.read_now(doubts.standing)]


@pytest.fixture
def world(database: Database, keys: KeyRing) -> World:
    """Ada is held, and was never asked about."""
    return World(database, keys)


@pytest.mark.parametrize(
    ("answers", "out", "told"),
    [
        ([FOUND], False, []),
        ([GONE], True, [OUT]),
        ([GONE, GONE], True, [OUT]),
        ([GONE, DOWN], True, [OUT]),
        ([GONE, FOUND], False, []),
        ([FOUND, GONE], True, [OUT]),
        ([NotKnown()], False, ["nhs-number-not-known"]),
        ([NotKnown(), FOUND], False, []),
        ([Found(person(ADA, "Wren", "Oswald"))], False, [DIFFERS]),
        ([Found(person(ADA, confidentiality="V"))], False, []),
        ([DOWN], False, []),
        ([TO_BERT], False, []),
        ([Superseded(ADA, person(BERT, "Wren", "Oswald"))], False, [DIFFERS]),
    ],
)
def test_what_is_heard_later(world: World, answers: list[NumberAnswer], out: bool, told: list[str]) -> None:
    """A number out of use marks the person until it is in use again; what else is doubtful is told."""
    world.hear(*answers)
    assert (bool(world.who().standing.invalidated), world.doubts()) == (out, told)


def test_nothing_is_filed_under_a_number_that_is_out_of_use(world: World) -> None:
    """By no number and no local identifier, even where nobody asks; when it is in use again it is."""
    world.database.write_now(lambda c: index.learn_local(c, world.keys, world.who(), "Z99001|mrn", "1"))
    by_number = Claim(ADA, "", HER)
    by_local = Claim(None, "no-nhs-number", HER, (("mrn", "1"),))
    filed = partial(world.resolver.whose, provider=OdsCode("Z99001"), now=NOW)
    world.hear(GONE)
    for stated in (by_number, by_local):
        outcome = world.database.write_now(lambda c, s=stated: filed(c, stated=s))  # type: ignore[misc]
        assert isinstance(outcome, Unresolved)
        assert outcome.code == OUT
    world.database.write_now(lambda c: filed(c, stated=by_number, facts={ADA: FOUND}))
    assert world.doubts() == []
    for stated in (by_number, by_local):
        assert isinstance(world.database.write_now(lambda c, s=stated: filed(c, stated=s)), Person)  # type: ignore[misc]


def test_a_message_brings_it_to_light(database: Database, keys: KeyRing) -> None:
    """What was filed while the number was in use is held; the next message waits for a human."""
    taking = Taking(database, keys, register := Register())
    taking.take(listed((ADA, "ZZ99 1AA")))
    register.answers[ADA] = GONE
    taking.now += 31 * DAY
    taking.take(listed((ADA, "ZZ99 1AB")))
    held = taking.who(ADA)
    assert held is not None
    assert held.standing.invalidated == taking.now
    assert [item.code for item in database.read_now(quarantined)] == [OUT]
    (doubt,) = database.read_now(doubts.standing)
    assert (doubt.code, doubt.patient_id) == (OUT, held.patient_id)
    rows = database.read_now(lambda c: trail.between(c, [held.key], 0))
    assert [row.what for row in rows if row.actor == "PDS"] == ["identity number out of use"]


def test_a_look_has_it_asked_when_it_is_time(world: World) -> None:
    """Once; sooner where a source spoke of another person, or the number is out of use."""
    world.hear(FOUND)
    world.look()
    world.look(doubtful=True)
    assert world.register.asked[ADA] == 1
    world.now += SOON
    world.look()
    assert world.register.asked[ADA] == 1
    world.look(doubtful=True)
    assert world.register.asked[ADA] == 2
    world.hear(GONE)
    world.now += SOON
    world.look()
    assert world.register.asked[ADA] == 4


def test_a_number_that_gave_way_is_linked_with_who_has_the_other(world: World) -> None:
    """Unless a bar stands against it: then a human hears of it, and nothing is joined."""
    her = world.held(BERT)
    world.hear(TO_BERT)
    assert (world.who().view, world.who(BERT).standing.former) == (her.key, (ADA.value,))
    link = world.database.read_now(
        lambda c: links.links_in_force(c, links.view_of(c, world.keys, world.who()))
    )[0]
    world.database.write_now(lambda c: links.unlink(c, world.keys, link.id, by="x", reason="y", now=NOW))
    assert world.who(BERT).standing.former == ()
    world.database.write_now(lambda c: links.bar(c, world.keys, [ADA, BERT], reason="x", by="y", now=NOW))
    world.hear(TO_BERT)
    assert (world.who().view, world.doubts()) == (None, ["nhs-number-disputed"])


async def test_nobody_waits_for_it(world: World) -> None:
    """A register that never answers holds up no look, and ends with the process."""
    world.register.answers[ADA] = DOWN
    refresh = Refresh(world.checks, world.resolver, world.database, lambda: world.now)
    task = asyncio.create_task(refresh.run())
    refresh.notice([world.who()])
    await asyncio.wait_for(world.register.heard.wait(), LONG)
    assert not task.done()
    task.cancel()
    assert world.doubts() == []
