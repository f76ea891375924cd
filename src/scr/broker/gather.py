"""All sources asked at once, under one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from scr.sources.protocol import Outcome, Question, Source, SourceResult

_LETTING_GO_SECONDS = 0.1
_MOMENT = 0.1
"""Seconds for what came in time and is not read yet, where this process was too busy to see the time end."""

OnResult = Callable[[SourceResult], None]
OnHeld = Callable[[Sequence[SourceResult]], None]
Further = Callable[[SourceResult], Sequence[Source]]
"""Sources that an answer says should be asked as well."""


async def gather(
    question: Question,
    sources: Sequence[Source],
    on_result: OnResult | None = None,
    *,
    until: float | None = None,
    further: Further | None = None,
) -> tuple[SourceResult, ...]:
    """What each source answered, in the order of ``sources``; one that is not there in time is late.

    ``on_result`` hears of each as it comes. A source gives its answer by the question's deadline; one that
    does not is waited for ``until`` (the loop's clock; by default no longer). Whom an answer names by
    ``further``, and who is not asked yet, is asked too, and stands after the others. Nothing is left running
    when this returns.
    """
    if not sources:
        return ()
    loop = asyncio.get_running_loop()
    started = loop.time()
    until = question.deadline if until is None else until
    tasks = [asyncio.create_task(source.ask(question)) for source in sources]
    by_task = dict(zip(tasks, sources, strict=True))
    results: dict[asyncio.Task[SourceResult], SourceResult] = {}
    waiting = set(tasks)
    try:
        while waiting:
            left = max(until - loop.time(), 0)
            done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done and left and loop.time() > until + _MOMENT:
                done, waiting = await asyncio.wait(waiting, timeout=_MOMENT)
            for task in done:
                results[task] = task.result()
            late = waiting if not done else set()
            for task in late:
                results[task] = _late(by_task[task], loop.time() - started)
            for task in (*done, *late):
                if on_result is not None:
                    on_result(results[task])
            for source in _named(further, [results[task] for task in done], by_task.values()):
                task = asyncio.create_task(source.ask(question))
                by_task[task] = source
                tasks.append(task)
                waiting.add(task)
            if late:
                break
    finally:
        await _end(tasks)
    return tuple(results[task] for task in tasks)


def _named(further: Further | None, results: Sequence[SourceResult], asked: Iterable[Source]) -> list[Source]:
    """The sources that results name and that are not asked yet, each once."""
    if further is None:
        return []
    known = {source.ods for source in asked}
    named = {source.ods: source for result in results for source in further(result)}
    return [source for ods, source in named.items() if ods not in known]


def _late(source: Source, elapsed: float) -> SourceResult:
    return SourceResult(source.ods, source.name, Outcome.LATE, code="deadline", detail="", elapsed=elapsed)


async def _end(tasks: Sequence[asyncio.Task[SourceResult]]) -> None:
    """Stop what still runs, and give it a moment to let go of its connections."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_LETTING_GO_SECONDS)
