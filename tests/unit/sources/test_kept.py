"""Copies of what live sources told: for silence only, and only as the answer that they were."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import func, select
from tests.support.patience import LONG
from tests.unit.sources import given
from tests.unit.store import samples

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, stamp_by_content
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity.matching import shipped_matching
from scr.sources.first import PARTLY_LATE
from scr.sources.kept import MAX_WAITING, Copies, KeptSource
from scr.sources.protocol import BREAKER_OPEN, Outcome, Question, SourceResult
from scr.store import pulled
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, erase_person
from scr.store.tables import PULLED

HOUR = 3_600_000
SILENT = SourceResult(given.ODS, given.NAME, Outcome.LATE, code="timed-out", silent=True)


def entry(logical: str, text: str = "first", heading: str = "problems") -> Entry:
    """A live entry, under a heading."""
    made = samples.note(logical, text, kind="Condition")
    return stamp_by_content(
        Entry(**{name: getattr(made, name) for name in made.__struct_fields__} | {"heading": heading})
    )


def answered(*entries: Entry, **more: object) -> SourceResult:
    """An answer."""
    made = SourceResult(given.ODS, given.NAME, Outcome.ANSWERED, entries, demographics=given.KNOWN)
    return replace(made, **more)  # type: ignore[arg-type]


@dataclass(slots=True)
class There:
    """A source that says what it is told to say."""

    says: SourceResult
    asked: int = 0
    ods = given.ODS
    name = given.NAME
    headings = frozenset({"problems", "allergies", "results"})

    async def ask(self, question: Question) -> SourceResult:
        """What it says, for the person asked about."""
        self.asked += 1
        return self.says


class World:
    """A database with a person in it, a clock, and a source whose answers are kept."""

    def __init__(
        self, database: Database, keys: KeyRing, fresh: float = 0.0, stale: float = 24 * 3600
    ) -> None:
        self.database, self.keys, self.now = database, keys, samples.NOW
        self.person = samples.person(database, keys)
        self.there = There(answered(entry("c1")))
        self.made_by = "a"
        self.fresh, self.stale = fresh, stale
        self.restart()

    def restart(self) -> None:
        """Another process, of which nothing is in memory."""
        self.copies = Copies(
            self.database,
            self.keys,
            lambda: self.now,
            fresh=self.fresh,
            stale=self.stale,
            matching=shipped_matching(),
        )
        self.source = KeptSource(self.there, self.copies, lambda: self.made_by)

    def question(self, person: Person | None = None) -> Question:
        """About the person."""
        about = person or self.person
        asked = given.question(known=given.KNOWN)
        return replace(asked, nhs_number=about.nhs_number, person=about.key, subject=about.patient_id)

    async def ask(self, says: SourceResult | None = None) -> SourceResult:
        """What comes of a question where the source says so."""
        self.there.says = self.there.says if says is None else says
        return await self.source.ask(self.question())

    async def flush(self) -> None:
        """Write what waits, and forget what is in memory."""
        await self.copies.flush(self.database)
        self.restart()

    @property
    def count(self) -> int:
        """How many copies are in the database."""
        return int(
            self.database.read_now(lambda c: c.execute(select(func.count()).select_from(PULLED)).scalar_one())
        )


@pytest.fixture
def world(database: Database, keys: KeyRing) -> World:
    """A world."""
    return World(database, keys)


@pytest.mark.parametrize("written", [False, True], ids=["in memory", "written"])
@pytest.mark.parametrize("code", ["timed-out", "refused", BREAKER_OPEN])
async def test_a_copy_stands_in_for_silence(world: World, written: bool, code: str) -> None:
    """What it told last is shown, as stale, with its age, why, and what was withheld then still withheld."""
    told = answered(entry("c1"), headings={"results": Outcome.WITHHELD, "allergies": Outcome.INCOMPLETE})
    assert await world.ask(told) is told
    if written:
        await world.flush()
    world.now += 2 * HOUR
    result = await world.ask(replace(SILENT, code=code))
    assert (result.outcome, result.code, result.age) == (Outcome.STALE, code, 7200.0)
    assert result.entries == told.entries
    assert result.headings == {
        "problems": Outcome.STALE,
        "allergies": Outcome.STALE,
        "results": Outcome.WITHHELD,
    }


async def test_the_headings_that_are_late_are_filled_from_the_copy(world: World) -> None:
    """Safety first, the rest older: each heading with its own age; the whole copy stays as it was."""
    await world.ask(answered(entry("c1"), entry("r1", heading="results"), entry("r2", heading="results")))
    world.now += HOUR
    partly = answered(entry("c1", "now"), headings={"results": Outcome.LATE}, code=PARTLY_LATE)
    for _ in range(2):
        result = await world.ask(partly)
        assert [e.id for e in result.entries] == ["c1", "r1", "r2"]
        assert result.entries[0] == partly.entries[0]
        assert (result.headings, result.ages) == ({"results": Outcome.STALE}, {"results": 3600.0})


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.WITHHELD, "no-patient-consent"),
        (Outcome.DOWN, "wrong-person"),
        (Outcome.DOWN, "patient-not-found"),
        (Outcome.DOWN, "http-403"),
        (Outcome.DOWN, "unreadable"),
    ],
)
async def test_whatever_a_source_refuses_ends_its_copy(world: World, outcome: Outcome, code: str) -> None:
    """A refusal is shown as it is; and when the source is silent after it, nothing comes back."""
    for written in (False, True):
        await world.ask(answered(entry("c1")))
        if written:
            await world.flush()
        refusal = SourceResult(given.ODS, given.NAME, outcome, code=code)
        assert await world.ask(refusal) is refusal
        await world.flush()
        assert (await world.ask(SILENT)) is SILENT
        assert world.count == 0


async def test_that_a_source_has_nothing_is_kept_as_well(world: World) -> None:
    """Else whether there is a copy would tell that there was something, to those who may not see it."""
    await world.ask(answered(entry("c1")))
    await world.ask(SourceResult(given.ODS, given.NAME, Outcome.EMPTY))
    silent = await world.ask(SILENT)
    assert (silent.outcome, silent.entries) == (Outcome.STALE, ())


async def test_what_is_being_written_is_found_meanwhile(world: World) -> None:
    """A source that is silent while its copy goes to the database has its copy stand in for it."""
    await world.ask(answered(entry("c1")))
    writing = asyncio.create_task(world.flush())
    await asyncio.sleep(0)
    assert (await world.ask(SILENT)).outcome is Outcome.STALE
    await writing


async def test_a_copy_is_for_the_same_person_read_in_the_same_way(world: World) -> None:
    """Another number, other demographics, another policy or too great an age: there is no copy."""
    await world.ask(answered(entry("c1")))
    await world.flush()
    asked = world.question()
    other = Demographics(family="Nobody", given=("Else",), birth_date="1999-01-01", sex="male")
    world.there.says = SILENT
    assert (await world.source.ask(replace(asked, nhs_number=NHSNumber("9990000026")))) is SILENT
    assert (await world.source.ask(replace(asked, subject="another"))) is SILENT
    assert (await world.source.ask(replace(asked, known=(other,)))) is SILENT
    moved = replace(asked, nhs_number=NHSNumber("9990000026"), former=frozenset({asked.nhs_number}))
    assert (await world.source.ask(moved)).outcome is Outcome.STALE
    world.made_by = "b"
    assert (await world.source.ask(asked)) is SILENT
    world.made_by = "a"
    world.now += 24 * HOUR
    assert (await world.source.ask(asked)).outcome is Outcome.STALE
    world.now += 1
    assert (await world.source.ask(asked)) is SILENT


async def test_what_is_kept_is_sealed_and_goes_with_the_person(world: World) -> None:
    """Nothing of it can be read in the database; erased with the person, and swept when its time is over."""
    text = "unmistakable"
    await world.ask(answered(entry("c1", text)))
    await world.copies.flush(world.database)
    sealed = world.database.read_now(lambda c: c.execute(select(PULLED.c.sealed)).scalar_one())
    assert text.encode() not in sealed
    assert world.person.nhs_number.value.encode() not in sealed
    await world.ask()  # one more waits while the person is erased
    world.database.write_now(lambda c: erase_person(c, world.keys, world.person))
    assert world.count == 0
    await world.copies.flush(world.database)
    assert world.count == 0


async def test_what_says_the_same_is_written_once_and_old_copies_are_swept(world: World) -> None:
    """A second answer moves the time only, and so stays when the first would be swept."""
    await world.ask(answered(entry("c1")))
    await world.flush()
    sealed = select(PULLED.c.sealed)
    first = world.database.read_now(lambda c: c.execute(sealed).scalar_one())
    world.now += HOUR
    await world.ask()
    await world.flush()
    assert world.database.read_now(lambda c: c.execute(sealed).scalar_one()) == first
    assert (world.database.write_now(lambda c: pulled.sweep(c, world.now)), world.count) == (0, 1)
    await world.ask(answered(entry("c1", "changed")))
    await world.flush()
    assert world.database.read_now(lambda c: c.execute(sealed).scalar_one()) != first
    assert (world.database.write_now(lambda c: pulled.sweep(c, world.now + 1)), world.count) == (1, 0)


async def test_a_fresh_copy_is_given_without_asking(database: Database, keys: KeyRing) -> None:
    """Within its seconds, with its age told; after that the source is asked again."""
    world = World(database, keys, fresh=30.0)
    first = await world.ask()
    await world.flush()
    world.now += 30_000
    again = await world.ask()
    assert (again.outcome, again.age, again.entries) == (Outcome.ANSWERED, 30.0, first.entries)
    world.now += 1
    assert (await world.ask()).age == 0
    assert world.there.asked == 2


async def test_what_waits_to_be_written_is_bounded(world: World) -> None:
    """More than fits in memory is not kept; and a database that is down costs a copy, and no answer."""
    body = answered(entry("c1", "x" * (MAX_WAITING // 4)))
    for number in range(8):
        world.copies.keep(f"person-{number}", given.ODS, pulled.Copy("1", "s", "a", body.entries))
    assert world.copies._size <= MAX_WAITING
    world.copies.keep(world.person.key, OdsCode("ZZZ"), pulled.Copy("1", "s", "a", ()))
    world.database.close()
    await asyncio.wait_for(world.copies.flush(world.database), LONG)
    assert (await world.ask(SILENT)) is SILENT
