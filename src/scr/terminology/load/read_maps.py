"""The NHS Data Migration maps: Read v2 and CTV3 to SNOMED CT (``rcsctmap2``, ``ctv3sctmap2``).

Text with tabs. A row maps a code and a term of it; ``MapStatus`` 1 is in force, 0 is retired; ``IS_ASSURED``
1 has been checked by clinicians. Of several rows of a code the assured ones come first, then the preferred
term's (``00`` in Read v2, type ``P`` in CTV3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scr.errors import Invalid
from scr.terminology.load.lines import Fields, Table, header_of
from scr.terminology.load.package import Member
from scr.terminology.load.sctid import is_sctid
from scr.terminology.load.source import Source, Writing
from scr.terminology.release.build import Row
from scr.terminology.systems import CTV3, READ_V2, SNOMED_CT

_RETIRED, _IN_FORCE = "0", "1"
_NO_MAP = ("", "0", "_NONE", "_DRUG")


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's columns, named as they are compared: without case and underscores."""

    name: str
    system: str
    code: str
    term: str
    target: str
    preferred: tuple[str, str]
    """The column and the value that mark a code's preferred term."""


SHAPES = (
    Shape("read-v2-to-snomed-ct", READ_V2, "readcode", "termcode", "conceptid", ("termcode", "00")),
    Shape("ctv3-to-snomed-ct", CTV3, "ctv3conceptid", "ctv3termid", "sctconceptid", ("ctv3termtype", "P")),
)
_SHARED = ("mapstatus", "isassured", "effectivedate")


def shape_of(member: Member) -> Shape | None:
    """Which of the maps a file is, or None."""
    columns = _columns(member)
    return next((one for one in SHAPES if {one.code, one.term, one.target, *_SHARED} <= set(columns)), None)


def source(member: Member) -> Source:
    """One map file as a source. Raises Invalid where the columns are not those of a map."""
    shape = shape_of(member)
    if shape is None:
        raise Invalid(
            "has not the columns of a Read v2 or CTV3 map (code, term, concept, MapStatus, IS_ASSURED,"
            " EffectiveDate)",
            code="bad-terminology",
            where=f"{member.where}, line 1",
        )
    version = "".join(filter(str.isdigit, member.base))[-14:][:8]
    return Source(
        name=shape.name,
        format="read-map",
        version=version,
        members=(member,),
        write=lambda writing: _write(shape, version, member, writing),
        maps=frozenset({shape.name}),
    )


def _write(shape: Shape, version: str, member: Member, writing: Writing) -> None:
    table = Table(member, header_of(member))
    place = {name: at for at, name in enumerate(_columns(member))}
    number = writing.builder.map(shape.name, version, shape.system, SNOMED_CT, writing.edition)
    found = sorted(_rows(shape, place, table, writing))
    if not found:
        raise Invalid(
            "has no map in force in it: download it again", code="bad-terminology", where=member.where
        )
    writing.builder.insert("mapping", _mappings(number, found))


def _rows(
    shape: Shape, place: dict[str, int], table: Table, writing: Writing
) -> Iterator[tuple[str, bool, bool, str, str, int]]:
    """Code, not assured, not preferred, term code, target, line: in the order of preference once sorted."""
    column, value = shape.preferred
    for line, fields in writing.follow(table):
        status, assured = fields[place["mapstatus"]], fields[place["isassured"]]
        if status not in (_RETIRED, _IN_FORCE) or assured not in ("0", "1"):
            raise table.error("has neither 0 nor 1 for its status or its assurance", line)
        if status == _RETIRED:
            continue
        target = _target(fields, place[shape.target], table, line)
        code = fields[place[shape.code]]
        if len(code) != 5:
            raise table.error("has no code of five characters where it belongs", line)
        term = fields[place[shape.term]]
        yield code, assured != "1", fields[place[column]] != value, term, target, line


def _target(fields: Fields, at: int, table: Table, line: int) -> str:
    target = fields[at]
    if target in _NO_MAP:
        return ""
    if not is_sctid(target):
        raise table.error(f"{target[:30]!r} is not a concept's identifier", line)
    return target


def _mappings(number: int, found: Sequence[tuple[str, bool, bool, str, str, int]]) -> Iterator[Row]:
    """The terms of a code often mean the same: of those with one target and one term, the best stays."""
    code, at = "", 0
    seen: set[tuple[str, str]] = set()
    for source, doubtful, _, term, target, _ in found:
        if source != code:
            code, at, seen = source, 0, set()
        if (term, target) in seen:
            continue
        seen.add((term, target))
        at += 1
        yield number, source, term, 1, at, 0, target, "", "", "", "relatedto", int(not doubtful)


def _columns(member: Member) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", "").strip() for name in header_of(member))
