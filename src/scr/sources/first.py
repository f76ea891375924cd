"""Allergies, medications and problems first: what is kept of a source that does not manage all in time.

The whole record is asked for at once. Where it is not there after a third of the time, the headings that
harm comes of are asked for beside it, in calls of their own that have the rest of the time: they are kept
should the whole be late. A source that is asked type by type is asked for their types first, and keeps what
came. A refusal, or an answer about somebody else, is never made up for by another call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scr.fhir.headings import DEMOGRAPHICS, SUPPORTING, headings_of_type
from scr.sources.http import SourceFailure
from scr.sources.protocol import Outcome

SAFETY = ("allergies", "medications", "problems")
PARTLY_LATE = "partly-late"
"""The code of an answer of which a part did not come in time, or could not be had."""
EVERYTHING = "$everything"
SAFETY_TYPES = ("AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement")
_NEEDED = {
    "allergies": (("AllergyIntolerance",), Outcome.ANSWERED),
    "problems": (("Condition",), Outcome.ANSWERED),
    "medications": (SAFETY_TYPES[2:], Outcome.INCOMPLETE),  # dispenses and devices are not asked for
}
"""The types that a heading of safety needs, and what it is when they came alone."""
_HEAD_START = 1 / 3
_ASIDE_SHARE = 0.1
_ASIDE_SECONDS = 0.1
"""What of a source's time its calls leave for reading what came of them."""
_WEIGHT = {
    Outcome.STALE: 1,
    Outcome.INCOMPLETE: 2,
    Outcome.LATE: 3,
    Outcome.DOWN: 4,
    Outcome.WITHHELD: 5,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Came(Generic[T]):
    """What came of several calls, by the name of each, and how the others failed."""

    answers: Mapping[str, T]
    failures: Mapping[str, SourceFailure]


def worsen(found: dict[str, Outcome], heading: str, outcome: Outcome) -> None:
    """Where a heading has several gaps, the weightiest is told."""
    if heading not in found or _WEIGHT[outcome] > _WEIGHT[found[heading]]:
        found[heading] = outcome


def calls_end(deadline: float) -> float:
    """When the calls for a question with this deadline have to be over (the loop's clock)."""
    left = max(deadline - asyncio.get_running_loop().time(), 0.0)
    return deadline - min(left * _ASIDE_SHARE, _ASIDE_SECONDS)


def can_be_made_up_for(failure: SourceFailure) -> bool:
    """Whether a failure is of this call alone: what came of another may stand beside it."""
    return failure.outcome is Outcome.LATE or failure.ailing


async def whole_or_safety(
    whole: Callable[[], Awaitable[T]], safety: Callable[[], Awaitable[T]], until: float
) -> tuple[T, SourceFailure | None]:
    """The whole; or, with the failure of the whole, what came of the headings of safety.

    Raises the failure of the whole where nothing came beside it, and where it can not be made up for.
    """
    loop = asyncio.get_running_loop()
    asked = [asyncio.ensure_future(whole())]
    try:
        await asyncio.wait(asked, timeout=max(until - loop.time(), 0.0) * _HEAD_START)
        if not asked[0].done():
            asked.append(asyncio.ensure_future(safety()))
        try:
            return await asked[0], None
        except SourceFailure as failure:
            if len(asked) == 1 or not can_be_made_up_for(failure):
                raise
            await asyncio.wait(asked[1:])
            if asked[1].exception() is not None:
                raise failure from None
            return asked[1].result(), failure
    finally:
        await _end(asked)


async def all_that_come(calls: Mapping[str, Awaitable[T]]) -> Came[T]:
    """Make the calls at once, in their order. Raises the first failure that can not be made up for, and where
    nothing came the first of all."""
    asked = {name: asyncio.ensure_future(call) for name, call in calls.items()}
    try:
        await asyncio.wait(asked.values(), return_when=asyncio.FIRST_EXCEPTION)
        while any(not one.done() for one in asked.values()):
            _raise_what_ends_it(one for one in asked.values() if one.done())
            waiting = [one for one in asked.values() if not one.done()]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        _raise_what_ends_it(asked.values())
        failures = {name: e for name, one in asked.items() if isinstance(e := one.exception(), SourceFailure)}
        if len(failures) == len(asked):
            raise next(iter(failures.values()))
        answers = {name: one.result() for name, one in asked.items() if name not in failures}
        return Came(answers, failures)
    finally:
        await _end(tuple(asked.values()))


def _raise_what_ends_it(done: Iterable[asyncio.Future[T]]) -> None:
    for one in done:
        error = one.exception()
        if error is not None and not (isinstance(error, SourceFailure) and can_be_made_up_for(error)):
            raise error


async def _end(asked: Sequence[asyncio.Future[T]]) -> None:
    running = [one for one in asked if not one.done()]
    for one in running:
        one.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


def missing(came: Came[T], headings: frozenset[str], instead: SourceFailure | None) -> dict[str, Outcome]:
    """The headings that are not whole, of those that a source has: where a call for a type failed, those of
    the type; where types were asked for ``instead`` of the whole, all that they do not cover."""
    found: dict[str, Outcome] = {}
    if EVERYTHING in came.answers:
        return found
    for kind, failure in came.failures.items():
        for heading in headings_of_type(kind) & headings:
            worsen(found, heading, _told(failure))
    lost = instead or came.failures.get(EVERYTHING)
    if lost is not None:
        for heading in headings - {DEMOGRAPHICS, SUPPORTING}:
            types, outcome = _NEEDED.get(heading, ((EVERYTHING,), Outcome.ANSWERED))
            outcome = outcome if all(kind in came.answers for kind in types) else _told(lost)
            if outcome is not Outcome.ANSWERED:
                worsen(found, heading, outcome)
    return found


def _told(failure: SourceFailure) -> Outcome:
    return failure.outcome if failure.outcome in _WEIGHT else Outcome.DOWN
