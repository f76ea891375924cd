"""The checks of the standard suite (``scr.mapping.check``), each a function that gives what is wrong.

A finding is a place and a sentence; it names elements, and no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scr.data import DataFiles, Document
from scr.decode.tree import DecodeError, Unit
from scr.errors import Invalid
from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.subjects import SUBJECT_FIELDS
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter
from scr.mapping.closures import Frame
from scr.mapping.functions import MappingFunctions
from scr.mapping.samples import BROKEN, Sample
from scr.mapping.template import MappingError
from scr.mapping.trial import SOURCE, SUBJECT, Outcome, outcomes
from scr.mapping.uk_core import Requirement, missing

_OPAQUE = 26
"""Characters of an id that the program made."""

_TEN_DIGITS = re.compile(r"(?<!\d)\d{3} ?\d{3} ?\d{4}(?!\d)")
_STOPS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks look at."""

    files: DataFiles
    adapter: Adapter
    document: Document
    samples: tuple[Sample, ...]
    requirements: tuple[Requirement, ...]

    def units(self) -> Iterator[tuple[str, Outcome]]:
        """Every outcome of every sample, with its place."""
        for sample in self.samples:
            for outcome in sample.outcomes:
                yield f"{sample.name}, {outcome.place}", outcome

    def entries(self) -> Iterator[tuple[str, Entry, Resource]]:
        """Every entry of every sample, with its place and as JSON."""
        for where, outcome in self.units():
            entries = outcome.mapped.entries if outcome.mapped else ()
            for entry, body in zip(entries, outcome.bodies, strict=True):
                yield f"{where}, {entry.type}", entry, body


_Found = Iterator[tuple[str, str]]


def _schema(subject: Subject) -> _Found:
    name = subject.adapter.name
    if not any(subject.files.walk("adapters", f"{name}/README.md")):
        yield name, "there is no README.md: say whose system it is, and what goes where"
    if not subject.samples:
        yield name, "there are no samples: add payloads to samples/"


def _goldens(subject: Subject) -> _Found:
    for sample in subject.samples:
        try:
            golden = sample.golden()
        except Invalid as error:
            yield sample.golden_path.name, error.message
            continue
        if golden is None:
            yield (
                sample.name,
                (
                    "nothing says what it must give: "
                    f"`scr adapters check {subject.adapter.name} --write-goldens`, then read what it wrote"
                ),
            )
        elif place := first_difference(golden, sample.found):
            yield sample.name, f"it gives something else than {sample.golden_path.name} says, at {place}"


