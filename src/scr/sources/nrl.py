"""A record locator, asked live: the National Record Locator's pointers to who holds something of a person.

It is searched by ``DocumentReference?subject:identifier=``:
https://digital.nhs.uk/developer/api-catalogue/national-record-locator-fhir. What comes are pointers, as
entries of type DocumentReference; whom they point at is for the broker.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.fhir.pointers import POINTER, payload_of_pointers
from scr.sources.asking import ask_guarded
from scr.sources.fhir_rest import FhirRestSource, gaps
from scr.sources.first import calls_end, worsen
from scr.sources.http import SourceFailure
from scr.sources.pipeline import read_payload
from scr.sources.protocol import WRONG_PERSON, Outcome, Question, SourceResult


@dataclass(frozen=True, slots=True)
class NrlSource:
    """A locator behind a FHIR server."""

    server: FhirRestSource

    @property
    def ods(self) -> OdsCode:
        """The organisation under whose code the pointers stand."""
        return self.server.ods

    @property
    def name(self) -> str:
        """Its name."""
        return self.server.name

    @property
    def headings(self) -> frozenset[str]:
        """The headings that its adapter fills."""
        return self.server.headings

    async def ask(self, question: Question) -> SourceResult:
        """The pointers about the person."""
        limits = self.server.limits
        return await ask_guarded(self._read, question, ods=self.ods, name=self.name, limits=limits)

    async def _read(self, question: Question) -> SourceResult:
        call = await self.server.call(
            replace(question, deadline=calls_end(question.deadline)), _asker(question)
        )
        number = f"{NHS_NUMBER_SYSTEM}|{question.nhs_number.value}"
        parts = await call.pages(call.search(POINTER, {"subject:identifier": number}))
        try:
            payload = payload_of_pointers(parts, question.nhs_number)
        except ValueError:
            text = "A pointer of its answer is about another person; nothing of it is used."
            raise SourceFailure(text, code=WRONG_PERSON) from None
        # The Patient of the payload is our own, and tells nothing that could be compared.
        reading = read_payload(payload, replace(question, known=()), self.server.reader)
        headings = gaps(reading.issues)
        for heading in reading.unread:
            worsen(headings, heading, Outcome.INCOMPLETE)
        pointers = tuple(entry for entry in reading.entries if entry.type == POINTER)
        outcome = Outcome.ANSWERED if pointers or headings else Outcome.EMPTY
        return SourceResult(self.ods, self.name, outcome, pointers, headings)


def _asker(question: Question) -> dict[str, str]:
    """What the service wants to know of a call: its own id, and the organisation whose user asks."""
    organisation = question.actor.organisation
    headers = {"X-Request-Id": str(uuid.uuid4())}
    return (
        headers if organisation is None else headers | {"NHSD-End-User-Organisation-ODS": organisation.value}
    )
