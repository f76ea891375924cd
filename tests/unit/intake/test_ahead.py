"""What another process maps of a file comes to the same as what this one does, whatever becomes of it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.support.patience import LONG
from tests.unit.intake.feeder import HEADER, NOW, Feeder
from tests.unit.intake.test_together import NUMBERS, ROWS

from scr.data import DataFiles
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.intake.ahead.configuration import read_configuration
from scr.intake.ahead.helper import Helper, Helpers
from scr.intake.ahead.plan import Planner
from scr.intake.batches import Payload
from scr.intake.checking import Answers
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake
from scr.intake.totals import Totals
from scr.mapping.meaning import Step, Untranslated
from scr.store import losses, messages, profiles
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate
from scr.store.profiles import Place
from scr.store.quarantine import quarantined
from scr.store.records import load_history, load_record
from scr.terminology.gapwords import SharedTexts

ADAPTER = "gp-registrations"
KEYS = KeyRing(b"e" * 32, b"i" * 32)
PLAIN = [
    f"{number},Sample,Ada,1941-07-05,F,{postcode},A81001,1999-03-02,{place}"
    for place, (number, postcode) in enumerate(
        (number, f"ZZ9{turn} 1AA") for turn in range(4) for number in NUMBERS for _ in range(10)
    )
]
_IDS = re.compile(rb"[a-z2-7]{26}")


@dataclass(frozen=True)
class _Running(Helpers):
    """Helpers of whom one is there already."""

    helper: Helper | None = None

    @asynccontextmanager
    async def helping(self, adapter: str, source: OdsCode) -> AsyncIterator[Helper]:
        assert self.helper is not None
        yield self.helper


@dataclass
class _Counting:
    """A step that changes nothing, and knows how often it was asked."""

    asked: int = 0

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        self.asked += 1
        return []

    def apart(self, _resource: Resource) -> bool:
        return True


Running = tuple[asyncio.Runner, _Running]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A helper that has started, and the loop that it is used from."""
    files = DataFiles()
    helpers = Helpers.of(files, KEYS.id_key, [ADAPTER])
    with asyncio.Runner() as runner:
        context = helpers.helping(ADAPTER, OdsCode("Z9901"))
        helper = runner.run(context.__aenter__())
        runner.run(asyncio.wait_for(helper.started.wait(), LONG))
        yield runner, _Running(files, KEYS.id_key, helpers.configurations, long=0, helper=helper)
        runner.run(context.__aexit__(None, None, None))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, times=st.sampled_from([1, 9]), again=st.booleans())
def test_it_comes_to_the_same(running: Running, rows: list[tuple[str, ...]], times: int, again: bool) -> None:
    """Records with their versions, quarantine, what was lost, and what was learnt of the feed."""
    runner, helpers = running
    file = [
        f"{number},{family},Ada,{born},{sex},{postcode},{practice},1999-03-02,{place}"
        for place, (number, family, born, sex, postcode, practice) in enumerate(rows * times)
    ]
    files = [file, file[:-1]] if again else [file]
    assert runner.run(_filed(files, helpers)) == runner.run(_filed(files, None))
    assert helpers.helper is not None
    assert helpers.helper.ready


def test_it_is_the_other_that_maps(running: Running) -> None:
    """Of a file about people who are new, and then known, this process maps nothing."""
    runner, helpers = running
    counting = _Counting()
    runner.run(_filed([PLAIN, PLAIN[1:]], helpers, counting))
    assert counting.asked == 0
    runner.run(_filed([PLAIN], None, counting))
    assert counting.asked > 0


def test_what_was_made_for_another_is_made_anew(running: Running) -> None:
    """Somebody registers a person after the rows were mapped: what is filed is about whom they registered."""
    runner, helpers = running
    assert helpers.helper is not None
    known = _configuration()
    units = list(known.adapter.units("\n".join([HEADER, *PLAIN[:30]]).encode()))
    with _database() as database:
        planner = Planner(helpers.helper, database, KEYS, known.adapter, lambda: NOW)
        ahead = runner.run(planner.plan(units))
        assert len(ahead.ready) == 3

        def file(conn: Connection) -> set[bool]:
            told = Demographics(family="Sample", given=("Ada",), birth_date="1941-07-05")
            person = index.register(conn, KEYS, NHSNumber(NUMBERS[0]), told, NOW)
            ods = OdsCode("Z9901")
            message = messages.keep(conn, KEYS, ods, "list", b"x", NOW).id
            desk = Desk(KEYS, known.maps, known.steps)
            payload = Payload(
                KEYS, desk, SharedTexts(), lambda: NOW, message, OdsCode("Z9901"), known.adapter
            )
            done = payload.file(conn, batch=units, before=Totals(), last=True, answers=Answers(), ahead=ahead)
            assert done is not None
            assert done.filed == 30
            other = index.find(conn, KEYS, NHSNumber(NUMBERS[1]))
            assert other is not None
            assert other.patient_id == ahead.ids[NHSNumber(NUMBERS[1])]
            return {
                whose.patient_id.encode() in entry.body
                for whose in (person, other)
                for entry in load_record(conn, KEYS, whose)
            }

        assert database.write_now(file) == {True}


