"""An adapter over a unit: whose it is (``claim``), and the entries that it gives (``map_unit``).

Pure. What every resource carries whatever its supplier (its patient, its source, its opaque id) is
put on here, never in YAML, and by the same code for templates and for FHIR that goes through as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson

from scr.decode.hl7v2.message import Message
from scr.decode.tree import Unit
from scr.fhir.demographics import Demographics, demographics_of
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.fhir.structure import r4
from scr.fhir.subjects import SUBJECT_FIELDS, stamp_subject, subjects_of
from scr.mapping.adapter import Adapter, Refusal, Rule
from scr.mapping.closures import Frame
from scr.mapping.fit import fit
from scr.mapping.functions import MappingFunctions, Notes, UnmappedCode
from scr.mapping.loss import lost_of
from scr.mapping.meaning import Step, Untranslated, is_apart
from scr.mapping.references import References, own_patients
from scr.mapping.repeats import Made, Repeats
from scr.mapping.template import MappingError
from scr.mapping.times import Unreadable
from scr.mapping.values import as_text, is_true, iterate
from scr.terminology.conceptmap import ConceptMaps

_NO_PRACTICE = frozenset({"V81997", "V81998", "V81999"})
"""The NHS Data Dictionary's codes for no practice, not applicable and not known."""


