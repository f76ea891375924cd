"""Which files of the dictionary of medicines and devices were given, and the records in them.

The dictionary comes as XML files of the NHSBSA, one a kind of thing (``f_vmp2_3<DDMMYY>.xml``), weekly. A
file is known by its outermost element; its name has the date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scr.errors import Invalid
from scr.terminology.load.package import Member
from scr.terminology.load.xml import ends

ROOTS = {
    "VIRTUAL_THERAPEUTIC_MOIETIES": "vtm", "VIRTUAL_MED_PRODUCTS": "vmp", "ACTUAL_MEDICINAL_PRODUCTS": "amp",
    "VIRTUAL_MED_PRODUCT_PACK": "vmpp", "ACTUAL_MEDICINAL_PROD_PACKS": "ampp",
    "INGREDIENT_SUBSTANCES": "ingredient", "LOOKUP": "lookup", "GTIN_DETAILS": "gtin", "BNF_DETAILS": "bnf",
}  # fmt: skip
REQUIRED = ("vtm", "vmp", "amp", "vmpp", "ampp", "ingredient", "lookup")
_ROOT = re.compile(rb"<([A-Z][A-Z_]*)[\s>]")
_DATE = re.compile(r"f_[a-z]+\d*_\d(\d{2})(\d{2})(\d{2})\.xml", re.IGNORECASE)
Fields = Mapping[str, str]


def kind_of(member: Member) -> str | None:
    """What a file is of, by its outermost element; None where it is of another format."""
    if not member.name.lower().endswith(".xml"):
        return None
    found = _ROOT.search(member.head())
    return ROOTS.get(found[1].decode()) if found else None


def choose(members: Iterable[Member]) -> dict[str, Member]:
    """The files by kind. Raises Invalid for a kind that is missing or there twice, and for mixed weeks."""
    files: dict[str, Member] = {}
    for member in members:
        kind = kind_of(member)
        if kind is None:
            raise _refused("is none of the dictionary's files", member)
        if kind in files:
            raise _refused(f"is a second {kind} file, beside {files[kind].base}: give one week's", member)
        files[kind] = member
    missing = [kind for kind in REQUIRED if kind not in files]
    if missing:
        raise _refused(
            f"the dictionary is not whole without {', '.join(missing)}: give all files of a week",
            next(iter(files.values())),
        )
    _of_one_week(files)
    return files


def date_of(member: Member) -> str:
    """``YYYYMMDD`` of a file's name, or nothing."""
    found = _DATE.fullmatch(member.base)
    return f"20{found[3]}{found[2]}{found[1]}" if found else ""


def records(member: Member, *wanted: str) -> Iterator[tuple[str, str, Fields]]:
    """Each record of the elements wanted: the element around it, its own name, its fields.

    Fields that have fields of their own count as their ``GTIN``, the only such one that is asked for, and
    several of them with spaces between.
    Raises Invalid for what is not well formed, and for XML with definitions of its own.
    """
    for around, element in ends(member):
        if element.tag in wanted and around:
            yield around[-1].tag, element.tag, _fields(element)
            around[-1].clear()


def needed(fields: Fields, name: str, number: int, member: Member) -> str:
    """A field that has to be there. Raises Invalid naming the record by its place."""
    if not (value := fields.get(name, "")):
        raise _refused(f"record {number} has no {name}", member)
    return value


def _fields(element: Any) -> dict[str, str]:
    made: dict[str, str] = {}
    for child in element:
        if len(child):
            made[child.tag] = f"{made.get(child.tag, '')} {child.findtext('GTIN') or ''}".strip()
        else:
            made[child.tag] = child.text or ""
    return made


def _of_one_week(files: Mapping[str, Member]) -> None:
    dates = {date_of(member): member for kind, member in files.items() if kind != "bnf" and date_of(member)}
    if len(dates) > 1:
        (one, first), (other, second) = sorted(dates.items())[:2]
        raise _refused(f"is of {other}, and {first.base} of {one}: two weeks are mixed", second)


def _refused(message: str, member: Member) -> Invalid:
    return Invalid(message, code="bad-terminology", where=member.where)
