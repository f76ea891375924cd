"""Live answers about one human being who has several numbers (docs/adr/0010-links.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scr.broker.gather import Further, OnResult, gather
from scr.fhir.entry import about
from scr.sources.protocol import Question, Source, SourceResult


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the live sources said, all about the first question's subject.

    ``others``: the entries that were told of another of the numbers, by id, and the opaque key of whose.
    """

    results: tuple[SourceResult, ...]
    others: dict[str, str]


async def gather_linked(
    questions: Sequence[Question],
    sources: Sequence[Source],
    on_result: OnResult | None = None,
    *,
    until: float | None = None,
    further: Further | None = None,
) -> Gathered:
    """Ask the sources each question at once; the questions are of persons who are read as one."""
    answers = await asyncio.gather(
        *(gather(question, sources, on_result, until=until, further=further) for question in questions)
    )
    first = answers[0]
    others = {
        entry.id: question.person
        for question, results in zip(questions[1:], answers[1:], strict=True)
        for result in results
        for entry in result.entries
    }
    for result in first:
        for entry in result.entries:
            others.pop(entry.id, None)
    told = [
        _as_told_of(result, question.subject, questions[0].subject)
        for question, results in zip(questions[1:], answers[1:], strict=True)
        for result in results
    ]
    return Gathered((*first, *told), others)


def _as_told_of(result: SourceResult, before: str, after: str) -> SourceResult:
    return replace(result, entries=tuple(about(entry, before, after) for entry in result.entries))
