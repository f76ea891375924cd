"""A pulled payload, from bytes to entries, by the same steps as one that was pushed.

Nothing of it is used unless all of it is about the person who was asked for: the number must be
theirs, no other Patient may occur, the demographics may not contradict those known, and at the end
no entry may refer to anybody else. Plain functions without input or output, so that they can move to
another thread: they cost some 20 ms of processor time for 500 resources.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry
from scr.fhir.gaps import Issue, ListNote, issues_of, list_notes
from scr.fhir.identifiers import OdsCode
from scr.fhir.one_person import all_about, only_about, patient_ids
from scr.identity.match import compare
from scr.mapping.adapter import Adapter
from scr.mapping.run import MappingContext, claim, map_unit
from scr.sources.http import SourceFailure
from scr.sources.protocol import Question
from scr.terminology.conceptmap import ConceptMaps

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """How one provider's payloads are read. ``clock`` gives milliseconds UTC."""

    ods: OdsCode
    name: str
    adapter: Adapter
    maps: ConceptMaps
    id_key: bytes
    clock: Callable[[], int]

    @property
    def headings(self) -> frozenset[str]:
        """The headings that the adapter can fill."""
        return self.adapter.headings


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload gave: entries of the one person, and what it says of its own gaps."""

    entries: tuple[Entry, ...]
    demographics: Demographics | None
    issues: tuple[Issue, ...]
    lists: tuple[ListNote, ...]


def read_payload(body: bytes, question: Question, reader: Reader) -> Reading:
    """Read a pulled payload about the person asked for.

    Raises SourceFailure: ``unreadable``, ``wrong-person``, ``several-persons``,
    ``demographics-contradict``, or the adapter's own reason to leave a payload to a human.
    """
    entries: list[Entry] = []
    issues: tuple[Issue, ...] = ()
    lists: tuple[ListNote, ...] = ()
    demographics: Demographics | None = None
    for unit in _units(body, reader):
        stated = _check_claim(unit, question, reader)
        entries += _map(unit, question, reader)
        demographics = demographics or (None if stated.is_empty else stated)
        issues += issues_of(unit.tree.get("outcomes", ()))
        lists += list_notes(unit.tree.get("resources", ()))
    return Reading(tuple(entries), demographics, issues, lists)


def _units(body: bytes, reader: Reader) -> list[Unit]:
    try:
        units = list(reader.adapter.units(body))
    except DecodeError as error:
        raise _unreadable(error) from None
    good = [unit for unit in units if isinstance(unit, Unit)]
    for unit in units:
        if isinstance(unit, BadUnit):
            raise _unreadable(unit.error)
    if not good:
        raise SourceFailure("Its answer holds nothing that can be read.", code="unreadable")
    return good


def _unreadable(error: DecodeError) -> SourceFailure:
    return SourceFailure(f"Its answer cannot be read: {error}", code="unreadable")


def _check_claim(unit: Unit, question: Question, reader: Reader) -> Demographics:
    """The unit's demographics; SourceFailure if it is about anybody but the person asked for."""
    stated = claim(reader.adapter, unit)
    patients = patient_ids(unit.tree.get("resources", ()))
    if len(patients) > 1:
        raise SourceFailure(
            "Its answer is about several persons; nothing of it is used.", code="several-persons"
        )
    if stated.nhs_number != question.nhs_number:
        why = "another person" if stated.nhs_number else "nobody with a valid NHS Number"
        raise _wrong_person(f"Its answer is about {why}; nothing of it is used.")
    if patients and not all_about(unit.tree["resources"], next(iter(patients)), question.nhs_number):
        raise _wrong_person("Its answer refers to another person as well; nothing of it is used.")
    if stated.declined:
        raise SourceFailure("Its answer has to be looked at by a person first.", code=stated.declined)
    if question.known is not None and not compare(question.known, stated.demographics).agrees:
        raise SourceFailure(
            "Name, birth date or sex in its answer contradict what is known; nothing of it is used.",
            code="demographics-contradict",
        )
    return stated.demographics


def _wrong_person(text: str) -> SourceFailure:
    return SourceFailure(text, code="wrong-person")


def _map(unit: Unit, question: Question, reader: Reader) -> tuple[Entry, ...]:
    context = MappingContext(
        source=reader.ods,
        subject=question.subject,
        id_key=reader.id_key,
        now=reader.clock(),
        maps=reader.maps,
    )
    mapped = map_unit(reader.adapter, unit, context)
    if not only_about(mapped.entries, question.subject):
        raise _wrong_person("Its answer could not be tied to the person asked for; nothing of it is used.")
    if mapped.unmapped_codes or mapped.lost:
        _log.info(
            "source.loss",
            source=reader.ods.value,
            unmapped_codes=len(mapped.unmapped_codes),
            lost_fields=len(mapped.lost),
        )
    return mapped.entries
