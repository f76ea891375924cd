"""OPCS-4's codes and titles as XML.

The elements' names are not published with the standard, so that none is taken for granted: a record is an
element that has, as elements or attributes of its own, one field that is called a code and holds one, and one
that is called a title or description. Every record has to be like the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scr.errors import Invalid
from scr.terminology.load.package import Member
from scr.terminology.load.xml import ends, name_of

_XML = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<[?!A-Za-z]")
_NAME = re.compile(rb"<[^>]*opcs", re.IGNORECASE)
_CODE = re.compile(r"[A-Z]\d{2}(?:\.?\d)?")
_TITLES = ("title", "description", "term")


def looks_like(member: Member) -> bool:
    """Whether a file is XML that names OPCS, in an element or its file's name."""
    if not member.name.lower().endswith(".xml"):
        return False
    head = member.head()
    named = _NAME.search(head) is not None or "opcs" in member.base.lower()
    codes = b"code" in head.lower() and b"<xs:schema" not in head and b"<xsd:schema" not in head
    return _XML.match(head) is not None and named and codes


def records(member: Member, at: Any) -> Iterator[tuple[int, str, str]]:
    """The place (from 1), code and title of each record. Raises Invalid naming the place."""
    shape: tuple[str, str, str] | None = None
    count = 0
    for around, element in ends(member, at=at):
        fields = _fields(element)
        if shape is None:
            shape = _shape(name_of(element), fields)
        if shape is None or name_of(element) != shape[0]:
            continue
        count += 1
        code, title = fields.get(shape[1], ""), fields.get(shape[2], "")
        if _CODE.fullmatch(code) is None or not title:
            raise Invalid(
                "has no code and title where the first record has them",
                code="bad-terminology",
                where=f"{member.where}, record {count}",
            )
        yield count, code, title
        if around:
            around[-1].clear()
    if not count:
        raise Invalid(
            "has no record with a code and a title", code="bad-terminology", where=f"{member.where}, its end"
        )


def _fields(element: Any) -> Mapping[str, str]:
    found = {name.rpartition("}")[2]: value.strip() for name, value in element.attrib.items()}
    for child in element:
        if not len(child):
            found[name_of(child)] = " ".join((child.text or "").split())
    return found


def _shape(name: str, fields: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The names of a record, its code and its title, where an element is one."""
    code = next((one for one in fields if "code" in one.lower() and _CODE.fullmatch(fields[one])), "")
    title = next(
        (one for each in _TITLES for one in fields if each in one.lower() and fields[one] and one != code), ""
    )
    return (name, code, title) if code and title else None
