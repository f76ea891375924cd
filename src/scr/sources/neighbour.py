"""Another shared care record as a source: let in by a token, told who asks, and never asked in a circle.

It is asked for a professional who asks here, and not for one who comes from a neighbour. What it took from
us is not taken back, and what is taken from it says so. Beside the Patient that it composes it may give its
sources' own, and lists that it made: its sources' own are all in the one that it composed, and lists we make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scr.fhir.entry import Resource
from scr.fhir.identifiers import OdsCode
from scr.fhir.origin import came_from, tag_origin
from scr.fhir.pages import Part
from scr.mapping.meaning import Untranslated
from scr.sources.access import AccessTokens
from scr.sources.http import SourceFailure
from scr.sources.protocol import Outcome, Question, SourceResult
from scr.sources.requester import Requester, can_be_told

ASKED_BY_NEIGHBOUR = "asked-by-neighbour"
"""The code of a neighbour that is not asked, because another one asks."""
_NOT_TOLD = "no-requester"
_UNAUTHORIZED = 401
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Pass:
    """What a question's requests carry: headers, and extensions that make others each time."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extensions: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """How one server lets us in. ``requester`` tells it who asks, where it is a neighbour.

    ``ours`` is our own FHIR base.
    """

    tokens: AccessTokens
    requester: Requester | None = None
    ours: str = ""

    async def for_question(self, question: Question) -> Pass:
        """The pass of a question. Raises SourceFailure, Invalid."""
        token = await self.tokens.token(question.deadline)
        extensions = {} if self.requester is None else self.requester.extensions(question)
        return Pass({"Authorization": f"Bearer {token}"}, extensions)

    def refusal(self, status: int, place: str) -> SourceFailure | None:
        """What a status tells of, where it tells of more than of an error.

        A token that was not accepted is asked for anew by the next question. A neighbour that shows nothing
        of a person does not tell whether it knows them.
        """
        if status == _UNAUTHORIZED:
            self.tokens.forget()
        if status != _FORBIDDEN or self.requester is None:
            return None
        return SourceFailure(
            f"{place}: it shows nothing of this person: it may not know them, or keeps it from whoever asks",
            code="not-shown",
            outcome=Outcome.WITHHELD,
        )

    def may_ask(self, question: Question) -> bool:
        """Whether the question may go there: a neighbour is told who asks, or is not asked."""
        return self.requester is None or can_be_told(question)

    def taken(self, parts: Iterable[Part], patient: str) -> list[Part]:
        """What is taken of an answer about its Patient of this id."""
        if self.requester is None:
            return list(parts)
        return [
            part
            for part in parts
            if (part.type != "Patient" or part.id == patient) and not came_from(part.body, self.ours)
        ]


@dataclass(frozen=True, slots=True)
class Origin:
    """The step that says of each resource whose it was."""

    base: str

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        """Tag them."""
        for resource in resources:
            tag_origin(resource, self.base)
        return []


def not_asked(ods: OdsCode, name: str, question: Question) -> SourceResult:
    """What is said of a neighbour that cannot be told who asks this question."""
    if question.actor.through is not None:
        return for_a_neighbour(ods, name)
    detail = "It is asked for professionals in a role only."
    return SourceResult(ods, name, Outcome.NOT_ASKED, code=_NOT_TOLD, detail=detail)


def for_a_neighbour(ods: OdsCode, name: str) -> SourceResult:
    """What is said of a neighbour that is not asked, because another one asks."""
    detail = "A neighbour asks, and asks neighbours of its own itself."
    return SourceResult(ods, name, Outcome.NOT_ASKED, code=ASKED_BY_NEIGHBOUR, detail=detail)
