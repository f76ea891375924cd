"""CSV tables of a deployment's own: maps, as in ``terminology/maps``, and lists of codes.

A map has the columns of ``scr.terminology.conceptmap``; in a release it holds for a code's very spelling. A
list has ``system``, ``code`` and ``display``, and may have ``parent``, ``active`` (``yes``, ``no``) and
``definition``. A map of the deployment's own is asked before any that was published.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from scr.errors import Invalid
from scr.terminology.conceptmap import ANY, COLUMNS, OPTIONAL
from scr.terminology.load.package import Member
from scr.terminology.load.source import Source, Writing
from scr.terminology.spelling import SPELLINGS
from scr.terminology.systems import SNOMED_CT

LIST = ("system", "code", "display")
LIST_OPTIONAL = ("parent", "active", "definition")
_ACTIVE = {"": 1, "yes": 1, "no": 0}
_SHAPES = ((COLUMNS, OPTIONAL), (LIST, LIST_OPTIONAL))
Cells = Mapping[str, str]


def looks_like(member: Member) -> bool:
    """Whether a file is one of these tables."""
    return member.name.lower().endswith(".csv") and any(
        set(columns) <= set(_header(member)) for columns, _ in _SHAPES
    )


def source(member: Member) -> Source:
    """One table as a source. Raises Invalid for columns that are neither a map's nor a list's."""
    header = _header(member)
    name = PurePosixPath(member.name).stem
    rows = list(_rows(member, header))
    version = hashlib.sha256(member.read()).hexdigest()[:12]
    edition = f"csv:{name}"
    if "source_code" in header:
        return Source(
            name=edition,
            format="csv",
            version=version,
            members=(member,),
            write=lambda writing: _write_map(name, version, rows, member, writing),
            maps=frozenset({name}),
        )
    return Source(
        name=edition,
        format="csv",
        version=version,
        members=(member,),
        write=lambda writing: _write_list(name, version, rows, member, writing),
        systems=frozenset(cells["system"] for _, cells in rows),
    )


def _header(member: Member) -> list[str]:
    first = member.head().decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    return [name.strip() for name in next(csv.reader([first.strip()]), [])]


def _rows(member: Member, header: list[str]) -> Iterator[tuple[int, Cells]]:
    columns, optional = next(
        ((needed, more) for needed, more in _SHAPES if set(needed) <= set(header)), ((), ())
    )
    unknown = [name for name in header if name not in (*columns, *optional)]
    if not columns or unknown or len(set(header)) < len(header):
        raise _error(
            member,
            1,
            f"the columns are not those of a map ({', '.join(COLUMNS)}) or of a list ({', '.join(LIST)})",
        )
    try:
        text = member.read().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        next(reader, None)
        for cells in reader:
            if any(cells):
                if len(cells) != len(header):
                    raise _error(member, reader.line_num, f"{len(cells)} cells instead of {len(header)}")
                yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except UnicodeDecodeError:
        raise _error(member, 1, "not UTF-8: save the file as UTF-8") from None
    except csv.Error as error:
        raise _error(member, reader.line_num, f"not a CSV file: {error}") from None


def _write_map(
    name: str, version: str, rows: list[tuple[int, Cells]], member: Member, writing: Writing
) -> None:
    targets = _targets(rows)
    numbers: dict[tuple[str, str], int] = {}
    seen: set[tuple[str, str]] = set()
    for line, cells in rows:
        system, code = cells.get("source_system", ""), cells["source_code"]
        spell = SPELLINGS.get(system, str)
        code = code if code == ANY else spell(code)
        if not code or (system, code) in seen:
            raise _error(member, line, f"source_code {code!r} is empty or there twice: keep one row")
        if cells["target_code"] and not cells["target_system"]:
            raise _error(member, line, "target_code has no target_system: name its system")
        seen.add((system, code))
        for target in [cells["target_system"]] if cells["target_system"] else targets.get(system, [""]):
            if (system, target) not in numbers:
                numbers[system, target] = writing.builder.map(
                    name, version, system, target, writing.edition, precedence=0
                )
            row = (
                numbers[system, target], code, "", 1, 1, 0, cells["target_code"], cells["target_display"], "",
                cells.get("note", ""), "relatedto" if cells["target_code"] else "unmatched", 1,
            )  # fmt: skip
            writing.builder.insert("mapping", [row])


def _targets(rows: list[tuple[int, Cells]]) -> dict[str, list[str]]:
    """The target systems of each source system: what stands for nothing does so in all of them."""
    found: dict[str, dict[str, None]] = {}
    for _, cells in rows:
        if cells["target_system"]:
            found.setdefault(cells.get("source_system", ""), {})[cells["target_system"]] = None
    return {system: list(targets) for system, targets in found.items()}


def _write_list(
    name: str, version: str, rows: list[tuple[int, Cells]], member: Member, writing: Writing
) -> None:
    builder = writing.builder
    systems: dict[str, int] = {}
    ids: dict[tuple[str, str], int] = {}
    for line, cells in rows:
        uri, active = cells["system"], _ACTIVE.get(cells.get("active", ""))
        code = SPELLINGS.get(uri, str)(cells["code"])
        if not uri or uri == SNOMED_CT or not code or not cells["display"] or active is None:
            raise _error(
                member,
                line,
                "needs a system other than SNOMED CT, a code, a display, and yes or no for active",
            )
        if (uri, code) in ids:
            raise _error(member, line, f"code {code!r} is there twice")
        if uri not in systems:
            systems[uri] = builder.system(uri, version, name, writing.edition)
        number = ids[uri, code] = builder.concept_id()
        display = cells["display"]
        row = (number, systems[uri], code, active, display, "", "", 0, cells.get("definition", ""))
        builder.insert("concept", [row])
        place = builder.designation_id(systems[uri], display, 0, active=bool(active))
        builder.insert("designation", [(place, number, "synonym", "en-GB", display, 1, 2, None)])
    for line, cells in rows:
        if parent := cells.get("parent"):
            spell = SPELLINGS.get(cells["system"], str)
            above = ids.get((cells["system"], spell(parent)))
            if above is None:
                raise _error(member, line, f"parent {parent!r} is no code of the list")
            builder.insert("parent", [(ids[cells["system"], spell(cells["code"])], above)])
    for system in systems.values():
        writing.close_hierarchy(system)


def _error(member: Member, line: int, message: str) -> Invalid:
    return Invalid(message, code="bad-terminology", where=f"{member.where}, line {line}")
