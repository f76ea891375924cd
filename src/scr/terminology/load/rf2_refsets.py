"""SNOMED CT's reference sets: members, historical associations, inactivation reasons, maps, modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scr.terminology.load.rf2_files import File, Kind, Release
from scr.terminology.load.rf2_known import Known, rows
from scr.terminology.load.sctid import CONCEPT, DESCRIPTION, RELATIONSHIP, is_sctid, namespace
from scr.terminology.load.source import Writing
from scr.terminology.release.build import Row
from scr.terminology.release.schema import ASSOCIATIONS
from scr.terminology.spelling import SPELLINGS, icd_10_mark
from scr.terminology.systems import CTV3, ICD_10, OPCS_4, SNOMED_CT

TARGETS = {
    "447562003": ICD_10, "999002271000000101": ICD_10, "1126441000000105": OPCS_4,
    "1382401000000109": OPCS_4, "900000000000497000": CTV3,
    "446608001": "http://terminology.hl7.org/CodeSystem/icd-o-3",
}  # fmt: skip
"""What a map's targets are codes of. Those of another map can be had by its name, and have no system."""
_NEWEST_FIRST = ("1382401000000109", "999002271000000101", "1126441000000105", "447562003")
_REASON = "900000000000489007"
_NOT_A_CODE = "#"


def map_name(refset: str) -> str:
    """The address of a map, as FHIR gives one to each of SNOMED CT's."""
    return f"{SNOMED_CT}?fhir_cm={refset}"


def write(known: Known, writing: Writing) -> None:
    """Everything but the language reference sets."""
    release, builder = known.release, writing.builder
    _check_modules(known, writing)
    for file in release.of("simple"):
        builder.insert("member", sorted(set(_members(known, file, writing))))
    for file in release.of("association"):
        builder.insert("replacement", sorted(set(_replacements(known, file, writing))))
    for file in release.of("attribute-value"):
        builder.insert("property", _reasons(known, file, writing))
    maps = _Maps(known, writing)
    for kind, read in _READERS.items():
        for file in release.of(kind):
            builder.insert("mapping", maps.rows(file, read))


def _active(known: Known, file: File, writing: Writing) -> Iterator[tuple[int, list[str]]]:
    return (one for one in rows(file, writing) if one[1][2] == "1")


def _here(known: Known, text: str, file: File, line: int) -> int | None:
    """A concept; None for a description or for one of a package that was not given."""
    if text.isdigit():
        number = int(text)
        if number in known.concepts:
            return number
        of_another_kind = len(text) > 2 and text[-2] in (DESCRIPTION, RELATIONSHIP)
        if of_another_kind or (is_sctid(text, CONCEPT) and namespace(text) not in known.namespaces):
            return None
    return known.concept(text, file, line)


def _members(known: Known, file: File, writing: Writing) -> Iterator[tuple[int, int]]:
    for line, fields in _active(known, file, writing):
        member = _here(known, fields[5], file, line)
        refset = known.concept(fields[4], file, line)
        if member is not None:
            yield refset, member


def _replacements(known: Known, file: File, writing: Writing) -> Iterator[tuple[int, str, int]]:
    for line, fields in _active(known, file, writing):
        kind = ASSOCIATIONS.get(fields[4])
        concept = _here(known, fields[5], file, line)
        target = _here(known, fields[6], file, line)
        if kind is not None and concept is not None and target is not None:
            yield concept, kind, target


def _reasons(known: Known, file: File, writing: Writing) -> Iterator[Row]:
    for line, fields in _active(known, file, writing):
        concept = _here(known, fields[5], file, line)
        if fields[4] == _REASON and concept is not None:
            yield concept, "inactivationReason", "code", str(known.concept(fields[6], file, line))


@dataclass(slots=True)
class _Maps:
    """The maps, each noted when its first row comes."""

    known: Known
    writing: Writing
    numbers: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def rows(self, file: File, read: Callable[[list[str]], tuple[int, int, str, str, str]]) -> Iterator[Row]:
        for line, fields in _active(self.known, file, self.writing):
            source = _here(self.known, fields[5], file, line)
            if source is None:
                continue
            refset = fields[4]
            number = self.numbers.get(refset) or self._note(refset, file)
            try:
                group, priority, target, rule, advice = read(fields)
            except ValueError:
                raise file.table.error("has no number for its map group or priority", line) from None
            self.count += 1
            system = TARGETS.get(refset, "")
            code, mark = _target(system, target)
            advice = " | ".join(filter(None, (advice, mark)))
            yield number, str(source), "", group, priority, self.count, code, "", rule, advice, _HOW, 1

    def _note(self, refset: str, file: File) -> int:
        number = self.numbers[refset] = self.writing.builder.map(
            map_name(refset), f"{file.owner}/{file.date}", SNOMED_CT, TARGETS.get(refset, ""),
            self.writing.edition, precedence=1 + _place(refset),
        )  # fmt: skip
        return number


_HOW = "relatedto"


def _place(refset: str) -> int:
    return _NEWEST_FIRST.index(refset) if refset in _NEWEST_FIRST else len(_NEWEST_FIRST)


def _target(system: str, text: str) -> tuple[str, str]:
    """A target as it is kept, and what its letter or its sign says: ``#NC`` has no code."""
    if not text or text.startswith(_NOT_A_CODE):
        return "", text
    mark = icd_10_mark(text) if system == ICD_10 else ""
    spelt = SPELLINGS.get(system)
    return (spelt(text) if spelt else text), mark


def _simple(fields: list[str]) -> tuple[int, int, str, str, str]:
    return 1, 1, fields[6], "", ""


def _complex(fields: list[str]) -> tuple[int, int, str, str, str]:
    return int(fields[6]), int(fields[7]), fields[10], fields[8], fields[9]


_READERS: dict[Kind, Callable[[list[str]], tuple[int, int, str, str, str]]] = {
    "simple-map": _simple, "complex-map": _complex, "extended-map": _complex,
}  # fmt: skip


def _check_modules(known: Known, writing: Writing) -> None:
    """Hold the packages to what they say they lean on: module and date (Module Dependency Reference Set)."""
    dated: dict[str, str] = {}
    needs: list[tuple[File, int, list[str]]] = []
    for file in known.release.of("module-dependency"):
        for line, fields in _active(known, file, writing):
            dated[fields[3]] = max(dated.get(fields[3], ""), fields[6])
            needs.append((file, line, fields))
    there = {about[1] for about in known.concepts.values()}
    for file, line, fields in needs:
        module, other, wanted = fields[3], fields[5], fields[7]
        if fields[6] != dated[module]:
            continue
        if other not in there | dated.keys():
            raise file.table.error(
                f"module {module} needs module {other} of {wanted}, which is in no file:"
                " give the package that it is in too",
                line,
            )
        if dated.get(other, wanted) != wanted:
            raise file.table.error(
                f"module {module} needs module {other} of {wanted}, and that of {dated[other]} was given:"
                " give packages that belong together",
                line,
            )


def maps_of(release: Release) -> frozenset[str]:
    """The names of the maps that the files may hold."""
    there = any(file.kind in _READERS for file in release.files)
    return frozenset(map(map_name, TARGETS)) if there else frozenset()
