"""The answers of all sources as one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import composed_patient
from scr.fhir.standing import NOT_HEARD, Standing
from scr.mapping.provider import GP_PRACTICE, Provider
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
    """One person's record before any decision: the entries, and how each source answered.

    ``held`` are the ids of those that came from the store, and so can be read again from there. ``others``
    are ids of live ones that were told of somebody linked with the person, and the opaque key of whom.
    """

    subject: str
    entries: tuple[Entry, ...]
    results: tuple[SourceResult, ...]
    held: frozenset[str]
    others: Mapping[str, str] = field(default_factory=dict)


def assemble(
    subject: str,
    results: Sequence[SourceResult],
    stored: Sequence[SourceResult] = (),
    others: Mapping[str, str] | None = None,
) -> Record:
    """Join the results, one for each provider; an id that came twice stands once.

    ``stored`` are those of the results that came from the store; ``others`` as in a Record.
    """
    merged = merge_by_source((*results, *stored))
    held = frozenset([entry.id for result in stored for entry in result.entries])
    return Record(subject, _once_each(merged), merged, held, others or {})


def _once_each(results: Iterable[SourceResult]) -> tuple[Entry, ...]:
    every = [entry for result in results for entry in result.entries]
    entries = {entry.id: entry for entry in every}
    if len(entries) == len(every):
        return tuple(every)
    entries = {}
    for entry in every:
        before = entries.get(entry.id)
        entries[entry.id] = entry if before is None else _closed_by_both(before, entry)
    return tuple(entries.values())


def _closed_by_both(first: Entry, again: Entry) -> Entry:
    """The first, to be decided on by the labels of both: which of the two is the newer cannot be told."""
    more = [label for label in again.labels if label not in first.labels]
    return structs.replace(first, labels=(*first.labels, *more)) if more else first


def compose_patient(
    subject: str,
    nhs_number: NHSNumber,
    permitted: Iterable[Entry],
    providers: Mapping[OdsCode, Provider],
    *,
    now: int,
    standing: Standing = NOT_HEARD,
) -> Entry:
    """The Patient that stands for the person, of the sources' Patients that the actor may see: no others.

    The GP practice's leads, then any other provider's, the newest first; but ``standing`` leads them all.
    """
    patients = sorted(
        (entry for entry in permitted if entry.type == "Patient"),
        key=lambda entry: (_precedence(entry.source, providers), -entry.last_updated, entry.id),
    )
    return composed_patient(subject, nhs_number, patients, now=now, standing=standing)


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
        ages={**better.ages, **worse.ages},
        demographics=one.demographics or other.demographics,
    )


def _precedence(source: str, providers: Mapping[OdsCode, Provider]) -> int:
    """Whose demographics lead: the GP practice's, then those of any other provider that is known."""
    provider = providers.get(OdsCode(source))
    if provider is None:
        return 2
    return 0 if provider.organisation_type == GP_PRACTICE else 1
