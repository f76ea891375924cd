"""The boundary of a source: whatever happens inside, a SourceResult comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.sources.http import SourceFailure
from scr.sources.protocol import Outcome, Question, SourceResult

Read = Callable[[Question], Awaitable[SourceResult]]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may cost.

    ``timeout_seconds`` for one question, if the question does not end sooner; ``attempts`` for one
    call; ``slots`` lets so many questions through at once; ``max_bytes`` bounds all that is taken in
    for one question.
    """

    timeout_seconds: float
    attempts: int
    slots: asyncio.Semaphore
    max_bytes: int


async def ask_guarded(
    read: Read, question: Question, *, ods: OdsCode, name: str, limits: Limits
) -> SourceResult:
    """Ask a source through ``read``, within its limits and the question's deadline; never raises.

    ``read`` gets the question with the nearer of the two deadlines. Cancelling passes through.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = min(question.deadline, started + limits.timeout_seconds)
    result = await _settle(read, replace(question, deadline=deadline), ods, name, limits.slots)
    return replace(result, elapsed=loop.time() - started)


async def _settle(
    read: Read, question: Question, ods: OdsCode, name: str, slots: asyncio.Semaphore
) -> SourceResult:
    try:
        if asyncio.get_running_loop().time() >= question.deadline:
            raise TimeoutError
        async with asyncio.timeout_at(question.deadline), slots:
            return await read(question)
    except TimeoutError:
        return SourceResult(ods, name, Outcome.LATE, code="timed-out", detail="It did not answer in time.")
    except SourceFailure as failure:
        return SourceResult(ods, name, failure.outcome, code=failure.code, detail=failure.message)
    except ScrError as error:
        return SourceResult(ods, name, Outcome.DOWN, code=error.code, detail=error.message)
    except Exception as error:  # noqa: BLE001 - the source boundary: one source's fault is not the answer's
        _log.error("source.fault", source=ods.value, error=type(error).__name__)
        return SourceResult(
            ods, name, Outcome.DOWN, code="fault", detail="Asking it failed through a fault of this system."
        )
