"""What live sources tell, without the labels that a human has said are wrong on a person's record.

What is held is kept without them (``scr.store.labelled``). What is asked for anew each time, or comes of a
copy, is freed of them here, before anybody decides on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scr.consent.label_policy import LabelPolicy
from scr.consent.labels import without_lifted
from scr.fhir.identifiers import OdsCode
from scr.sources.before import Before
from scr.sources.protocol import Question, Source, SourceResult


@dataclass(frozen=True, slots=True)
class LiftingSource(Before):
    """A source, from whose answers the labels are taken that the question says are lifted."""

    labels: LabelPolicy

    async def ask(self, question: Question) -> SourceResult:
        """Its answer; mostly as it is, since hardly anybody has a label lifted."""
        result = await self.source.ask(question)
        if not question.lifts:
            return result
        return replace(result, entries=without_lifted(result.entries, question.lifts, self.labels))


def lifting(sources: Mapping[OdsCode, Source], labels: LabelPolicy) -> dict[OdsCode, Source]:
    """The sources, whose answers are freed of lifted labels from now on."""
    return {ods: LiftingSource(source, labels) for ods, source in sources.items()}
