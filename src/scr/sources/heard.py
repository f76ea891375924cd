"""Who else hears what came of asking a live source: those who count it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scr.fhir.identifiers import OdsCode
from scr.sources.before import Before
from scr.sources.protocol import Outcome, Question, Source, SourceResult

Hear = Callable[[SourceResult], None]


@dataclass(frozen=True, slots=True)
class HeardSource(Before):
    """A source; ``hear`` is told of each of its results, and of an answer that was not waited for as late."""

    hear: Hear

    async def ask(self, question: Question) -> SourceResult:
        """Its answer, as it is."""
        started = time.monotonic()
        try:
            result = await self.source.ask(question)
        except asyncio.CancelledError:
            elapsed = time.monotonic() - started
            self.hear(SourceResult(self.ods, self.name, Outcome.LATE, code="deadline", elapsed=elapsed))
            raise
        self.hear(result)
        return result


def heard_by(sources: Mapping[OdsCode, Source], hear: Hear | None) -> dict[OdsCode, Source]:
    """The sources, heard from now on; as they are where nobody listens."""
    if hear is None:
        return dict(sources)
    return {ods: HeardSource(source, hear) for ods, source in sources.items()}
