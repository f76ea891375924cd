"""What happened, year by year, the newest first: visits, stays, operations, vaccinations, documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scr.fhir.entry import Entry
from scr.fhir.headings import OWN_WORDS
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.shown.sheet import newest
from scr.fhir.shown.when import day_of

_EVENTS = frozenset(
    {"Appointment", "Encounter", "EpisodeOfCare", "Immunization", "Procedure", "DiagnosticReport"}
    | {"DocumentReference", "Condition", "ServiceRequest", "Communication"}
)
"""The types of what happens at some time."""
_NOT = frozenset({"entered-in-error", "cancelled", "revoked"})


@dataclass(frozen=True, slots=True)
class Year:
    """A year and what happened in it, the newest first."""

    year: str
    events: tuple[Entry, ...]


def events_of(entries: Iterable[Entry]) -> list[Entry]:
    """What happened at a known time, the newest first; what was called off, or never was, did not."""
    found = (
        one
        for one in entries
        if one.type in _EVENTS
        and one.status not in _NOT
        and one.source != PERSON_SOURCE
        and one.heading not in OWN_WORDS
        and day_of(one.when)
    )
    return sorted(found, key=newest)


def by_year(events: Iterable[Entry]) -> Iterator[Year]:
    """Events in their order, those of each year together."""
    year, listed = "", list[Entry]()
    for one in events:
        found = day_of(one.when)[:4]
        if found != year and listed:
            yield Year(year, tuple(listed))
            listed = []
        year = found
        listed.append(one)
    if listed:
        yield Year(year, tuple(listed))
