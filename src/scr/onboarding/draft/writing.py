"""The parts that a draft's templates are made of: expressions over a column, each with its remark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scr.onboarding.draft.columns import Path, quoted
from scr.onboarding.draft.kinds import CODED, Confidence, Kind
from scr.onboarding.draft.recognise import Finding
from scr.terminology import systems

_NAMES = frozenset({"root", "item", "outer", "index"})
_SYSTEMS = {
    Kind.SNOMED: systems.SNOMED_CT,
    Kind.DMD: systems.DMD,
    Kind.READ_V2: systems.READ_V2,
    Kind.CTV3: systems.CTV3,
    Kind.ICD_10: systems.ICD_10,
    Kind.OPCS_4: systems.OPCS_4,
    Kind.LOINC: systems.LOINC,
}
_LEVEL = {"high": 2, "medium": 1, "low": 0}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text of the template, and what stands beside it as a comment."""

    text: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a column went: a FHIR path, or "" where it is not placed."""

    finding: Finding
    target: str
    confidence: Confidence
    question: str


@dataclass(frozen=True, slots=True)
class MapDraft:
    """A concept map to be filled in: the supplier's words, the system of the targets, its codes."""

    name: str
    values: tuple[str, ...]
    system: str
    codes: tuple[str, ...]
    column: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A resource rule; ``about`` is the sentence above it, ``sheet`` the one of a workbook that it is for."""

    about: str
    resource: dict[str, object]
    when: str = ""
    for_each: str = ""
    scope: Path = ()
    sheet: str = ""


@dataclass(slots=True)
class Writer:
    """Makes the leaves of the templates and notes where each column went.

    ``adapter`` is the name of the draft, ``scope`` the list that the templates stand in, ``around`` the
    lists that this one is in. With ``sheets`` the scope is one of a workbook.
    """

    adapter: str
    plain: bool
    scope: Path = ()
    placed: dict[Path, list[Placement]] = field(default_factory=dict)
    maps: dict[str, MapDraft] = field(default_factory=dict)
    around: tuple[Path, ...] = ()
    sheets: bool = False

    def within(self, scope: Path, around: tuple[Path, ...] = ()) -> Writer:
        """The same for a rule that goes over a list, or over the rows of a sheet."""
        return Writer(self.adapter, self.plain, scope, self.placed, self.maps, around, self.sheets)

    def path(self, finding: Finding) -> str:
        """The way to a column from where the template stands."""
        path = finding.column.path
        if self.scope and self.scope == (path[:1] if self.sheets else finding.column.group):
            path = path[len(self.scope) :]
            return _join(path, head=True) if path else "@"
        return ("root." if self.scope else "") + _join(path, head=not self.scope)

    def for_each(self) -> str:
        """The expression for the list that the rule goes over."""
        if self.sheets:
            return ""  # a rule names its sheet
        lists = (*self.around, self.scope) if self.around else ()
        return f"{{{{ {_join(self.scope, head=True, lists=lists)} }}}}" if self.scope else ""

    def text_of(self, finding: Finding) -> str:
        """An expression that gives text: a JSON number or truth value would be none."""
        return f"text({self.path(finding)})" if self.plain else self.path(finding)

    def leaf(
        self,
        finding: Finding,
        target: str,
        expression: str,
        question: str = "",
        confidence: Confidence = "high",
    ) -> Leaf:
        """One expression about a column, its place noted. No surer than the column itself is."""
        sure = min(confidence, finding.confidence, key=_LEVEL.__getitem__)
        asked = " ".join(dict.fromkeys(part for part in (finding.question, question) if part))
        sure = "medium" if asked and sure == "high" else sure
        self.placed.setdefault(finding.column.path, []).append(Placement(finding, target, sure, asked))
        return Leaf(f"{{{{ {expression} }}}}", f"{sure}: {asked}" if asked else sure)

    def text(
        self, finding: Finding, target: str, question: str = "", confidence: Confidence = "high"
    ) -> Leaf:
        """The column's text as it is."""
        return self.leaf(finding, target, self.text_of(finding), question, confidence)

    def when(
        self, finding: Finding, target: str, question: str = "", confidence: Confidence = "high"
    ) -> Leaf:
        """A FHIR date or dateTime."""
        return self.leaf(finding, target, self.date_of(finding), question, confidence)

    def day(self, finding: Finding, target: str) -> Leaf:
        """A FHIR date, whether the column has the time of the day or not."""
        return self.leaf(finding, target, self.date_of(finding, "date"))

    def date_of(self, finding: Finding, call: str = "") -> str:
        """The expression of a date by the formats that were found."""
        formats = finding.times.formats if finding.times else ()
        call = call or ("datetime" if finding.kind is Kind.DATETIME else "date")
        arguments = [self.path(finding), *(f"'{each}'" for each in formats)]
        return f"{call}({', '.join(arguments)})"

    def period(self, start: Finding | None, end: Finding | None, target: str) -> dict[str, object]:
        """A Period of what is there."""
        found: dict[str, object] = {}
        if start is not None:
            found["start"] = self.when(start, f"{target}.start")
        if end is not None:
            found["end"] = self.when(end, f"{target}.end")
        return found

    def concept(
        self, finding: Finding, target: str, question: str = "", confidence: Confidence = "high"
    ) -> dict[str, object]:
        """A CodeableConcept: a coding where the system is known by the code's shape, or else the words."""
        if finding.kind in CODED:
            code = self.leaf(finding, f"{target}.coding", f"trim({self.path(finding)})", question, confidence)
            return {"coding": [{"system": _SYSTEMS[finding.kind], "code": code}]}
        return {"text": self.text(finding, f"{target}.text", question, confidence)}

    def identifier(self, finding: Finding, target: str) -> dict[str, object]:
        """An Identifier in a system named after the adapter and the column."""
        system = f"urn:{self.adapter}:{slug(finding.column.path[-1])}"
        return {"system": system, "value": self.text(finding, target)}

    def status(
        self, finding: Finding | None, target: str, system: str, codes: Sequence[str], otherwise: str
    ) -> Leaf | str:
        """A required code: by a map of the supplier's words, and where that says nothing, as told."""
        if finding is None:
            return (
                Leaf(otherwise, "low: Nothing in the sample says so: is it right for every row?")
                if ("{{" not in otherwise)
                else Leaf(otherwise, "medium: Told by the dates alone.")
            )
        name = self.map_of(finding, system, codes)
        inner = otherwise[2:-2].strip() if "{{" in otherwise else f"'{otherwise}'"
        meanwhile = "told by the dates" if "{{" in otherwise else otherwise
        question = f"Fill in the map {name}: until then it is {meanwhile}."
        return self.leaf(
            finding, target, f"translate('{name}', {self.path(finding)}) || {inner}", question, "medium"
        )

    def map_of(self, finding: Finding, system: str, codes: Sequence[str]) -> str:
        """The name of the map drafted for a column."""
        name = f"{self.adapter}-{slug(finding.column.name)}"[:80]
        held = self.maps.get(name)
        if held is not None and held.column != finding.column.name:
            name = f"{name}-{len(self.maps)}"
        self.maps.setdefault(name, MapDraft(name, finding.values, system, tuple(codes), finding.column.name))
        return name


def joined(paths: Iterable[str], separator: str = " ") -> str:
    """The expression of some paths as one text; of one path, that path."""
    each = list(dict.fromkeys(paths))
    return each[0] if len(each) == 1 else f"join('{separator}', [{', '.join(each)}])"


def slug(text: str) -> str:
    """Small letters and digits with hyphens; never empty."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", spaced.lower()).strip("-") or "column"


def display(text: str) -> str:
    """A column's name as the words of a template: nothing in it that a template would take for its own."""
    spaced = re.sub(r"[_.\s]+", " ", re.sub(r"[{}]", "", text)).strip()
    return "".join(c for c in spaced if c.isprintable()) or "Column"


def _join(path: Path, *, head: bool, lists: tuple[Path, ...] = ()) -> str:
    parts = [quoted(name) + ("[]" if path[: n + 1] in lists else "") for n, name in enumerate(path)]
    if head and path and path[0] in _NAMES:
        parts.insert(0, "@")
    return ".".join(parts)
