"""ICD-10 and OPCS-4 as they are distributed: codes and titles, as text with tabs or as XML.

The NHS's ICD-10 has a first line that names its columns (``CODE``, ``ALT_CODE``, ``DESCRIPTION`` …); that of
OPCS-4 is only code and title. The hierarchy is in the codes: ``A17.0`` is below ``A17``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scr.errors import Invalid
from scr.terminology.load import claml, opcs_xml
from scr.terminology.load.lines import Table, header_of
from scr.terminology.load.package import Member
from scr.terminology.load.source import Source, Writing
from scr.terminology.spelling import icd_10, opcs_4
from scr.terminology.systems import ICD_10, OPCS_4

_OPCS_LINE = re.compile(r"[A-Z]\d{2}(?:\.?\d)?")
_ICD_COLUMNS = {"CODE", "ALT_CODE", "DESCRIPTION"}
_ICD_TITLE = ("DESCRIPTION", "MODIFIER_4", "MODIFIER_5")
"""The columns that make a title: what the fourth and the fifth character add stands in columns of its own."""
_VERSION = re.compile(r"(\d+(?:\.\d+)+|\d{8})")
_OPCS_NAMED = re.compile(r"OPCS[-_ ]?4[-_. ]?(\d{1,2})(?!\d)", re.IGNORECASE)
"""``OPCS410 CodesAndTitles Nov 2022 V1.0.txt``: the classification's version, and not that of the file."""
_STEM = 3


@dataclass(frozen=True, slots=True)
class _Entry:
    code: str
    title: str
    line: int


def kind_of(member: Member) -> str | None:
    """``icd-10``, ``opcs-4``, or None where a file is neither."""
    if claml.looks_like(member):
        return "icd-10"
    if opcs_xml.looks_like(member):
        return "opcs-4"
    header = header_of(member)
    if set(header) >= _ICD_COLUMNS:
        return "icd-10"
    two = len(header) == 2 and member.name.lower().endswith(".txt")
    return "opcs-4" if two and _OPCS_LINE.fullmatch(header[0]) else None


def source(member: Member) -> Source:
    """A file of codes and titles as a source. Raises Invalid where it is neither classification."""
    if claml.looks_like(member):
        return claml.source(member)
    kind = kind_of(member)
    if kind is None:
        raise Invalid(
            "is neither ICD-10 (columns CODE, ALT_CODE, DESCRIPTION; or ClaML) nor OPCS-4 (code, tab, title;"
            " or XML)",
            code="bad-terminology",
            where=f"{member.where}, line 1",
        )
    found = _VERSION.findall(member.base)
    named = _OPCS_NAMED.search(member.base) if kind == "opcs-4" else None
    version = f"4.{named[1]}" if named else found[-1] if found else ""
    return Source(
        name=kind,
        format="classification",
        version=version,
        members=(member,),
        write=lambda writing: _write(kind, version, member, writing),
        systems=frozenset({ICD_10 if kind == "icd-10" else OPCS_4}),
    )


def _write(kind: str, version: str, member: Member, writing: Writing) -> None:
    uri, title, read = (ICD_10, "ICD-10", _icd) if kind == "icd-10" else (OPCS_4, "OPCS-4", _opcs)
    builder = writing.builder
    system = builder.system(uri, version, title, writing.edition)
    table = Table(member, header_of(member))
    ids: dict[str, int] = {}
    for entry in read(table, writing):
        if not entry.title or len(entry.code) < _STEM:
            raise _error(table, "has no code and title where they belong", entry)
        if entry.code in ids:
            raise _error(table, f"code {entry.code} is there twice", entry)
        number = ids[entry.code] = builder.concept_id()
        builder.insert("concept", [(number, system, entry.code, 1, entry.title, "", "", 0, "")])
        place = builder.designation_id(system, entry.title, 0)
        builder.insert("designation", [(place, number, "synonym", "en-GB", entry.title, 1, 2, None)])
    builder.insert("parent", sorted(_parents(ids)))
    writing.close_hierarchy(system)


def _icd(table: Table, writing: Writing) -> Iterator[_Entry]:
    """``K20`` and ``K20.X`` of one title are one code: the second only fills it up to four characters."""
    code = table.columns.index("CODE")
    titles = [table.columns.index(name) for name in _ICD_TITLE if name in table.columns]
    met: dict[str, str] = {}
    for line, fields in writing.follow(table):
        title = ", ".join(filter(None, (fields[at].strip() for at in titles)))
        entry = _Entry(icd_10(fields[code].strip()), title, line)
        if met.get(entry.code) != entry.title:
            met[entry.code] = entry.title
            yield entry


def _opcs(table: Table, writing: Writing) -> Iterator[_Entry]:
    if opcs_xml.looks_like(table.member):
        writing.progress.step(table.member.base, table.member.size)
        for place, code, title in opcs_xml.records(table.member, writing.progress.at):
            yield _Entry(opcs_4(code), title, place)
        return
    yield _Entry(opcs_4(table.columns[0]), table.columns[1].strip(), 1)
    for line, fields in writing.follow(table):
        yield _Entry(opcs_4(fields[0].strip()), fields[1].strip(), line)


def _error(table: Table, message: str, entry: _Entry) -> Invalid:
    place = "record" if table.member.name.lower().endswith(".xml") else "line"
    return Invalid(message, code="bad-terminology", where=f"{table.member.where}, {place} {entry.line}")


def _parents(ids: dict[str, int]) -> Iterator[tuple[int, int]]:
    for code, number in ids.items():
        for end in range(len(code) - 1, _STEM - 1, -1):
            if (above := code[:end].rstrip(".")) in ids and above != code:
                yield number, ids[above]
                break
