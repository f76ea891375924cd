"""The boundary of a source: whatever happens inside, one result comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from tests.support.leaping import LeapingLoop
from tests.unit.sources import given

from scr.errors import Invalid
from scr.sources.asking import Read, ask_guarded
from scr.sources.first import calls_end
from scr.sources.http import SourceFailure
from scr.sources.protocol import Outcome, Question, SourceResult

pytestmark = pytest.mark.leaping


def raising(error: BaseException) -> Read:
    """A source that fails with an error."""

    async def read(_: Question) -> SourceResult:
        raise error

    return read


async def fine(_: Question) -> SourceResult:
    """A source that answers."""
    return SourceResult(given.ODS, given.NAME, Outcome.ANSWERED)


def lasting(seconds: float) -> Read:
    """A source that takes its time."""

    async def read(question: Question) -> SourceResult:
        await asyncio.sleep(seconds)
        return await fine(question)

    return read


async def ask(read: Read, *, seconds: float = 5.0, own: float = 5.0, slots: int = 8) -> SourceResult:
    """Ask through the boundary."""
    return await ask_guarded(
        read,
        given.question(seconds),
        ods=given.ODS,
        name=given.NAME,
        limits=given.limits(own, slots=slots),
    )


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (SourceFailure("it broke", code="truncated"), Outcome.DOWN, "truncated"),
        (SourceFailure("not for you", code="denied", outcome=Outcome.WITHHELD), Outcome.WITHHELD, "denied"),
        (Invalid("no such secret", code="no-secret"), Outcome.DOWN, "no-secret"),
        (TimeoutError(), Outcome.LATE, "timed-out"),
        (ValueError("Margaret 9990000000"), Outcome.DOWN, "fault"),
        (RecursionError(), Outcome.DOWN, "fault"),
        (MemoryError(), Outcome.DOWN, "fault"),
        (ExceptionGroup("several", [KeyError("Margaret")]), Outcome.DOWN, "fault"),
    ],
)
async def test_an_error_becomes_a_result(
    error: Exception, outcome: Outcome, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure keeps its code; a fault is told and logged by its type alone."""
    result = await ask(raising(error))
    assert (result.source, result.name) == (given.ODS, given.NAME)
    assert (result.outcome, result.code, result.entries) == (outcome, code, ())
    said = result.detail + "".join(capsys.readouterr())
    assert "Margaret" not in said
    assert "999" not in said
    assert (type(error).__name__ in said) == (code == "fault")


@pytest.mark.parametrize(("seconds", "own"), [(0.05, 5.0), (5.0, 0.05)])
async def test_the_nearer_deadline_counts(seconds: float, own: float) -> None:
    """The question's deadline and the source's own timeout each end the waiting."""
    result = await ask(lasting(60), seconds=seconds, own=own)
    assert result.outcome is Outcome.LATE
    assert result.elapsed == pytest.approx(0.05)


@pytest.mark.parametrize("busy", [0.0, 0.04, 0.2, 30.0])
async def test_what_came_in_time_counts_however_late_it_is_read(busy: float) -> None:
    """A process that is busy with others when the calls of a source end, does not make the source late."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)

    async def read(question: Question) -> SourceResult:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(calls_end(question.deadline)):
                await asyncio.sleep(60)
        return await lasting(0.05)(question)

    loop.call_at(calls_end(loop.time() + 2.0) - 0.01, loop.busy, busy)
    assert (await ask(read, seconds=2.0)).outcome is Outcome.ANSWERED
    loop.call_at(calls_end(loop.time() + 2.0) - 0.01, loop.busy, busy)
    result = await ask(lasting(60), seconds=2.0)
    assert result.outcome is Outcome.LATE
    assert result.elapsed == pytest.approx(max(2.0, 1.99 + busy))


async def test_cancelling_goes_through() -> None:
    """A question that is called off is not answered, and leaves nothing running."""
    task = asyncio.create_task(ask(lasting(60)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_more_questions_at_once_than_there_are_slots() -> None:
    """The third question waits for the first two, and is late if they take too long."""
    running: set[int] = set()
    most = 0

    def counted(number: int) -> Callable[[Question], Awaitable[SourceResult]]:
        async def read(question: Question) -> SourceResult:
            nonlocal most
            running.add(number)
            most = max(most, len(running))
            await asyncio.sleep(0.1)
            running.discard(number)
            return await fine(question)

        return read

    limits = given.limits(slots=2)

    async def one(number: int, seconds: float) -> Outcome:
        asked = given.question(seconds)
        return (
            await ask_guarded(counted(number), asked, ods=given.ODS, name=given.NAME, limits=limits)
        ).outcome

    outcomes = await asyncio.gather(one(1, 5), one(2, 5), one(3, 0.05), one(4, 5))
    assert [outcome.value for outcome in outcomes] == ["answered", "answered", "late", "answered"]
    assert most == 2


async def test_what_is_inside_sees_the_nearer_deadline() -> None:
    """The calls inside are held to the source's own timeout, not to the question's deadline."""
    seen: list[float] = []

    async def read(question: Question) -> SourceResult:
        seen.append(question.deadline - asyncio.get_running_loop().time())
        return await fine(question)

    result = await ask(read, seconds=60, own=1)
    assert seen[0] <= 1
    assert result.elapsed >= 0
