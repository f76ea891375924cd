"""A supplier's adapter: ``adapters/<name>/adapter.yaml``, validated, its expressions compiled once."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from scr.data import DataFiles, Document, load_yaml
from scr.decode.sheets import OWN
from scr.decode.tree import BadUnit, Tree, Unit
from scr.errors import NotFound
from scr.fhir.headings import HEADINGS, heading_of
from scr.fhir.subjects import MANDATORY, SUBJECT_FIELDS
from scr.mapping.adapter_checks import check_id, check_rules, check_whole
from scr.mapping.adapter_file import (
    AdapterFile,
    DemographicsRules,
    Ignored,
    QuarantineRule,
    ResourceRule,
    Supplier,
)
from scr.mapping.closures import Frame, Run
from scr.mapping.expression import Expression
from scr.mapping.formats import IN_ROWS, Decode, WorkbookFormat, units_of
from scr.mapping.loss import fields_read, known_fields, named
from scr.mapping.paths import Path, Scope
from scr.mapping.refers import refer_in
from scr.mapping.repeats import Columns, columns
from scr.mapping.template import Compiler, Controls, Template, compile_template, controls, scopes
from scr.terminology.conceptmap import ConceptMaps

FILE = "adapter.yaml"
_QUANTITIES = frozenset({"valueQuantity", "doseQuantity", "component"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled resource rule. ``mandatory`` are the elements without which the unit is refused.

    ``sheet``: the sheet of a workbook whose rows it is for. ``refers``: see ``scr.mapping.refers``.
    ``measures``: whether its resource may hold a quantity that was measured.
    """

    number: int
    kind: str
    words: Controls
    template: Template
    mandatory: tuple[str, ...]
    sheet: str = ""
    refers: frozenset[str] | None = None
    measures: bool = True

    def scopes(self, tree: Tree, frame: Frame) -> Iterable[Any]:
        """What the template is rendered for: the unit, its row of the sheet, or the items of either."""
        if self.sheet and tree.get(OWN) != self.sheet:
            return ()
        return scopes(self.words, tree[self.sheet] if self.sheet else tree, frame)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A compiled rule of ``quarantine_when`` or ``nothing_when``."""

    when: Run
    code: str
    reason: str


class ColumnsRead(NamedTuple):
    """The columns of a table that tell whose a row is, and those that each rule reads."""

    whose: Columns
    rules: tuple[Columns, ...]


@dataclass(frozen=True)
class Adapter:
    """A supplier's mapping, ready to run.

    ``headings`` are the headings of the record that it can contribute to. ``rules`` is None where every
    resource of a FHIR payload goes through as it is. ``known`` are the source's fields that an expression
    reads or that are ``ignored`` on purpose. ``expressions`` are those of the file, by key path;
    ``fingerprint`` its name and the beginning of its SHA-256, ``name@digest``.
    """

    name: str
    supplier: Supplier
    decode: Decode
    headings: frozenset[str]
    maps: ConceptMaps
    nhs_number: Run | None
    demographics: dict[str, Run]
    local_ids: Template | None
    relationships: tuple[tuple[str, Run], ...]
    refusals: tuple[Refusal, ...]
    passed: tuple[Refusal, ...]
    rules: tuple[Rule, ...] | None
    known: frozenset[tuple[str, ...]] = frozenset()
    ignored: tuple[Ignored, ...] = ()
    expressions: dict[str, Expression] = field(default_factory=dict, repr=False)
    fingerprint: str = ""

    @cached_property
    def number_at(self) -> str:
        """The fields that hold the NHS Number, as people name them."""
        told = self.expressions.get("nhs_number")
        if told is None:
            return "Patient.identifier"
        return " or ".join(sorted({name for path in told.reads if (name := named(self.decode.format, path))}))

    @cached_property
    def columns(self) -> ColumnsRead | None:
        """The columns that each part of the mapping reads, where the payload is a table; else None."""
        if self.rules is None or not isinstance(self.decode, IN_ROWS):
            return None

        def under(*keys: str) -> Columns:
            begin = tuple(f"{key}." for key in keys)
            found = {
                path[0]
                for place, expression in self.expressions.items()
                if f"{place}.".startswith(begin)
                for path in expression.reads
            }
            return columns(sorted(found))

        return ColumnsRead(
            under("nhs_number", "demographics", "local_ids", "relationships"),
            tuple(under(f"resources.{rule.number}") for rule in self.rules),
        )

    def units(self, raw: bytes) -> Iterator[Unit | BadUnit]:
        """Decode a payload. Raises DecodeError where none of it can be read."""
        return units_of(raw, self.decode)


def load_adapters(files: DataFiles) -> dict[str, Adapter]:
    """Every adapter, by name. Raises Invalid naming file, line and key of the first thing wrong."""
    maps = ConceptMaps.load(files)
    names = [name.split("/")[0] for name, _ in files.walk("adapters", f"*/{FILE}")]
    return {name: load_adapter(files, name, maps) for name in names}


def load_adapter(files: DataFiles, name: str, maps: ConceptMaps | None = None) -> Adapter:
    """One adapter. Raises NotFound with the nearest name, or Invalid with file, line and key."""
    try:
        path = files.find("adapters", f"{name}/{FILE}")
    except NotFound:
        known = [found.split("/")[0] for found, _ in files.walk("adapters", f"*/{FILE}")]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"add adapters/{name}/{FILE}"
        raise NotFound(f"there is no adapter {name!r}; {hint}", code="no-such-adapter") from None
    given = maps if maps is not None else ConceptMaps.load(files)
    same = tuple((title, id(table)) for title, table in given.maps.items())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return _read_once(name, path, digest, _Given(same, given))


@dataclass(frozen=True, slots=True)
class _Given:
    """The maps that an adapter is compiled with: as long as each of them is the same, so are they."""

    same: tuple[tuple[str, int], ...]
    maps: ConceptMaps = field(compare=False)


@lru_cache(maxsize=256)
def _read_once(name: str, path: FilePath, digest: str, given: _Given) -> Adapter:
    """A process reads its adapters for several ends: as long as the file and the maps are the same, once."""
    document = load_yaml(path)
    adapter = _compiled(name, document.parse(AdapterFile), Compiler(document, given.maps))
    return replace(adapter, fingerprint=f"{name}@{digest}")


def _compiled(name: str, file: AdapterFile, compiler: Compiler) -> Adapter:
    check_rules(file, compiler)
    rules = (
        None
        if file.resources == "all"
        else tuple(_rule(number, rule, file.decode, compiler) for number, rule in enumerate(file.resources))
    )
    adapter = Adapter(
        name=name,
        supplier=file.supplier,
        decode=file.decode,
        headings=_headings(file, compiler),
        maps=compiler.maps,
        nhs_number=_optional(file.nhs_number, ("nhs_number",), compiler),
        demographics=_demographics(file.demographics, compiler),
        local_ids=compile_template(_raw(compiler.document, "local_ids"), ("local_ids",), compiler)
        if file.local_ids
        else None,
        relationships=tuple(
            (kind, compiler.single(text, ("relationships", kind)))
            for kind, text in file.relationships.items()
        ),
        refusals=_refusals("quarantine_when", file.quarantine_when, compiler),
        passed=_refusals("nothing_when", file.nothing_when, compiler),
        rules=rules,
        known=known_fields(
            file.decode.format,
            (*keys_read(file.decode), *_paths_read(file.decode, compiler)),
            (name for ignored in file.ignore for name in ignored.fields),
        ),
        ignored=file.ignore,
        expressions=compiler.expressions,
    )
    check_whole(file, compiler)
    return adapter


def keys_read(decode: Decode) -> dict[Path, str]:
    """The paths that the decoder itself has read, to know which row a row belongs to; and of what sheet."""
    return dict(decode.keys) if isinstance(decode, WorkbookFormat) else {}


def _paths_read(decode: Decode, compiler: Compiler) -> Iterator[Path]:
    for place, expression in compiler.expressions.items():
        yield from fields_read(decode.format, place, expression)


def _raw(document: Document, key: str) -> object:
    """The plain YAML value: pydantic makes tuples of lists, and a template is told by its lists."""
    return document.value.get(key) if isinstance(document.value, dict) else None


def _optional(text: str, keys: tuple[str | int, ...], compiler: Compiler) -> Run | None:
    return compiler.single(text, keys) if text else None


def _refusals(key: str, rules: Sequence[QuarantineRule], compiler: Compiler) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(compiler.single(rule.when, (key, i, "when")), rule.code, rule.reason)
        for i, rule in enumerate(rules)
    )


def _demographics(rules: DemographicsRules, compiler: Compiler) -> dict[str, Run]:
    return {
        name: compiler.single(text, ("demographics", name))
        for name, text in rules.model_dump().items()
        if text
    }


def _rule(number: int, rule: ResourceRule, decode: Decode, compiler: Compiler) -> Rule:
    keys: tuple[str | int, ...] = ("resources", number)
    kind = str(rule.resource["resourceType"])
    if rule.sheet:
        compiler = replace(compiler, scope=Scope((rule.sheet,)))
    words: dict[str, Any] = {
        k: v for k, v in (("for_each", rule.for_each), ("when", rule.when)) if v is not None
    }
    control = controls(words, keys, compiler)
    at = (*keys, "resource")
    for word in ("for_each", "when"):
        if word in rule.resource:
            raise compiler.error(f"{word} stands beside `resource`, not in it", (*at, word))
    subject = SUBJECT_FIELDS.get(kind)
    if subject in rule.resource and subject != "participant":
        raise compiler.error("the patient is stamped on every resource: remove this", (*at, str(subject)))
    for name in MANDATORY.get(kind, ()):
        if name not in rule.resource:
            raise compiler.error(f"a {kind} needs {name} (FHIR R4): add it", at)
    check_id(kind, rule.resource["id"], (*at, "id"), compiler)
    template = compile_template(rule.resource, at, control.inner)
    refers = refer_in(rule.resource, at, decode, compiler.expressions)
    measures = not _QUANTITIES.isdisjoint(rule.resource)
    return Rule(number, kind, control, template, MANDATORY.get(kind, ()), rule.sheet, refers, measures)


def _headings(file: AdapterFile, compiler: Compiler) -> frozenset[str]:
    """As declared, or as the templates' types and constant categories tell."""
    for i, heading in enumerate(file.headings):
        if heading not in HEADINGS:
            near = difflib.get_close_matches(heading, HEADINGS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(HEADINGS)}"
            raise compiler.error(f"there is no heading {heading!r}; {hint}", ("headings", i))
    if file.headings:
        return frozenset(file.headings)
    if file.resources == "all":
        raise compiler.error(
            "resources: all needs headings: list those that this source can contribute to", ()
        )
    return frozenset(heading_of(_constants(rule.resource)) for rule in file.resources)


def _constants(node: Any) -> Any:
    """A template's constant parts."""
    if isinstance(node, dict):
        return {k: v for k, v in ((k, _constants(v)) for k, v in node.items()) if v is not None}
    if isinstance(node, list):
        return [v for v in map(_constants, node) if v is not None]
    return None if isinstance(node, str) and "{{" in node else node
