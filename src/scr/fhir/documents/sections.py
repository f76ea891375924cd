"""One section of a document that is made here: how complete it is, what stands there, and who is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scr.fhir.documents.narrative import narrative
from scr.fhir.entry import Entry, Resource
from scr.fhir.reconciled import SAID, STATE_EXTENSION, STATE_SYSTEM
from scr.fhir.summary import Line

_EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_SAID = {**SAID, "untold": "No source that may be told of has anything to do with this."}


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says of its completeness: the state of each heading, and a sentence for each source
    that is missing there. A heading of which nothing may be said stands in neither."""

    states: Mapping[str, str]
    missing: Mapping[str, tuple[str, ...]]

    def state(self, headings: Iterable[str], *, filled: bool) -> str:
        """The state of what stands under some headings together: complete, incomplete, none, untold."""
        told = [self.states[heading] for heading in headings if heading in self.states]
        if "incomplete" in told:
            return "incomplete"
        if filled:
            return "complete"
        return "none" if told else "untold"

    def sentences(self, state: str, headings: Iterable[str]) -> list[str]:
        """The state in words, and what is missing, once each."""
        missing = (sentence for heading in headings for sentence in self.missing.get(heading, ()))
        return [_SAID[state], *dict.fromkeys(missing)]


def section(
    title: str, coding: Resource, state: str, sentences: Sequence[str], lines: Sequence[Line]
) -> Resource:
    """A section without its entries: title, code, state and narrative."""
    return {
        "extension": [{"url": STATE_EXTENSION, "valueCoding": {"system": STATE_SYSTEM, "code": state}}],
        "title": title,
        "code": {"coding": [coding], "text": title},
        "text": narrative(sentences, lines),
    }


def filled(part: Resource, entries: Sequence[Entry]) -> Resource:
    """A section with its entries; one without says why there are none."""
    if entries:
        return {**part, "entry": [{"reference": one.reference} for one in entries]}
    state = part["extension"][0]["valueCoding"]["code"]
    why = (_EMPTY, "unavailable") if state == "incomplete" else (STATE_SYSTEM, state)
    return {**part, "emptyReason": {"coding": [{"system": why[0], "code": why[1]}], "text": _SAID[state]}}
