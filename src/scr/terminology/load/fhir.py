"""FHIR R4 CodeSystem, ValueSet and ConceptMap into a release (https://hl7.org/fhir/R4/terminology-module.html).

The concepts of a code system and the rows of a concept map go into the tables; the resources themselves are
kept without them. A value set is kept as it is: it is expanded when somebody asks. Of a hierarchy, concepts
within concepts and the properties ``parent``, ``child`` and ``subsumedBy`` are read, unless the code system
says that its hierarchy means something else than is-a.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import BaseModel, ValidationError

from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.terminology.load.fhir_files import package_of, resources
from scr.terminology.load.fhir_shapes import (
    CodeSystem,
    CodeSystemConcept,
    ConceptMap,
    Element,
    Group,
    Target,
    ValueSet,
)
from scr.terminology.load.package import Member
from scr.terminology.load.source import Source, Writing
from scr.terminology.release.build import Row
from scr.terminology.spelling import SPELLINGS
from scr.terminology.systems import SNOMED_CT

_WITH_CONCEPTS = ("complete", "fragment", "example")
_IS_A = ("", "is-a")
_ABOVE, _BELOW = ("parent", "subsumedBy"), ("child",)
_NO_TARGET = ("unmatched", "disjoint")
_NOTHING = Target(equivalence="unmatched")
_RETIRED = ("retired", "deprecated", "inactive")
_MODELS: dict[str, type[CodeSystem] | type[ValueSet] | type[ConceptMap]] = {
    "CodeSystem": CodeSystem, "ValueSet": ValueSet, "ConceptMap": ConceptMap,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Given:
    """A resource as it was sent, read, and the file that it is in."""

    body: Resource
    read: CodeSystem | ValueSet | ConceptMap
    member: Member

    @property
    def key(self) -> tuple[str, str]:
        return str(self.body["resourceType"]), self.read.url


def source(path: Path, members: Sequence[Member]) -> Source:
    """What a file, folder or NPM package holds, as one source. Raises Invalid."""
    given = [_check(member, body) for member, body in resources(members)]
    if not given:
        raise Invalid("holds no CodeSystem, ValueSet or ConceptMap", code="bad-terminology", where=str(path))
    seen: dict[tuple[str, str], _Given] = {}
    for one in given:
        if one.key in seen:
            raise _refused(one, f"is there twice, in {seen[one.key].member.base} too")
        seen[one.key] = one
    named = package_of(members)
    alone = (given[0].read.url, given[0].read.version) if len(given) == 1 else (path.stem, "")
    name, version = named or alone
    return Source(
        name=name,
        format="fhir",
        version=version,
        members=tuple(members),
        write=lambda writing: _write(given, writing),
        systems=frozenset(one.read.url for one in given if _has_concepts(one.read)),
        maps=frozenset(one.read.url for one in given if isinstance(one.read, ConceptMap)),
        resources=frozenset(seen),
    )


def _check(member: Member, body: Resource) -> _Given:
    kind = str(body["resourceType"])
    model: type[BaseModel] = _MODELS[kind]
    try:
        read = model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise Invalid(f"{kind}.{at}: {first['msg']}", code="bad-terminology", where=member.where) from None
    assert isinstance(read, CodeSystem | ValueSet | ConceptMap)
    found = _Given(body, read, member)
    if read.url == SNOMED_CT and _has_concepts(read):
        raise _refused(found, "is SNOMED CT, which is read from its Release Format 2 files")
    return found


def _has_concepts(read: object) -> bool:
    return isinstance(read, CodeSystem) and read.content in _WITH_CONCEPTS


def _write(given: Sequence[_Given], writing: Writing) -> None:
    writing.progress.step("resources", len(given))
    for at, one in enumerate(given):
        body = {name: value for name, value in one.body.items() if name != "text"}
        if isinstance(one.read, CodeSystem) and _has_concepts(one.read):
            body.pop("concept", None)
            _CodeSystem(one, one.read, writing).write()
        elif isinstance(one.read, ConceptMap):
            body.pop("group", None)
            _write_map(one, one.read, writing)
        kind, url = one.key
        row = (
            kind,
            url,
            one.read.version,
            one.read.title or one.read.name,
            writing.edition,
            orjson.dumps(body),
        )
        writing.builder.insert("resource", [row])
        writing.progress.at(at)


@dataclass(slots=True)
class _CodeSystem:
    """A code system being written."""

    given: _Given
    read: CodeSystem
    writing: Writing
    system: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    above: set[tuple[str, str]] = field(default_factory=set)

    def write(self) -> None:
        builder = self.writing.builder
        read = self.read
        self.system = builder.system(read.url, read.version, read.title or read.name, self.writing.edition)
        for concept, parent in _walk(read.concept, ""):
            self._concept(concept)
            if parent:
                self.above.add((concept.code, parent))
        if read.hierarchyMeaning in _IS_A:
            builder.insert("parent", sorted(self._pairs()))
            self.writing.close_hierarchy(self.system)

    def _concept(self, one: CodeSystemConcept) -> None:
        builder = self.writing.builder
        if one.code in self.ids:
            raise _refused(self.given, f"has the code {one.code!r} twice")
        number = self.ids[one.code] = builder.concept_id()
        display = one.display or one.code
        active = int(not _retired(one))
        row = (number, self.system, one.code, active, display, "", "", 0, one.definition)
        builder.insert("concept", [row])
        builder.insert("designation", self._designations(one, number, display, bool(active)))
        builder.insert("property", ((number, p.code, p.type, p.text) for p in one.property if p.text))
        self.above.update((one.code, p.text) for p in one.property if p.code in _ABOVE)
        self.above.update((p.text, one.code) for p in one.property if p.code in _BELOW)

    def _designations(self, one: CodeSystemConcept, number: int, display: str, active: bool) -> Iterator[Row]:
        place = self.writing.builder.designation_id
        language = self.read.language
        yield (
            place(self.system, display, 0, active=active), number, "synonym", language, display, 1, 2, None
        )  # fmt: skip
        for each in one.designation:
            tier = place(self.system, each.value, 1, active=active)
            yield tier, number, each.use.code or "synonym", each.language or language, each.value, 1, 1, None

    def _pairs(self) -> Iterator[tuple[int, int]]:
        for child, parent in self.above:
            if child not in self.ids or parent not in self.ids:
                raise _refused(self.given, f"puts {child!r} below {parent!r}, and one of them is not in it")
            yield self.ids[child], self.ids[parent]


def _walk(concepts: Sequence[CodeSystemConcept], parent: str) -> Iterator[tuple[CodeSystemConcept, str]]:
    waiting = [(concept, parent) for concept in reversed(concepts)]
    while waiting:
        concept, above = waiting.pop()
        yield concept, above
        waiting += ((inner, concept.code) for inner in reversed(concept.concept))


def _retired(one: CodeSystemConcept) -> bool:
    return any(
        (p.code == "inactive" and p.text == "true") or (p.code == "status" and p.text in _RETIRED)
        for p in one.property
    )


def _write_map(given: _Given, read: ConceptMap, writing: Writing) -> None:
    numbers: dict[tuple[str, str], int] = {}
    builder = writing.builder
    for place, group in enumerate(read.group):
        pair = (group.source, group.target)
        if pair not in numbers:
            numbers[pair] = builder.map(read.url, read.version, *pair, writing.edition)
        builder.insert("mapping", _mappings(numbers[pair], place, group, _once(given, group)))


def _once(given: _Given, group: Group) -> Iterator[Element]:
    """The elements of a group. Raises Invalid for a code that is there twice: which would hold?"""
    spell = SPELLINGS.get(group.source, str)
    seen: set[str] = set()
    for element in group.element:
        code = spell(element.code)
        if code in seen:
            raise _refused(given, f"maps the code {element.code!r} twice in one group")
        seen.add(code)
        yield element


def _mappings(number: int, place: int, group: Group, elements: Iterable[Element]) -> Iterator[Row]:
    spell = SPELLINGS.get(group.source, str)
    for element in elements:
        code = spell(element.code)
        for at, target in enumerate(element.target or (_NOTHING,), 1):
            if target.equivalence in _NO_TARGET:
                yield number, code, "", 1, at, place, "", "", "", target.comment, target.equivalence, 1
            else:
                yield (
                    number, code, "", 1, at, place, target.code, target.display, target.rule, target.comment,
                    target.equivalence, 1,
                )  # fmt: skip
    other = group.unmapped
    if other is not None and other.mode in ("provided", "fixed"):
        code = "*" if other.mode == "provided" else other.code
        yield number, "*", "", 1, 1, place, code, other.display, "", "", "inexact", 1


def _refused(one: _Given, message: str) -> Invalid:
    return Invalid(f"{one.key[0]} {one.key[1]} {message}", code="bad-terminology", where=one.member.where)
