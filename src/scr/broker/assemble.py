"""The answers of all sources as one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scr.broker.locate import GP_PRACTICE
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import composed_patient
from scr.mapping.provider import Provider
from scr.sources.protocol import Outcome, SourceResult

_WORST_FIRST = (
    Outcome.DOWN,
    Outcome.LATE,
    Outcome.WITHHELD,
    Outcome.STALE,
    Outcome.INCOMPLETE,
    Outcome.ANSWERED,
    Outcome.EMPTY,
    Outcome.NOT_ASKED,
)


@dataclass(frozen=True, slots=True)
class Record:
    """One person's record before any decision: composed Patient, entries, how each source answered."""

    subject: str
    patient: Entry
    entries: tuple[Entry, ...]
    results: tuple[SourceResult, ...]

    def everything(self) -> tuple[Entry, ...]:
        """The composed Patient first, then every entry."""
        return (self.patient, *self.entries)


def assemble(
    subject: str,
    nhs_number: NHSNumber,
    results: Sequence[SourceResult],
    providers: Mapping[OdsCode, Provider],
    *,
    now: int,
) -> Record:
    """Join the results, one line for each provider; an id that came twice stands once."""
    merged = merge_by_source(results)
    entries: dict[str, Entry] = {}
    for result in merged:
        for entry in result.entries:
            entries.setdefault(entry.id, entry)
    patients = sorted(
        (entry for entry in entries.values() if entry.type == "Patient"),
        key=lambda entry: (_precedence(entry.source, providers), -entry.last_updated, entry.id),
    )
    patient = composed_patient(subject, nhs_number, patients, now=now)
    return Record(subject, patient, tuple(entries.values()), merged)


def merge_by_source(results: Iterable[SourceResult]) -> tuple[SourceResult, ...]:
    """One result for each provider: what it sent and what it was asked for belong together.

    The worse outcome stands, so that a live answer that failed is not hidden by an older copy.
    """
    merged: dict[OdsCode, SourceResult] = {}
    for result in results:
        before = merged.get(result.source)
        merged[result.source] = result if before is None else _merged(before, result)
    return tuple(merged.values())


def _merged(one: SourceResult, other: SourceResult) -> SourceResult:
    worse, better = sorted((one, other), key=lambda result: _WORST_FIRST.index(result.outcome))
    return replace(
        worse,
        entries=one.entries + other.entries,
        headings={**better.headings, **worse.headings},
        elapsed=max(one.elapsed, other.elapsed),
        age=max(one.age, other.age),
        demographics=one.demographics or other.demographics,
    )


def _precedence(source: str, providers: Mapping[OdsCode, Provider]) -> int:
    """Whose demographics lead: the GP practice's, then those of any other provider that is known."""
    provider = providers.get(OdsCode(source))
    if provider is None:
        return 2
    return 0 if provider.organisation_type == GP_PRACTICE else 1