def first_difference(a: Any, b: Any, at: str = "") -> str:
    """The path of the first place where two JSON values differ; empty where they do not."""
    if isinstance(a, dict) and isinstance(b, dict):
        parts = [(f"{at}.{key}" if at else key, a.get(key), b.get(key)) for key in {**a, **b}]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        parts = [(f"{at}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    elif isinstance(a, list) and isinstance(b, list):
        return f"{at or 'the whole'} ({len(a)} items are written, and {len(b)} found)"
    else:
        return "" if type(a) is type(b) and a == b else at or "the whole"
    return next((place for path, x, y in parts if (place := first_difference(x, y, path))), "")


def _r4(subject: Subject) -> _Found:
    for where, _, body in subject.entries():
        for problem in validate(body):
            yield where, f"{problem.path}: {problem.sentence}"


def models(subject: Subject) -> _Found:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    for where, entry, body in subject.entries():
        try:
            get_fhir_model_class(entry.type).model_validate(body)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                yield where, f"fhir.resources: {'.'.join(map(str, each['loc']))}: {each['type']}"


def _uk_core(subject: Subject) -> _Found:
    for where, _, body in subject.entries():
        for profile, element in missing(body, subject.requirements):
            yield where, f"{element} is required by {profile}"


def _stamped(subject: Subject) -> _Found:
    source = f"urn:ods:{SOURCE}#{subject.adapter.name}"
    for where, entry, body in subject.entries():
        if body["meta"].get("source") != source:
            yield where, f"meta.source is not {source}"
        if len(entry.id) != _OPAQUE:
            yield where, "its id is not opaque"
        about = entry.type in SUBJECT_FIELDS or entry.type == "Patient"
        if about and f"Patient/{SUBJECT}" not in entry.references:
            yield where, "it is not about the person"
    for where, outcome in subject.units():
        told = outcome.claim.nhs_number if outcome.claim else None
        for number in _numbers(outcome):
            if told is None or number != told.value:
                yield where, "its Patient has another NHS Number than the one that the unit is filed by"


def _numbers(outcome: Outcome) -> Iterator[str]:
    for body in outcome.bodies:
        for identifier in body.get("identifier", ()) if body["resourceType"] == "Patient" else ():
            if identifier.get("system") == NHS_NUMBER_SYSTEM and identifier.get("use") != "old":
                yield str(identifier.get("value"))


def _references(subject: Subject) -> _Found:
    for where, entry, _ in subject.entries():
        for reference in entry.references:
            kind, _, local = reference.rpartition("/")
            if reference == f"Patient/{SUBJECT}" or "://" in kind:
                continue
            if kind == "Patient" or len(local) != _OPAQUE:
                yield where, f"a reference to a {kind or 'resource'} keeps the source's own id"


def _idempotent(subject: Subject) -> _Found:
    for sample in subject.samples:
        if tuple(outcomes(subject.adapter, sample.raw)) != sample.outcomes:
            yield sample.name, "mapped a second time it gives something else"


def _expressions(subject: Subject) -> _Found:
    seen: set[str] = set()
    for sample in subject.samples:
        used_by(subject.adapter, sample.raw, seen)
    for place in subject.adapter.expressions:
        if place not in seen:
            yield (
                _where(subject.document, place),
                (f"{place}: no sample uses this expression: add one that does, or remove it"),
            )


def _where(document: Document, place: str) -> str:
    keys = next((keys for keys in document.lines if ".".join(map(str, keys)) == place), ())
    return document.where(*keys)


def used_by(adapter: Adapter, raw: bytes, seen: set[str]) -> None:
    """Run every expression of an adapter over a payload, and note those that gave a value."""
    try:
        units = [unit for unit in adapter.units(raw) if isinstance(unit, Unit)]
    except DecodeError:
        return
    fixed = [adapter.nhs_number, *adapter.demographics.values(), *(run for _, run in adapter.relationships)]
    fixed += [refusal.when for refusal in (*adapter.passed, *adapter.refusals)]
    fixed += [adapter.local_ids.run] if adapter.local_ids is not None else []
    for unit in units:
        frame = Frame(unit.tree, MappingFunctions(adapter.maps), seen=seen)
        for run in fixed:
            if run is not None:
                run(unit.tree, frame)
        for rule in adapter.rules or ():
            try:
                for scope in rule.scopes(unit.tree, frame):
                    rule.template.run(scope, frame)
            except MappingError:
                continue  # a broken sample: what it reached is noted


def _codes(subject: Subject) -> _Found:
    for sample in subject.samples:
        try:
            golden = sample.golden() or []
        except Invalid:
            golden = []
        known = {tuple(each) for unit in golden for each in unit.get("unmappedCodes", ())}
        for outcome in sample.outcomes:
            for unmapped in outcome.mapped.unmapped_codes if outcome.mapped else ():
                if tuple(unmapped) not in known:
                    yield (
                        f"{sample.name}, {outcome.place}",
                        (f"a code has no row in terminology/maps/{unmapped.map}.csv: add it"),
                    )


def _labels(subject: Subject) -> _Found:
    given = {(entry.type, label) for _, entry, _ in subject.entries() for label in entry.labels}
    for keys, kind, label in _declared_labels(subject.document):
        if (kind, label) not in given:
            yield subject.document.where(*keys), f"no sample gives a {kind} with the label {label}"


def _declared_labels(document: Document) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """The labels that the file puts on in plain text: where, on which type, and ``system|code``."""
    value = document.value
    rules = value.get("resources") if isinstance(value, dict) else None
    for i, rule in enumerate(rules if isinstance(rules, list) else []):
        resource = rule["resource"]
        meta = resource.get("meta")
        security = meta.get("security") if isinstance(meta, dict) else None
        for coding in security if isinstance(security, list) else [security]:
            label = (
                f"{coding.get('system', '')}|{coding.get('code', '')}" if isinstance(coding, dict) else "{{"
            )
            if "{{" not in label:
                yield ("resources", i, "resource", "meta", "security"), resource["resourceType"], label


def _refusals(subject: Subject) -> _Found:
    broken = [sample for sample in subject.samples if sample.name.startswith(BROKEN)]
    if not broken:
        yield subject.adapter.name, "no sample is broken: add samples/broken-… with something to be refused"
    for sample in broken:
        refused = [outcome.refused for outcome in sample.outcomes if outcome.refused]
        if not refused:
            yield sample.name, "nothing of it is refused"
        for text in refused:
            if ": " not in text:
                yield sample.name, "the refusal names no place"
            if any(map(_is_number, _TEN_DIGITS.findall(text))):
                yield sample.name, "the refusal holds an NHS Number"
    for sample in subject.samples:
        for part in (b"", sample.raw[: len(sample.raw) // 2], sample.raw[len(sample.raw) // 3 :]):
            try:
                list(outcomes(subject.adapter, part))
            except _STOPS as error:
                yield sample.name, f"a part of {len(part)} bytes stops the program ({type(error).__name__})"


def _is_number(text: str) -> bool:
    try:
        NHSNumber.parse(text)
    except ValueError:
        return False
    return True


CHECKS: dict[str, tuple[str, Callable[[Subject], _Found]]] = {
    "schema": ("The file is valid, and has a README and samples.", _schema),
    "goldens": ("Each sample gives what is written beside it.", _goldens),
    "r4": ("Each resource is valid FHIR R4.", _r4),
    "uk-core": ("Each resource has what UK Core requires.", _uk_core),
    "subject": ("Each resource is about the person, from the source, with an opaque id.", _stamped),
    "references": ("References lead to what is made, or outside.", _references),
    "idempotent": ("A sample mapped twice gives the same.", _idempotent),
    "expressions": ("Each expression is used by a sample.", _expressions),
    "codes": ("Each code of the samples has its row in a map.", _codes),
    "labels": ("Each label that the file puts on is on a resource of a sample.", _labels),
    "refusals": ("What is broken is refused, with its place and nobody's number.", _refusals),
}
"""The checks, each with what it holds."""
