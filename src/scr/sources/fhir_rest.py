"""A system that speaks FHIR R4 over REST: a neighbouring shared care record, a hospital's own server.

First the person is found by NHS Number, then their record is taken: ``Patient/[id]/$everything``, or a
search for each type that the provider's file lists (``scr.sources.fhir_calls``). What came is put together
into one payload for the pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import httpx

from scr.fhir.gaps import Issue, issues_in
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.pages import Part, collection
from scr.mapping.provider import FhirR4Connection
from scr.sources.asking import Limits, ask_guarded
from scr.sources.fhir_calls import Call
from scr.sources.first import (
    EVERYTHING,
    PARTLY_LATE,
    SAFETY_TYPES,
    Came,
    all_that_come,
    calls_end,
    missing,
    whole_or_safety,
    worsen,
)
from scr.sources.http import SourceFailure
from scr.sources.neighbour import ASKED_BY_NEIGHBOUR, Admission, Pass, not_asked
from scr.sources.pipeline import Reader, read_payload
from scr.sources.protocol import Outcome, Question, SourceResult
from scr.spans import traced

_LOGICAL_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")

_GAP_TYPES = frozenset(
    {
        "exception", "expired", "forbidden", "incomplete", "lock-error", "no-store", "security",
        "suppressed", "throttled", "timeout", "too-costly", "transient",
    }
)  # fmt: skip
"""Issue types that tell of something missing even where they are a mere warning."""

_THEIRS = {
    "withheld": Outcome.WITHHELD,
    "late": Outcome.INCOMPLETE,
    "down": Outcome.INCOMPLETE,
    "stale": Outcome.STALE,
    "incomplete": Outcome.INCOMPLETE,
    "not-asked": Outcome.INCOMPLETE,
    "answered": Outcome.ANSWERED,
    "empty": Outcome.EMPTY,
}
"""An outcome in the ledger of another shared care record, and what it means for us who asked that one."""
_GAPS = frozenset({Outcome.STALE, Outcome.INCOMPLETE, Outcome.WITHHELD})


@dataclass(frozen=True, slots=True)
class FhirRestSource:
    """One server. ``token`` gives the bearer token when it is needed; an empty one sends none.

    Where there is an ``admission``, that lets us in.
    """

    connection: FhirR4Connection
    reader: Reader
    client: httpx.AsyncClient
    limits: Limits
    token: Callable[[], str]
    admission: Admission | None = None

    @property
    def ods(self) -> OdsCode:
        """The organisation that runs it."""
        return self.reader.ods

    @property
    def name(self) -> str:
        """The organisation's name."""
        return self.reader.name

    @property
    def headings(self) -> frozenset[str]:
        """The headings that its adapter fills."""
        return self.reader.headings

    async def ask(self, question: Question) -> SourceResult:
        """The person's record there."""
        if self.admission is not None and not self.admission.may_ask(question):
            return not_asked(self.ods, self.name, question)
        return await ask_guarded(self._read, question, ods=self.ods, name=self.name, limits=self.limits)

    async def _read(self, question: Question) -> SourceResult:
        call = await self.call(replace(question, deadline=calls_end(question.deadline)))
        found = await call.pages(call.search_for_person())
        persons = {part.id: part for part in found if part.type == "Patient" and part.mode != "outcome"}
        if len(persons) > 1:
            raise SourceFailure(
                "It holds several persons under this NHS Number; nothing of them is used.",
                code="several-persons",
            )
        if not persons:
            return self._nobody(found)
        came, instead = await self._record(call, *persons)
        parts = [*found, *(part for some in came.answers.values() for part in some)]
        if self.admission is not None:
            parts = self.admission.taken(parts, *persons)
        reading = read_payload(collection(parts), question, self.reader)
        headings = gaps(reading.issues)
        for heading in reading.unread:
            worsen(headings, heading, Outcome.INCOMPLETE)
        lost = missing(came, self.headings, instead)
        for heading, outcome in lost.items():
            worsen(headings, heading, outcome)
        return SourceResult(
            self.ods,
            self.name,
            Outcome.ANSWERED,
            entries=reading.entries,
            headings=headings,
            code=PARTLY_LATE if lost else "",
            detail="A part of its record did not come in time." if lost else "",
            demographics=reading.demographics,
        )

    async def call(self, question: Question, headers: Mapping[str, str] | None = None) -> Call:
        """What the calls of one question are made with, these headers added."""
        carried = await self._pass(question)
        more = {**(headers or {}), **traced(self.connection.traced)}
        if more:
            carried = replace(carried, headers={**carried.headers, **more})
        return Call(self.connection, self.client, self.limits, question, carried, self.admission)

    async def _pass(self, question: Question) -> Pass:
        if self.admission is not None:
            return await self.admission.for_question(question)
        token = self.token()
        return Pass({"Authorization": f"Bearer {token}"} if token else {})

    def _nobody(self, found: Iterable[Part]) -> SourceResult:
        """Nobody is there: said only where the search did not tell of a failure of its own."""
        if gaps(issue for part in found for issue in issues_in(part.body) or ()):
            raise SourceFailure("It could not search its whole index of persons.", code="gaps-at-source")
        return SourceResult(self.ods, self.name, Outcome.EMPTY)

    async def _record(self, call: Call, logical: str) -> tuple[Came[list[Part]], SourceFailure | None]:
        """What came of the person's record; with the failure of the whole, where it is but a part."""
        if not _LOGICAL_ID.match(logical):
            raise SourceFailure("The id that it gives the person is not a FHIR id.", code="unreadable")
        kinds = self.connection.search
        if kinds != (EVERYTHING,):
            ordered = sorted(kinds, key=lambda kind: kind not in SAFETY_TYPES)
            return await self._searched(call, logical, ordered), None
        return await whole_or_safety(
            lambda: self._searched(call, logical, kinds),
            lambda: self._searched(call, logical, SAFETY_TYPES),
            call.question.deadline,
        )

    async def _searched(self, call: Call, logical: str, kinds: Sequence[str]) -> Came[list[Part]]:
        share = self.limits.max_bytes // len(kinds)
        return await all_that_come({kind: call.pages(call.record_of(logical, kind), share) for kind in kinds})


def gaps(issues: Iterable[Issue]) -> dict[str, Outcome]:
    """The headings that a server's own OperationOutcomes say are not whole.

    Another shared care record names headings in its ledger; an issue that names none bears on all.
    """
    found: dict[str, Outcome] = {}
    for issue in issues:
        if issue.reason == ASKED_BY_NEIGHBOUR:
            continue  # we ask our neighbours ourselves, and it has others of its own
        outcome = _THEIRS.get(issue.outcome)
        if outcome is None and (issue.is_error or (issue.severity == "warning" and issue.type in _GAP_TYPES)):
            outcome = Outcome.INCOMPLETE
        if outcome not in _GAPS:
            continue
        named = [heading for heading in issue.headings if heading in HEADINGS]
        if not named and outcome is Outcome.WITHHELD:
            outcome = Outcome.INCOMPLETE
        for heading in named or HEADINGS:
            worsen(found, heading, outcome)
    return found
