"""The boundary of a source: whatever happens inside, a SourceResult comes out.

A source that failed some times in a row is left alone for a while, so that a question does not wait for
what is known to be down; then one question after the other is let through to see (``scr.breaker``). Only
what tells of the system itself counts: that it is not reached, breaks off, or answers with a server's
error. A refusal, an answer about another person and one that cannot be read are answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from scr.breaker import Breaker
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.sources.first import calls_end
from scr.sources.http import SourceFailure
from scr.sources.pace import Pace
from scr.sources.pipeline import AnotherPerhaps
from scr.sources.protocol import BREAKER_OPEN, Outcome, Question, SourceResult
from scr.spans import span

Read = Callable[[Question], Awaitable[SourceResult]]
_FAILURES = 3
"""In a row, until a source is left alone."""
_PAUSE = 1.0
_RECOVERED = 25.0
"""Seconds within which a source that is well again is asked again, a probe that hangs included."""
_log = structlog.get_logger(__name__)


def source_breaker(timeout_seconds: float, clock: Callable[[], float] = time.monotonic) -> Breaker:
    """The breaker of a source with this timeout: pauses of a second at first, doubling.

    The longest is such that a probe which began just before the source was well again, and hung, and the
    pause after it are over within half a minute.
    """
    return Breaker(clock, _FAILURES, _PAUSE, max(_RECOVERED - timeout_seconds, 5.0))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may cost.

    ``timeout_seconds`` for one question, if the question does not end sooner; ``attempts`` for one
    call; ``slots`` lets so many questions through at once; ``max_bytes`` bounds all that is taken in
    for one question. ``breaker`` and ``pace`` are the source's, one each for the process. A source that was
    not waited for as long as ``patience_seconds`` (by default nearly its timeout) may be slow, and is not
    known to be down.
    """

    timeout_seconds: float
    attempts: int
    slots: asyncio.Semaphore
    max_bytes: int
    patience_seconds: float | None = None
    breaker: Breaker = field(default_factory=lambda: source_breaker(0.0))
    pace: Pace = field(default_factory=Pace)

    @property
    def patience(self) -> float:
        """Seconds after which silence tells that the source is down."""
        return 0.9 * self.timeout_seconds if self.patience_seconds is None else self.patience_seconds


async def ask_guarded(
    read: Read, question: Question, *, ods: OdsCode, name: str, limits: Limits
) -> SourceResult:
    """Ask a source through ``read``, within its limits and the question's deadline; never raises.

    ``read`` gets the question with the nearer of the two deadlines. Where this process was too busy to see
    the calls end in time, ``read`` still has its time for what came of them. Cancelling passes through.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = min(question.deadline, started + limits.timeout_seconds)
    with span("source", source=ods.value) as told:
        result = await _settle(read, replace(question, deadline=deadline), ods, name, limits)
        told.say(outcome=result.outcome.value, code=result.code)
    return replace(result, elapsed=loop.time() - started)


async def _settle(read: Read, question: Question, ods: OdsCode, name: str, limits: Limits) -> SourceResult:
    try:
        async with asyncio.timeout_at(question.deadline) as limit:
            noticed = _when_calls_end(limit, question.deadline)
            try:
                return await _counted(read, question, limits)
            finally:
                noticed.cancel()
    except TimeoutError:
        detail = "It did not answer in time."
        return SourceResult(ods, name, Outcome.LATE, code="timed-out", detail=detail, silent=True)
    except SourceFailure as failure:
        silent = failure.ailing or failure.outcome is Outcome.LATE
        told = failure.told if isinstance(failure, AnotherPerhaps) else None
        return SourceResult(
            ods,
            name,
            failure.outcome,
            code=failure.code,
            detail=failure.message,
            silent=silent,
            otherwise=told,
        )
    except ScrError as error:
        return SourceResult(ods, name, Outcome.DOWN, code=error.code, detail=error.message, silent=True)
    except Exception as error:  # noqa: BLE001 - the source boundary: one source's fault is not the answer's
        _log.error("source.fault", source=ods.value, error=type(error).__name__)
        return SourceResult(
            ods, name, Outcome.DOWN, code="fault", detail="Asking it failed through a fault of this system."
        )


def _when_calls_end(limit: asyncio.Timeout, deadline: float) -> asyncio.TimerHandle:
    """Count the time for reading from when the loop sees that the calls are over, where it is late to it."""
    loop, until = asyncio.get_running_loop(), calls_end(deadline)
    return loop.call_at(until, lambda: limit.reschedule(max(deadline, loop.time() + deadline - until)))


async def _counted(read: Read, question: Question, limits: Limits) -> SourceResult:
    """Ask, and let the breaker know what came of it."""
    breaker, loop = limits.breaker, asyncio.get_running_loop()
    if loop.time() >= question.deadline:
        raise TimeoutError
    if not breaker.admit():
        raise SourceFailure(
            "It failed several times in a row, and is left alone for a moment.",
            code=BREAKER_OPEN,
            ailing=True,
        )
    asked = False
    try:
        async with limits.slots:
            asked, began = True, loop.time()
            result = await read(question)
    except SourceFailure as failure:
        if failure.outcome is Outcome.LATE:
            _waited(limits, loop.time() - began)
        elif failure.ailing:
            breaker.failed(failure.retry_after)
        else:
            breaker.succeeded()
        raise
    except asyncio.CancelledError:
        _waited(limits, loop.time() - began if asked else 0.0)
        raise
    except Exception:
        breaker.gave_up()
        raise
    breaker.succeeded()
    return result


def _waited(limits: Limits, seconds: float) -> None:
    """Nothing came in so many seconds."""
    if seconds >= limits.patience:
        limits.breaker.failed()
    else:
        limits.breaker.gave_up()
