"""An adapter over a unit: the entries that it gives (``map_unit``). Whose it is: ``scr.mapping.claim``.

Pure. What every resource carries whatever its supplier (its patient, its source, its opaque id) is
put on here, never in YAML, and by the same code for templates and for FHIR that goes through as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import orjson

from scr.decode.hl7v2.message import Message
from scr.decode.tree import Unit
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import UNNAMED, NHSNumber, OdsCode
from scr.fhir.structure import Choice, r4
from scr.fhir.subjects import SUBJECT_FIELDS, stamp_subject, subjects_of
from scr.mapping.adapter import Adapter, Rule
from scr.mapping.claim import Claim as Claim
from scr.mapping.claim import Other as Other
from scr.mapping.claim import claim as claim
from scr.mapping.claim import misshapen, number_of, whose_again
from scr.mapping.closures import Frame
from scr.mapping.fit import fit
from scr.mapping.functions import MappingFunctions, Notes, UnmappedCode
from scr.mapping.loss import lost_of
from scr.mapping.meaning import Step, Untranslated, is_apart
from scr.mapping.references import References, names_others, own_patients
from scr.mapping.repeats import Made, Repeats
from scr.mapping.template import MappingError
from scr.mapping.values import iterate
from scr.terminology.conceptmap import ConceptMaps

Refers = frozenset[str] | None
"""The elements of a resource that may hold a reference (``scr.mapping.refers``); None: any."""


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
    resources, refer, named = _resources(adapter, unit, frame, context.repeats)
    if context.repeats is None:
        number = number_of(adapter, frame)[0]
    else:
        number = whose_again(adapter, unit, frame, context.repeats).number
    references = References(
        source=context.source.value,
        key=context.id_key,
        subject=context.subject,
        own=own_patients(resources, named) | set(context.patients),
        number=number.value if number else "",
    )
    lost = list(lost_of(adapter.decode.format, adapter.known, unit, whole=adapter.rules is None))
    stamp = Stamp(adapter.name, unit.place, context)
    made = _as_before(resources, refer, references, stamp)
    if made is None:
        untranslated = [found for step in context.steps for found in step(resources)]
        made = [
            Made(_stamped(resource, under, references, stamp), ())
            for resource, under in zip(resources, refer, strict=True)
        ]
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
) -> tuple[list[Resource], list[Refers], object]:
    """The resources of a unit as its source would have them, where in each references may stand, and which
    Patient the decoder named."""
    if adapter.rules is None:
        whole: list[Resource] = list(unit.tree.get("resources", ()))
        return whole, [None] * len(whole), unit.tree.get("patient", {}).get("id")
    found: list[Resource] = []
    refer: list[Refers] = []
    notes, tree = frame.functions.notes, unit.tree
    columns = None if repeats is None else adapter.columns
    for rule in adapter.rules:
        if repeats is None or columns is None:
            made = _rendered(adapter, rule, unit, frame)
        else:
            told, again = columns.rules[rule.number](tree), partial(_rendered, adapter, rule, unit, frame)
            made = repeats.rule(rule.number, told, notes, again)
        found += made
        refer += [rule.refers] * len(made)
    return found, refer, None


def _rendered(adapter: Adapter, rule: Rule, unit: Unit, frame: Frame) -> list[Resource]:
    """What a rule gives for a unit."""
    resources = list(_render(rule, unit, frame))
    if resources and rule.measures:
        for resource in resources:
            _drop_bare_units(resource)
    if adapter.decode.format == "json":
        for resource in resources:
            fit(resource)
    return resources


def _as_before(
    resources: list[Resource], refer: list[Refers], references: References, stamp: Stamp
) -> list[Made] | None:
    """What is made of each resource by itself, where that was made before or may be; None where it may not,
    because one of the steps looks at what stands beside it."""
    context = stamp.context
    repeats, steps = context.repeats, context.steps
    if repeats is None or not all(map(is_apart, steps)):
        return None
    repeats.begin((context.source, context.subject, context.now, references.own, references.number))
    found: list[Made] = []
    for resource, under in zip(resources, refer, strict=True):
        made = repeats.made(resource)
        if made is None:
            one = [resource]
            told = [code for step in steps for code in step(one)]
            if not all(step.apart(one[0]) for step in steps if is_apart(step)):
                repeats.forget()
                return None
            made = repeats.keep(resource, Made(_stamped(one[0], under, references, stamp), told))
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
        for choice in _required_choices(rule.kind):
            if made.keys().isdisjoint(choice.elements):
                raise MappingError(
                    f"{choice.name}[x] has no value, and a {rule.kind} needs it: mend the source or the rule",
                    where=f"{unit.place}, rule {rule.number} ({rule.kind})",
                )
        yield made


@cache
def _required_choices(kind: str) -> tuple[Choice, ...]:
    return tuple(choice for choice in r4().choices.get(kind, ()) if choice.required)


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


def _stamped(resource: Resource, refers: Refers, references: References, stamp: Stamp) -> Entry:
    """The entry of a resource. Raises MappingError where it is not shaped as FHIR has it."""
    try:
        return _entry(resource, refers, references, stamp)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise misshapen(str(resource.get("resourceType")), stamp.place, error) from None


def _each_once(several: Iterable[Made], lost: list[str]) -> tuple[Entry, ...]:
    """The entries, each once: what is repeated word for word is left out."""
    made: dict[str, Entry] = {}
    for entry, _ in several:
        known = made.setdefault(entry.reference, entry)
        if known is not entry and known.body != entry.body:
            lost.append(f"{entry.type} (the same id twice with different content: the first is kept)")
    return tuple(made.values())


def _entry(resource: Resource, refers: Refers, references: References, stamp: Stamp) -> Entry:
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
    anywhere = refers is None and names_others(resource)
    stamp_subject(made, person)
    if kind == "Patient":
        made["link"] = [{"other": {"reference": person}, "type": "refer"}, *made.get("link", ())]
    found: set[str] = set()
    if anywhere:
        made = references.rewritten(made, found)
    else:
        if refers:
            references.rewritten_under(refers, made, found)
        if kind == "Patient" or kind in SUBJECT_FIELDS:
            found.add(person)
    made["id"] = references.id_of(kind, UNNAMED + _digest(resource) if local is None else str(local))
    made["meta"] = {**made.get("meta", {}), "source": f"urn:ods:{context.source}#{stamp.adapter}"}
    return pack(made, source=context.source.value, now=context.now, references=found)


def _digest(resource: Resource) -> str:
    """An identity for a resource that has none: its content."""
    return hashlib.sha256(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)).hexdigest()