@dataclass(frozen=True, slots=True)
class Other:
    """The other patient of a message that merges two records of its sender, or says that they are two.

    ``event`` is the trigger event. ``problem`` is empty where a number is named, or none.
    """

    event: str
    nhs_number: NHSNumber | None
    problem: str
    local_ids: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a unit says it is.

    ``problem`` is empty, ``no-nhs-number`` or ``bad-nhs-number``. ``declined`` is the code of the
    adapter's quarantine rule that holds for the unit, ``reason`` its sentence. ``nothing`` is the code of
    the rule by which there is nothing to file in it. ``relationships`` are kinds and organisations
    (``registration``, the practice). ``also`` are the codes of further quarantine rules that hold, and
    ``other`` the other patient, where the unit was declined and speaks of one. ``number_at`` names the
    fields that the NHS Number is looked for in.
    """

    nhs_number: NHSNumber | None
    problem: str
    demographics: Demographics
    local_ids: tuple[tuple[str, str], ...] = ()
    declined: str = ""
    reason: str = ""
    relationships: tuple[tuple[str, OdsCode], ...] = ()
    nothing: str = ""
    also: tuple[str, ...] = ()
    other: Other | None = None
    number_at: str = ""


@dataclass(frozen=True, slots=True)
class MappingContext:
    """What a unit is mapped into.

    ``subject`` is the logical id of the person's Patient; ``id_key`` the key of opaque ids; ``now``
    milliseconds UTC. ``patients`` are the source's own ids of the person, where they are known: a
    payload that does not hold its Patient is told by them. ``steps`` add codings and labels. ``repeats`` is
    the memory of whoever maps one row of a table after another.
    """

    source: OdsCode
    subject: str
    id_key: bytes
    now: int
    maps: ConceptMaps
    patients: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    repeats: Repeats | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """The entries of one unit, and what of it could not be carried.

    ``unmapped_codes``: codes without a row in their map. ``lost``: fields of the source that nothing
    reads. ``unread``: ``field: function`` of values that could not be read (a month 13).
    ``untranslated``: codes in the resources that no map gives a national code for, as often as they are met.
    """

    entries: tuple[Entry, ...]
    unmapped_codes: tuple[UnmappedCode, ...] = ()
    lost: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    untranslated: tuple[Untranslated, ...] = ()


class _Whose(NamedTuple):
    """What is read of whose a unit is, whatever its sender says of what to do with it."""

    number: NHSNumber | None
    problem: str
    demographics: Demographics
    local_ids: tuple[tuple[str, str], ...]
    relationships: tuple[tuple[str, OdsCode], ...]


def claim(adapter: Adapter, unit: Unit, repeats: Repeats | None = None) -> Claim:
    """Whose the unit is, by its own words. Raises MappingError where an expression cannot be run."""
    frame = Frame(unit.tree, MappingFunctions(adapter.maps))
    if passed := _holding(adapter.passed, frame):
        return Claim(None, "", Demographics(), reason=passed.reason, nothing=passed.code)
    whose = _whose_again(adapter, unit, frame, repeats)
    refusal = _holding(adapter.refusals, frame)
    further = () if refusal is None else (r for r in adapter.refusals if r is not refusal)
    return Claim(
        nhs_number=whose.number,
        problem=whose.problem,
        demographics=whose.demographics,
        local_ids=whose.local_ids,
        declined=refusal.code if refusal else "",
        reason=refusal.reason if refusal else "",
        relationships=whose.relationships,
        also=tuple(rule.code for rule in further if _holds(rule, frame)),
        other=None if refusal is None else _other(adapter, frame),
        number_at=adapter.number_at,
    )


def _whose_again(adapter: Adapter, unit: Unit, frame: Frame, repeats: Repeats | None) -> _Whose:
    """As ``_whose``, read once of rows that say the same."""
    if repeats is None or adapter.columns is None:
        return _whose(adapter, unit, frame)
    whose: _Whose = repeats.whose(adapter.columns.whose(unit.tree), partial(_whose, adapter, unit, frame))
    return whose


def _whose(adapter: Adapter, unit: Unit, frame: Frame) -> _Whose:
    try:
        number, problem = _nhs_number(adapter, frame)
        demographics, local_ids = _demographics(adapter, frame), _local_ids(adapter, frame)
    except (AttributeError, KeyError, TypeError) as error:
        raise _misshapen("Patient", unit.place, error) from None
    return _Whose(number, problem, demographics, local_ids, tuple(_relationships(adapter, frame)))


def _other(adapter: Adapter, frame: Frame) -> Other | None:
    """The other patient of a merge, read by the same expressions as any."""
    tree = frame.root.get("other_patient") if adapter.decode.format == "hl7v2" else None
    if tree is None:
        return None
    there = Frame(tree, MappingFunctions(adapter.maps))
    number, problem = _nhs_number(adapter, there)
    named = "" if problem == "no-nhs-number" else problem
    return Other(str(frame.root.get("event")), number, named, _local_ids(adapter, there))


def _holds(rule: Refusal, frame: Frame) -> bool:
    return is_true(rule.when(frame.root, frame))


def _holding(rules: tuple[Refusal, ...], frame: Frame) -> Refusal | None:
    """The first rule that holds for the unit."""
    return next((rule for rule in rules if _holds(rule, frame)), None)


def take_number(unit: Unit, number: NHSNumber) -> None:
    """Let a unit that names nobody be mapped as this person's, whom its sender's own identifier names.

    The adapters of HL7 v2 make their ids of the number, so that a visit keeps its id. What has no such
    tree is keyed by its sender's identifiers, and stays as it is.
    """
    if isinstance(unit.tree, Message):
        unit.tree.take_nhs_number(number.value)


def map_unit(adapter: Adapter, unit: Unit, context: MappingContext) -> Mapped:
    """The unit's entries, with the person's subject, the source and opaque ids on them.

    Raises MappingError with the rule, the resource type and the field: the unit is then refused as
    a whole, because half a message misleads.
    """
    notes = Notes()
    frame = Frame(unit.tree, MappingFunctions(context.maps, notes))
    resources, named = _resources(adapter, unit, frame, context.repeats)
    if context.repeats is None:
        number = _nhs_number(adapter, frame)[0]
    else:
        number = _whose_again(adapter, unit, frame, context.repeats).number
    references = References(
        source=context.source.value,
        key=context.id_key,
        subject=context.subject,
        own=own_patients(resources, named) | set(context.patients),
        number=number.value if number else "",
    )
    lost = list(lost_of(adapter.decode.format, adapter.known, unit, whole=adapter.rules is None))
    stamp = Stamp(adapter.name, unit.place, context)
    made = _as_before(resources, references, stamp)
    if made is None:
        untranslated = [found for step in context.steps for found in step(resources)]
        made = [Made(_stamped(resource, references, stamp), ()) for resource in resources]
    else:
        untranslated = [found for one in made for found in one.untranslated]
    return Mapped(
        _each_once(made, lost),
        tuple(dict.fromkeys(notes.unmapped)),
        tuple(lost),
        tuple(notes.unread),
        tuple(untranslated),
    )


def _resources(
    adapter: Adapter, unit: Unit, frame: Frame, repeats: Repeats | None
) -> tuple[list[Resource], object]:
    """The resources of a unit as its source would have them, and which Patient the decoder named."""
    if adapter.rules is None:
        return list(unit.tree.get("resources", ())), unit.tree.get("patient", {}).get("id")
    if repeats is None or adapter.columns is None:
        return [made for rule in adapter.rules for made in _rendered(adapter, rule, unit, frame)], None
    found: list[Resource] = []
    notes, tree = frame.functions.notes, unit.tree
    for rule, told in zip(adapter.rules, adapter.columns.rules, strict=True):
        found += repeats.rule(rule.number, told(tree), notes, partial(_rendered, adapter, rule, unit, frame))
    return found, None


def _rendered(adapter: Adapter, rule: Rule, unit: Unit, frame: Frame) -> list[Resource]:
    """What a rule gives for a unit."""
    resources = list(_render(rule, unit, frame))
    for resource in resources:
        _drop_bare_units(resource)
        if adapter.decode.format == "json":
            fit(resource)
    return resources


def _as_before(resources: list[Resource], references: References, stamp: Stamp) -> list[Made] | None:
    """What is made of each resource by itself, where that was made before or may be; None where it may not,
    because one of the steps looks at what stands beside it."""
    context = stamp.context
    repeats, steps = context.repeats, context.steps
    if repeats is None or not all(map(is_apart, steps)):
        return None
    repeats.begin((context.source, context.subject, context.now, references.own, references.number))
    found: list[Made] = []
    for resource in resources:
        made = repeats.made(resource)
        if made is None:
            one = [resource]
            told = [code for step in steps for code in step(one)]
            if not all(step.apart(one[0]) for step in steps if is_apart(step)):
                repeats.forget()
                return None
            made = repeats.keep(resource, Made(_stamped(one[0], references, stamp), told))
        found.append(made)
    return found


def _render(rule: Rule, unit: Unit, frame: Frame) -> Iterator[Resource]:
    for scope in rule.scopes(unit.tree, frame):
        try:
            made = rule.template.run(scope, frame) or {}
        except MappingError as error:
            raise MappingError(
                error.message, where=f"{unit.place}, rule {rule.number} ({rule.kind})"
            ) from None
        for name in ("id", *rule.mandatory):
            if name not in made:
                raise MappingError(
                    f"{name} has no value, and a {rule.kind} needs it: mend the source, the map or the rule",
                    where=f"{unit.place}, rule {rule.number} ({rule.kind})",
                )
        for choice in r4().choices.get(rule.kind, ()):
            if choice.required and not made.keys() & choice.elements:
                raise MappingError(
                    f"{choice.name}[x] has no value, and a {rule.kind} needs it: mend the source or the rule",
                    where=f"{unit.place}, rule {rule.number} ({rule.kind})",
                )
        yield made


class Stamp(NamedTuple):
    """What every resource of a unit gets."""

    adapter: str
    place: str
    context: MappingContext


def _drop_bare_units(resource: Resource) -> None:
    """Take away a quantity whose number could not be read: the unit that a rule wrote would stand alone."""
    for node in (resource, *iterate(resource.get("component"))):
        for key in ("valueQuantity", "doseQuantity"):
            quantity = node.get(key) if isinstance(node, dict) else None
            if isinstance(quantity, dict) and "value" not in quantity:
                del node[key]


def _stamped(resource: Resource, references: References, stamp: Stamp) -> Entry:
    """The entry of a resource. Raises MappingError where it is not shaped as FHIR has it."""
    try:
        return _entry(resource, references, stamp)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _misshapen(str(resource.get("resourceType")), stamp.place, error) from None


def _each_once(several: Iterable[Made], lost: list[str]) -> tuple[Entry, ...]:
    """The entries, each once: what is repeated word for word is left out."""
    made: dict[str, Entry] = {}
    for entry, _ in several:
        known = made.setdefault(entry.reference, entry)
        if known is not entry and known.body != entry.body:
            lost.append(f"{entry.type} (the same id twice with different content: the first is kept)")
    return tuple(made.values())


def _entry(resource: Resource, references: References, stamp: Stamp) -> Entry:
    kind, context = str(resource["resourceType"]), stamp.context
    local = resource.get("id")
    strange = kind == "Patient" and local not in references.own
    if strange or any(map(references.is_other_person, subjects_of(resource))):
        raise MappingError(
            f"a {kind} is about somebody else than the payload's Patient: nothing of the payload is taken",
            code="another-person",
            where=stamp.place,
        )
    made, person = resource.copy(), f"Patient/{context.subject}"
    refers = b'"reference":' in orjson.dumps(resource)  # to look is cheaper than to walk
    stamp_subject(made, person)
    if kind == "Patient":
        made["link"] = [{"other": {"reference": person}, "type": "refer"}, *made.get("link", ())]
    found: set[str] = set()
    if refers:
        made = references.rewritten(made, found)
    elif kind == "Patient" or kind in SUBJECT_FIELDS:
        found.add(person)
    made["id"] = references.id_of(kind, _digest(resource) if local is None else str(local))
    made["meta"] = {**made.get("meta", {}), "source": f"urn:ods:{context.source}#{stamp.adapter}"}
    return pack(made, source=context.source.value, now=context.now, references=found)


def _misshapen(kind: str, place: str, error: Exception) -> MappingError:
    """FHIR's elements are objects, lists and texts where the specification says so; a source may send
    anything. Only the sort of error is told: its message could hold a value."""
    return MappingError(
        f"a {kind} is not shaped as FHIR R4 has it ({type(error).__name__}): nothing of the payload is taken",
        code="misshapen",
        where=place,
    )


def _digest(resource: Resource) -> str:
    """An identity for a resource that has none: its content."""
    return hashlib.sha256(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _nhs_number(adapter: Adapter, frame: Frame) -> tuple[NHSNumber | None, str]:
    if adapter.nhs_number is None:
        value: Any = [
            identifier.get("value")
            for identifier in (frame.root.get("patient") or {}).get("identifier", ())
            if identifier.get("system") == NHS_NUMBER_SYSTEM
        ]
    else:
        value = adapter.nhs_number(frame.root, frame)
    texts = {text for text in map(_scalar, iterate(value)) if text is not None}
    if not texts:
        return None, "no-nhs-number"
    try:
        numbers = {NHSNumber.parse(text) for text in texts}
    except ValueError:
        return None, "bad-nhs-number"
    return (numbers.pop(), "") if len(numbers) == 1 else (None, "bad-nhs-number")


def _demographics(adapter: Adapter, frame: Frame) -> Demographics:
    if not adapter.demographics:
        return demographics_of(frame.root.get("patient") or {})
    found = {name: run(frame.root, frame) for name, run in adapter.demographics.items()}
    given = tuple(text for text in map(_scalar, iterate(found.pop("given", None))) if text is not None)
    return Demographics(given=given, **{name: _scalar(value) for name, value in found.items()})


def _scalar(value: Any) -> str | None:
    """A text; the first of several; None for what is not text."""
    if isinstance(value, list):
        return next((text for text in map(_scalar, value) if text is not None), None)
    try:
        return as_text(value)
    except Unreadable:
        return None


def _local_ids(adapter: Adapter, frame: Frame) -> tuple[tuple[str, str], ...]:
    if adapter.local_ids is None:
        return tuple(_patient_ids(frame.root.get("patient") or {})) if adapter.rules is None else ()
    found = adapter.local_ids.run(frame.root, frame) or []
    return tuple((str(i["system"]), str(i["value"])) for i in found if i.get("system") and i.get("value"))


def _patient_ids(patient: Resource) -> Iterator[tuple[str, str]]:
    """The identifiers of a FHIR Patient other than the NHS Number."""
    for identifier in patient.get("identifier", ()):
        system, value = identifier.get("system"), identifier.get("value")
        if system and value and system != NHS_NUMBER_SYSTEM:
            yield str(system), str(value)


def _relationships(adapter: Adapter, frame: Frame) -> Iterator[tuple[str, OdsCode]]:
    """What is no ODS code is no relationship: nobody gains access by a slip of the keyboard."""
    for kind, run in adapter.relationships:
        for text in map(_scalar, iterate(run(frame.root, frame))):
            with contextlib.suppress(ValueError):
                organisation = OdsCode.parse(text or "")
                if organisation.value not in _NO_PRACTICE:
                    yield kind, organisation
