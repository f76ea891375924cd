"""Which files of SNOMED CT's Release Format 2 were given, and whether they make a release.

A file is known by its columns; its name says the rest: Snapshot, Full or Delta, whose it is and of which
date (``sct2_Concept_Snapshot_INT_20260101.txt``; Release File Specification, chapter 3). A package that has
Full, Snapshot and Delta side by side is read by its Snapshot. What does not belong together is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from scr.errors import Invalid
from scr.terminology.load.lines import Table, header_of
from scr.terminology.load.package import Member

Kind = Literal[
    "concept", "description", "relationship", "concrete", "simple", "language", "association",
    "attribute-value", "simple-map", "complex-map", "extended-map", "module-dependency", "other",
]  # fmt: skip

_START = ("id", "effectiveTime", "active", "moduleId")
_REFSET = (*_START, "refsetId", "referencedComponentId")
_MAP = (*_REFSET, "mapGroup", "mapPriority", "mapRule", "mapAdvice", "mapTarget", "correlationId")
_RELATION = ("relationshipGroup", "typeId", "characteristicTypeId", "modifierId")
HEADERS: dict[tuple[str, ...], Kind] = {
    (*_START, "definitionStatusId"): "concept",
    (*_START, "conceptId", "languageCode", "typeId", "term", "caseSignificanceId"): "description",
    (*_START, "sourceId", "destinationId", *_RELATION): "relationship",
    (*_START, "sourceId", "value", *_RELATION): "concrete",
    _REFSET: "simple",
    (*_REFSET, "acceptabilityId"): "language",
    (*_REFSET, "targetComponentId"): "association",
    (*_REFSET, "valueId"): "attribute-value",
    (*_REFSET, "mapTarget"): "simple-map",
    _MAP: "complex-map",
    (*_MAP, "mapCategoryId"): "extended-map",  # the International release
    (*_MAP, "mapBlock"): "extended-map",  # the UK's
    (*_REFSET, "sourceEffectiveTime", "targetEffectiveTime"): "module-dependency",
}
"""The columns of each kind of file. A reference set of any other columns says nothing that is asked here."""

_EXPECTED: tuple[tuple[str, Kind], ...] = (
    ("StatedRelationship", "other"), ("RelationshipConcreteValues", "concrete"), ("Concept", "concept"),
    ("Description", "description"), ("TextDefinition", "description"), ("Relationship", "relationship"),
)  # fmt: skip
_EXPECTED_REFSETS: tuple[tuple[str, Kind], ...] = (
    ("Language", "language"), ("Association", "association"), ("AttributeValue", "attribute-value"),
    ("ModuleDependency", "module-dependency"), ("ExtendedMap", "extended-map"),
    ("ComplexMap", "complex-map"), ("SimpleMap", "simple-map"), ("Simple", "simple"),
)  # fmt: skip
"""What a file of a name has to hold, so that one with columns missing is not taken for something else."""
REQUIRED: tuple[Kind, ...] = ("concept", "description", "relationship", "language")
_NAME = re.compile(
    r"x?(?:sct2|der2)_(?P<content>\w*?)_?(?P<release>Snapshot|Full|Delta)(?:-(?P<language>[A-Za-z-]+))?"
    r"_(?P<owner>[A-Za-z]*\d*)_(?P<date>\d{8})(?:T\d+Z)?\.txt"
)
_PATTERN = re.compile(r"^[a-z]*Refset_")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a release. ``owner`` is a country and namespace: ``INT``, ``GB1000000``."""

    kind: Kind
    table: Table
    release: str
    owner: str
    date: str


@dataclass(frozen=True, slots=True)
class Release:
    """The Snapshot files of one release, of one or several packages."""

    files: tuple[File, ...]

    def of(self, kind: Kind) -> Iterator[File]:
        """The files of a kind."""
        return (file for file in self.files if file.kind == kind)

    @property
    def version(self) -> str:
        """The packages with their dates, the newest first."""
        packages = {(file.date, file.owner) for file in self.files}
        return " ".join(f"{owner}/{date}" for date, owner in sorted(packages, reverse=True))


def looks_like(member: Member) -> bool:
    """Whether a file is one of Release Format 2."""
    return header_of(member)[:4] == _START or _NAME.fullmatch(member.base) is not None


def choose(members: Iterable[Member]) -> Release:
    """The release that files make. Raises Invalid for half a release and for a mixed one."""
    files = [_read(member) for member in members]
    snapshots = [file for file in files if file.release == "Snapshot"]
    if not snapshots:
        raise _refused(
            "has no Snapshot files: give the package's Snapshot folder, or the whole package", files
        )
    _one_date_each(files)
    _not_beside(files, snapshots)
    _complete(snapshots)
    return Release(tuple(snapshots))


def _read(member: Member) -> File:
    columns = header_of(member)
    name = _NAME.fullmatch(member.base)
    if name is None:
        raise Invalid(
            "its name does not say whether it is a Snapshot, whose it is and of which date:"
            " give it the name that it was published with",
            code="bad-terminology",
            where=member.where,
        )
    kind = HEADERS.get(columns, "other")
    stem = _PATTERN.sub("", name["content"])
    table = _EXPECTED if stem == name["content"] else _EXPECTED_REFSETS
    expected = next((kind for start, kind in table if stem.startswith(start)), kind)
    if kind != expected != "other":
        raise Invalid(
            f"its columns are not those of a file of this name: {' '.join(columns)}",
            code="bad-terminology",
            where=f"{member.where}, line 1",
        )
    if expected == "other":
        kind = "other"
    return File(kind, Table(member, columns), name["release"], name["owner"], name["date"])


def _one_date_each(files: list[File]) -> None:
    """A package has one date; a later Delta beside a Snapshot says that the Snapshot is not its state."""
    dates: dict[str, File] = {}
    for file in files:
        first = dates.setdefault(file.owner, file)
        if first.date != file.date:
            raise Invalid(
                f"is of {file.date}, and {first.table.member.base} of {first.date}: two releases are mixed;"
                " give the files of one, such as its Snapshot folder alone",
                code="bad-terminology",
                where=file.table.member.where,
            )


def _not_beside(files: list[File], snapshots: list[File]) -> None:
    folders = {file.table.member.where.rpartition("/")[0] for file in snapshots}
    for file in files:
        if file.release != "Snapshot" and file.table.member.where.rpartition("/")[0] in folders:
            raise Invalid(
                f"is a {file.release} file among Snapshot files: give the package as it was published",
                code="bad-terminology",
                where=file.table.member.where,
            )


def _complete(snapshots: list[File]) -> None:
    for owner in sorted({file.owner for file in snapshots}):
        there = {file.kind for file in snapshots if file.owner == owner}
        if there == {"other"}:
            continue
        missing = [kind for kind in REQUIRED if kind not in there]
        if missing:
            raise _refused(
                f"is half a release: {owner} has no {', no '.join(missing)} file; download it again, and give"
                " all of it",
                [file for file in snapshots if file.owner == owner],
            )


def _refused(message: str, files: list[File]) -> Invalid:
    where = files[0].table.member.where.rpartition("/")[0] if files else ""
    return Invalid(message, code="bad-terminology", where=where)
