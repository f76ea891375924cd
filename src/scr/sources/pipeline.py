"""A pulled payload, from bytes to entries, by the same steps as one that was pushed.

Nothing of it is used unless all of it is about the person who was asked for: the number must be
theirs (or one that gave way to it), no other Patient may occur, the demographics may not contradict those
known, and at the end no entry may refer to anybody else. Plain functions without input or output, so that
they can move to another thread: they cost about 0.1 ms of processor time a resource, most of it for STU3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import orjson
import structlog

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack, stamp_by_content
from scr.fhir.gaps import Issue, ListNote, issues_of, list_notes
from scr.fhir.headings import heading_of
from scr.fhir.identifiers import OdsCode
from scr.fhir.mend import mended
from scr.fhir.one_person import all_about, only_about, patient_ids
from scr.fhir.pages import head_of
from scr.fhir.structure import r4
from scr.fhir.validate import validate
from scr.identity.match import Agreement, compare_any
from scr.identity.matching import Matching, shipped_matching
from scr.mapping import counts
from scr.mapping.adapter import Adapter
from scr.mapping.meaning import Step
from scr.mapping.run import Mapped, MappingContext, claim, map_unit
from scr.mapping.template import MappingError
from scr.sources.http import SourceFailure
from scr.sources.protocol import WRONG_PERSON, Question
from scr.sources.recent import RecentReadings
from scr.store.gaps import GapTally
from scr.store.losses import LossTally
from scr.store.watch import FeedWatch

_MISSHAPEN = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
_SIZE = 2
"""Bytes that a byte of an answer comes to once it is read, about."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """How one provider's payloads are read. ``clock`` gives ms UTC; ``losses`` counts what is not carried,
    ``gaps`` the codes without a translation; ``watch`` knows what the ``feed`` sends.

    ``steps`` add codings and labels to what was read; ``matching`` is the policy of whose it is; ``readings``
    are those of a moment ago, whose losses are counted.
    """

    ods: OdsCode
    name: str
    adapter: Adapter
    id_key: bytes
    clock: Callable[[], int]
    losses: LossTally = field(default_factory=LossTally)
    steps: tuple[Step, ...] = ()
    matching: Matching = field(default_factory=shipped_matching)
    gaps: GapTally = field(default_factory=GapTally)
    feed: str = ""
    watch: FeedWatch | None = None
    readings: RecentReadings[Reading] | None = None

    @property
    def headings(self) -> frozenset[str]:
        """The headings that the adapter can fill."""
        return self.adapter.headings


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload gave: entries of the one person, and what it says of its own gaps.

    ``unread`` are the headings that lack something because a part of the payload could not be decoded, or is
    not valid FHIR.
    """

    entries: tuple[Entry, ...]
    demographics: Demographics | None
    issues: tuple[Issue, ...]
    lists: tuple[ListNote, ...]
    unread: frozenset[str]


class AnotherPerhaps(SourceFailure):
    """An answer is about somebody who may be, or is, another person than was asked for: ``told``."""

    def __init__(self, told: Demographics) -> None:
        super().__init__(
            "Name, birth date or sex in its answer contradict what is known; nothing of it is used.",
            code="demographics-contradict",
        )
        self.told = told


def read_payload(body: bytes, question: Question, reader: Reader) -> Reading:
    """Read a pulled payload about the person asked for.

    Raises SourceFailure: ``unreadable``, ``misshapen``, ``unmappable``, ``wrong-person``,
    ``several-persons``, ``demographics-contradict``, or the adapter's own reason to leave a payload to
    a human.
    """
    try:
        if reader.readings is None:
            return _read(body, question, reader)
        size = _SIZE * len(body)
        return reader.readings.once(
            reader.adapter.name, _said(body, question, reader), size, lambda: _read(body, question, reader)
        )
    except SourceFailure as failure:
        _count(reader, counts.refused(failure.code))
        raise


def _said(body: bytes, question: Question, reader: Reader) -> Hashable:
    """All that a reading depends on, but for the configuration."""
    said = hashlib.blake2b(body, digest_size=32).digest()
    return said, reader.ods, reader.feed, question.person, question.subject, question.numbers, question.known


def _read(body: bytes, question: Question, reader: Reader) -> Reading:
    units, bad = _decode(body, reader)
    try:
        if reader.watch is not None:
            reader.watch.glance(reader.ods, reader.feed, reader.adapter, units)
        return _read_units(units, bad, question, reader)
    except MappingError as error:
        raise _unmappable(error) from None
    except _MISSHAPEN as error:
        # A list where FHIR has an object, and the like: whichever code meets it first stumbles over it.
        _log.warning("source.misshapen", source=reader.ods.value, error=type(error).__name__)
        raise SourceFailure("Its answer is not in the shape that FHIR gives it.", code="misshapen") from None


def _read_units(units: list[Unit], bad: list[BadUnit], question: Question, reader: Reader) -> Reading:
    entries: list[Entry] = []
    issues: tuple[Issue, ...] = ()
    lists: tuple[ListNote, ...] = ()
    demographics: Demographics | None = None
    unread = set(_headings_of(bad, reader))
    for unit in units:
        stated = _check_claim(unit, question, reader)
        mapped = _map(unit, question, reader)
        sound = _sound(mapped.entries)
        _tell_losses(replace(mapped, entries=sound.entries, lost=(*mapped.lost, *sound.lost)), reader)
        entries += map(stamp_by_content, sound.entries)
        unread |= sound.unread
        demographics = demographics or (None if stated.is_empty else stated)
        issues += issues_of(unit.tree.get("outcomes", ()))
        lists += list_notes(unit.tree.get("resources", ()))
    return Reading(tuple(entries), demographics, issues, lists, frozenset(unread))