_READY = r"import sys; o = sys.stdout.buffer; o.write(b'\0\0\0\1\xc3'); o.flush(); "
FAILING = {
    "not there": ("/nowhere/at/all",),
    "ends at once": (sys.executable, "-c", ""),
    "ends when it is asked": (sys.executable, "-c", f"{_READY}sys.stdin.buffer.read(500)"),
    "answers what is no answer": (sys.executable, "-c", f"{_READY}o.write(b'\\0\\0\\0\\1\\x2a'); o.flush()"),
}


@pytest.mark.parametrize("how", FAILING)
def test_its_end_is_not_the_files(how: str) -> None:
    """A helper that fails, at whatever moment, leaves the file as it would be without one."""
    helpers = Helpers(DataFiles(), KEYS.id_key, {}, FAILING[how], long=0)

    async def filed() -> list[object]:
        async with helpers.helping(ADAPTER, OdsCode("Z9901")) as helper:
            await asyncio.wait_for(helper.started.wait(), LONG)
            there = _Running(DataFiles(), KEYS.id_key, {}, long=0, helper=helper)
            return await _filed([PLAIN], there)

    assert asyncio.run(filed()) == asyncio.run(_filed([PLAIN], None))


def test_other_files_are_not_mapped_by() -> None:
    """A helper that finds other files than those that the service was started by maps nothing."""

    async def started() -> bool:
        helpers = Helpers(DataFiles(), KEYS.id_key, {ADAPTER: b"of yesterday"})
        async with helpers.helping(ADAPTER, OdsCode("Z9901")) as helper:
            await asyncio.wait_for(helper.started.wait(), LONG)
            return helper.ready

    assert not asyncio.run(started())


async def _filed(
    files: list[list[str]], helpers: Helpers | None, counting: _Counting | None = None
) -> list[object]:
    """What stands in a new store after these files."""
    with _database() as database:
        feeder = Feeder(database, KEYS, "warn")
        known, provider = _configuration(), feeder.provider
        steps: tuple[Step, ...] = known.steps if counting is None else (*known.steps, counting)
        intake = Intake(
            database, KEYS, Desk(KEYS, known.maps, steps), {ADAPTER: known.adapter},
            {provider.ods: provider}, iter(range(NOW, NOW + 10_000)).__next__, None, helpers,
        )  # fmt: skip
        for file in files:
            raw = "\n".join([HEADER, *file]).encode()
            await intake.receive(feeder.provider, feeder.feed, raw)
        await intake.drift.flush(database)
        place = Place(feeder.provider.ods, feeder.feed.name, ADAPTER)
        return database.read_now(lambda conn: _standing(conn, place))


@contextmanager
def _database() -> Iterator[Database]:
    """A new store."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "scr.db").write_bytes(_empty())
        database = Database.open(f"sqlite:///{Path(folder) / 'scr.db'}")
        try:
            yield database
        finally:
            database.close()


_configuration = cache(lambda: read_configuration(DataFiles(), ADAPTER))


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'scr.db'}")
        migrate(database)
        database.close()
        return (Path(folder) / "scr.db").read_bytes()


def _standing(conn: Connection, place: Place) -> list[object]:
    """What is held, but for what is random: ids, and the instants of the clock."""
    items = sorted((item.place, item.code) for item in quarantined(conn))
    lost = [(one.kind, one.name, one.count) for one in losses.read(conn, "2000-01-01")]
    found: list[object] = [items, sorted(lost), profiles.read(conn, place)]
    for digits in NUMBERS:
        person = index.find(conn, KEYS, NHSNumber(digits))
        if person is None:
            continue
        versions = [
            (entry.version, _IDS.sub(b"", re.sub(rb'"lastUpdated":"[^"]*"', b"", entry.body)), entry.labels)
            for held in load_record(conn, KEYS, person)
            for _, entry in load_history(conn, KEYS, held.id)
        ]
        own = [held.body.count(person.patient_id.encode()) for held in load_record(conn, KEYS, person)]
        found += [digits, person.demographics, sorted(versions), sorted(own)]
    return found
