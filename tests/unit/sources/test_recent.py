"""Answers that were read a moment ago are not read again, and are nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from tests.unit.sources import given
from tests.unit.sources.people import BEN

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.sources.http import SourceFailure
from scr.sources.pipeline import Reader, Reading, read_payload
from scr.sources.protocol import Question
from scr.sources.recent import RecentReadings

GOOD = given.bundle(given.patient(), given.problem())


@dataclass(slots=True)
class Clock:
    """A clock that is moved by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """A reader that remembers, and what it was configured with."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock()
        self.made_by = "a"
        self.readings: RecentReadings[Reading] = RecentReadings(lambda _: self.made_by, clock=self.clock)
        self.reader: Reader = replace(given.reader(home), readings=self.readings)

    def read(self, question: Question, body: bytes = GOOD, **reader: object) -> Reading:
        """Read an answer."""
        return read_payload(body, question, replace(self.reader, **reader))  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world."""
    return World(tmp_path)


async def test_the_same_bytes_about_the_same_person_are_read_once(world: World) -> None:
    """Within a minute, in the same configuration; what differs in anything is read for itself."""
    asked = given.question()
    first = world.read(asked)
    assert world.read(replace(asked, trace_id="another", deadline=0.0)) is first
    assert world.read(asked, GOOD + b" ") is not first
    assert world.read(replace(asked, subject="another")) is not first
    assert world.read(replace(asked, person="another")) is not first
    assert world.read(asked, feed="another") is not first
    assert world.read(asked, ods=OdsCode("RXX")) is not first
    world.made_by = "b"
    assert world.read(asked) is not first
    world.made_by = "a"
    assert world.read(asked) is first
    world.clock.now = 60.0
    assert world.read(asked) is not first


async def test_whose_an_answer_is_is_decided_each_time(world: World) -> None:
    """What was read for one is refused for another, and for the same who is known otherwise since."""
    asked = given.question()
    world.read(asked)
    with pytest.raises(SourceFailure, match="another person"):
        world.read(replace(asked, nhs_number=BEN))
    other = Demographics(family="Nobody", given=("Else",), birth_date="1999-01-01", sex="male")
    with pytest.raises(SourceFailure, match="contradict"):
        world.read(replace(asked, known=(other,)))


@drawn(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 60), st.integers(0, 40)), max_size=60))
def test_what_is_remembered_is_bounded(events: list[tuple[int, int, int]]) -> None:
    """However large and many: never more than the limit, and nothing over its time after a sweep."""
    clock = Clock()
    readings: RecentReadings[int] = RecentReadings(str, max_bytes=100, clock=clock)
    for about, size, seconds in events:
        assert readings.once("a", about, size, lambda about=about: about) == about  # type: ignore[misc]
        assert 0 <= readings.size <= 100
        clock.now += seconds
    clock.now += 60.0
    readings.sweep()
    assert readings.size == 0
