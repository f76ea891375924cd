"""Sources that behave as a test says, and what they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from scr.consent.actor import Actor, ActorKind
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.mapping.provider import GP_PRACTICE, Feed, GpConnectConnection, HttpPostConnection, Provider
from scr.sources.protocol import Outcome, Question, SourceResult

NUMBER = NHSNumber("9990001014")
CLINICIAN = Actor(ActorKind.PROFESSIONAL, "https://issuer.example|1")


def question(seconds: float = 5.0) -> Question:
    """About one person, with a deadline so many seconds from now."""
    deadline = asyncio.get_running_loop().time() + seconds
    return Question(NUMBER, "k1", "p1", CLINICIAN, deadline)


def result(
    ods: str,
    outcome: Outcome = Outcome.ANSWERED,
    entries: tuple[Entry, ...] = (),
    headings: Mapping[str, Outcome] | None = None,
    **more: object,
) -> SourceResult:
    """A result of the provider with this code."""
    made = SourceResult(OdsCode(ods), f"Provider {ods}", outcome, entries, headings or {})
    return replace(made, **more)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Acting:
    """Answers after some seconds; ``clings`` is how long it goes on after it was told to stop."""

    answer: SourceResult
    after: float = 0.0
    clings: float = 0.0

    @property
    def ods(self) -> OdsCode:
        """The provider's organisation."""
        return self.answer.source

    @property
    def name(self) -> str:
        """Its name."""
        return self.answer.name

    @property
    def headings(self) -> frozenset[str]:
        """Every heading."""
        return frozenset(HEADINGS)

    async def ask(self, question: Question) -> SourceResult:
        """The answer, in its own time."""
        try:
            await asyncio.sleep(self.after)
        except asyncio.CancelledError:
            if self.clings:
                await asyncio.sleep(self.clings)
            raise
        return self.answer


Way = Literal["pull", "push", "both"]
PULL = Feed(
    name="record",
    adapter="a",
    connection=GpConnectConnection(kind="gpconnect", url="http://127.0.0.1:1", from_asid="1", to_asid="2"),
)
PUSH = Feed(name="list", adapter="b", connection=HttpPostConnection(kind="http-post", client="c"))


def provider(ods: str, kind: str, way: Way) -> Provider:
    """A provider that is asked, that sends, or both."""
    feeds = {"pull": (PULL,), "push": (PUSH,), "both": (PULL, PUSH)}[way]
    return Provider(ods=OdsCode(ods), name=ods, organisation_type=kind, go_live=None, feeds=feeds)


PROVIDERS = {
    one.ods: one
    for one in (
        provider("A81001", GP_PRACTICE, "both"),
        provider("A81002", GP_PRACTICE, "pull"),
        provider("A81003", GP_PRACTICE, "push"),
        provider("RXX", "nhs-trust", "push"),
        provider("QXX", "shared-care-record", "pull"),
    )
}