def _decode(body: bytes, reader: Reader) -> tuple[list[Unit], list[BadUnit]]:
    """The units, and beside them the parts that could not be decoded."""
    try:
        found = list(reader.adapter.units(body))
    except DecodeError as error:
        raise _unreadable(error) from None
    good = [unit for unit in found if isinstance(unit, Unit)]
    bad = [unit for unit in found if isinstance(unit, BadUnit)]
    if not good:
        raise _unreadable(bad[0].error if bad else DecodeError("it is empty"))
    return good, bad


def _unreadable(error: DecodeError) -> SourceFailure:
    if error.code == "several-persons":
        return _several_persons()
    return SourceFailure(f"Its answer cannot be read: {error}", code="unreadable")


def _several_persons() -> SourceFailure:
    return SourceFailure(
        "Its answer is about several persons; nothing of it is used.", code="several-persons"
    )


def _headings_of(bad: list[BadUnit], reader: Reader) -> frozenset[str]:
    """Where the parts belong that could not be decoded; to any heading, where that cannot be told."""
    kinds = {head_of(unit.raw).type for unit in bad}
    if bad:
        _log.info("source.unread", source=reader.ods.value, parts=len(bad))
    return reader.headings if "" in kinds else frozenset(heading_of({"resourceType": k}) for k in kinds)


def _check_claim(unit: Unit, question: Question, reader: Reader) -> Demographics:
    """The unit's demographics; SourceFailure if it is about anybody but the person asked for."""
    stated = claim(reader.adapter, unit)
    resources = unit.tree.get("resources", ())
    patients = patient_ids(resources)
    if len(patients) > 1:
        raise _several_persons()
    if stated.nhs_number not in question.numbers:
        whom = "another person" if stated.nhs_number else "nobody with a valid NHS Number"
        raise _wrong_person(f"Its answer is about {whom}; nothing of it is used.")
    for patient in patients:
        if not all_about(resources, patient, question.numbers):
            raise _wrong_person("Its answer refers to another person as well; nothing of it is used.")
    if stated.declined:
        raise SourceFailure("Its answer has to be looked at by a person first.", code=stated.declined)
    if question.known and contradicts(question.known, stated.demographics, reader.matching):
        raise AnotherPerhaps(stated.demographics)
    return stated.demographics


def contradicts(known: tuple[Demographics, ...], stated: Demographics, matching: Matching) -> bool:
    """Whether demographics cannot be, or are not certainly, those of a person who is known by these."""
    return compare_any(known, stated, matching).agreement in {Agreement.CONTRADICT, Agreement.DOUBT}


def _wrong_person(text: str) -> SourceFailure:
    return SourceFailure(text, code=WRONG_PERSON)


def _unmappable(error: MappingError) -> SourceFailure:
    if error.code == "another-person":
        return _wrong_person("Its answer is about another person as well; nothing of it is used.")
    return SourceFailure(f"Its answer cannot be mapped: {error}", code="unmappable")


def _map(unit: Unit, question: Question, reader: Reader) -> Mapped:
    context = MappingContext(
        source=reader.ods,
        subject=question.subject,
        id_key=reader.id_key,
        now=reader.clock(),
        maps=reader.adapter.maps,
        steps=reader.steps,
    )
    mapped = map_unit(reader.adapter, unit, context)
    if not only_about(mapped.entries, question.subject, question.numbers):
        raise _wrong_person("Its answer could not be tied to the person asked for; nothing of it is used.")
    reader.gaps.add(reader.ods, reader.clock(), mapped.untranslated, question.subject)
    return mapped


class _Sound(NamedTuple):
    """Entries that are valid R4; the paths of what was lost of them, and the headings that lack more."""

    entries: tuple[Entry, ...]
    lost: tuple[str, ...]
    unread: frozenset[str]


def _sound(entries: Iterable[Entry]) -> _Sound:
    """What of entries can be shown (``scr.fhir.mend``). Of a type that R4 lacks here nothing can be told."""
    good: list[Entry] = []
    lost: list[str] = []
    unread = set()
    for entry in entries:
        resource = orjson.loads(entry.body) if entry.type in r4().resources else None
        if resource is None or not validate(resource):
            good.append(entry)
            continue
        made = mended(resource)
        if made is not None:
            good.append(pack(made.resource, source=entry.source, now=entry.last_updated))
            lost += made.lost
        if made is None or not made.whole:
            unread.add(entry.heading)
    return _Sound(tuple(good), tuple(lost), frozenset(unread))


def _tell_losses(mapped: Mapped, reader: Reader) -> None:
    """How much of an answer could not be carried: counts, never contents."""
    _count(reader, counts.filed(mapped))
    if mapped.unmapped_codes or mapped.lost or mapped.unread:
        _log.info(
            "source.loss",
            source=reader.ods.value,
            adapter=reader.adapter.name,
            unmapped_codes=len(mapped.unmapped_codes),
            lost_fields=len(mapped.lost),
            unread_values=len(mapped.unread),
        )


def _count(reader: Reader, counted: list[counts.Counted]) -> None:
    reader.losses.add(reader.ods, reader.adapter.name, reader.clock(), counted)
