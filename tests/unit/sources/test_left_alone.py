"""A source that is down is left alone, and found again when it is well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.sources import given

from scr.breaker import BreakerState
from scr.sources.asking import Limits, ask_guarded, source_breaker
from scr.sources.http import SourceFailure
from scr.sources.protocol import BREAKER_OPEN, Outcome, Question, SourceResult

pytestmark = pytest.mark.leaping
REFUSED = SourceFailure("nothing listens there", code="refused")


@dataclass(slots=True)
class There:
    """A system that fails in a way, or is well; it counts how often it was asked."""

    failure: Exception | None = None
    asked: int = 0

    async def read(self, _: Question) -> SourceResult:
        """Answer, or fail."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return SourceResult(given.ODS, given.NAME, Outcome.ANSWERED)


@dataclass(slots=True)
class Clock:
    """A clock that is moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def watched(clock: Clock, timeout: float = 4.0) -> Limits:
    """The limits of a source whose breaker goes by a clock of the test."""
    return replace(given.limits(timeout), breaker=source_breaker(timeout, clock))


async def ask(there: There, limits: Limits, seconds: float = 5.0) -> SourceResult:
    """One question."""
    asked = given.question(seconds)
    return await ask_guarded(there.read, asked, ods=given.ODS, name=given.NAME, limits=limits)


async def test_a_dead_source_costs_nothing_but_its_probes() -> None:
    """A minute of a question a second: three find it down, then only the probes are sent; each is told."""
    clock, there = Clock(), There(REFUSED)
    limits = watched(clock)
    codes = []
    for _ in range(60):
        codes.append((await ask(there, limits)).code)
        clock.now += 1
    assert codes[:5] == ["refused"] * 3 + ["refused", BREAKER_OPEN]
    assert set(codes) == {"refused", BREAKER_OPEN}
    assert there.asked == codes.count("refused") <= 9


@settings(max_examples=30, deadline=None)
@drawn(down=st.integers(3, 600), timeout=st.sampled_from([0.5, 4.0, 10.0, 20.0]))
def test_it_is_asked_again_within_half_a_minute_of_its_recovery(down: int, timeout: float) -> None:
    """However long it was down: the first question half a minute after it is well again is answered."""

    async def run() -> None:
        clock, there = Clock(), There(REFUSED)
        limits = watched(clock, timeout)
        for _ in range(down):
            await ask(there, limits)
            clock.now += 1
        there.failure = None
        answered = []
        for _ in range(30):
            answered.append((await ask(there, limits)).outcome is Outcome.ANSWERED)
            clock.now += 1
        assert any(answered)
        assert all(answered[answered.index(True) :])

    asyncio.run(run())


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        *((SourceFailure("", code=code), BreakerState.OPEN) for code in ("dns", "tls", "reset", "truncated")),
        *((SourceFailure("", code=f"http-{code}"), BreakerState.OPEN) for code in (429, 500, 502, 503)),
        *((SourceFailure("", code=f"http-{code}"), BreakerState.CLOSED) for code in (401, 403, 404, 501)),
        *(
            (SourceFailure("", code=code), BreakerState.CLOSED)
            for code in ("wrong-person", "several-persons", "too-large", "unreadable", "no-patient-consent")
        ),
        (SourceFailure("", code="internal-server-error", ailing=True), BreakerState.OPEN),
        (ValueError("our own fault"), BreakerState.CLOSED),
    ],
    ids=lambda value: getattr(value, "code", None) or str(value),
)
async def test_only_what_tells_of_the_system_itself_counts(failure: Exception, state: BreakerState) -> None:
    """Wrong persons, refusals and large records, however many, do not shut a source for everybody."""
    limits = watched(Clock())
    for _ in range(10):
        await ask(There(failure), limits)
    assert limits.breaker.state is state


async def test_a_pause_that_it_asks_for_is_kept() -> None:
    """429 with Retry-After: it is not asked before that, and then it is."""
    clock, there = Clock(), There(SourceFailure("", code="http-429", retry_after=7.0))
    limits = watched(clock)
    first = await ask(there, limits)
    clock.now += 6.9
    before = await ask(there, limits)
    clock.now += 0.2
    there.failure = None
    assert [first.code, before.code, (await ask(there, limits)).code] == ["http-429", BREAKER_OPEN, ""]


async def test_who_does_not_wait_shuts_no_source_for_others() -> None:
    """Silence tells that it is down only to whoever waited: one in a hurry, or who went away, did not."""
    silent = There(TimeoutError())
    hurried = watched(Clock())

    async def hangs(question: Question) -> SourceResult:
        await asyncio.sleep(3600)
        return await silent.read(question)

    for patience, state in ((None, BreakerState.CLOSED), (0.01, BreakerState.OPEN)):
        limits = replace(hurried, patience_seconds=patience)
        for _ in range(3):
            result = await ask_guarded(
                hangs, given.question(0.02), ods=given.ODS, name=given.NAME, limits=limits
            )
            assert (result.outcome, result.code) == (Outcome.LATE, "timed-out")
        assert limits.breaker.state is state


async def test_a_probe_that_is_called_off_leaves_room_for_the_next() -> None:
    """Whoever asked went away while it was under way: another question may see, at once."""
    clock, there = Clock(), There(REFUSED)
    limits = watched(clock)
    for _ in range(3):
        await ask(there, limits)
    clock.now += 1.0

    async def hangs(_: Question) -> SourceResult:
        await asyncio.sleep(3600)
        raise AssertionError

    task = asyncio.create_task(
        ask_guarded(hangs, given.question(), ods=given.ODS, name=given.NAME, limits=limits)
    )
    await asyncio.sleep(0)
    assert (await ask(There(), limits)).code == BREAKER_OPEN  # one probe at a time
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await ask(There(), limits)).outcome is Outcome.ANSWERED
