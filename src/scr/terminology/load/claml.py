"""ICD-10 in the Classification Markup Language (ClaML, ISO 13120), as the WHO distributes it.

A ``Class`` is a chapter, a block or a category; ``SuperClass`` says what it is below, the ``Rubric`` of kind
``preferred`` (or ``preferredLong``) what it is called. Characters that a category takes as well stand in
``ModifierClass``; ``ModifiedBy`` says which: a fourth (``.0``) makes codes of the category itself, a fifth
codes of its subcategories that are written out, unless an ``ExcludeModifier`` says that one has none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scr.errors import Invalid
from scr.terminology.load.package import Member
from scr.terminology.load.source import Source, Writing
from scr.terminology.load.xml import ends, name_of
from scr.terminology.spelling import icd_10
from scr.terminology.systems import ICD_10

_ROOT = re.compile(rb"<ClaML[\s>]")
_OURS = re.compile(r"ICD-?10(?!-?(?:[A-Z]{2,}|[a-z]{2,}))", re.IGNORECASE)
_NAMED = re.compile(r"(\d+(?:\.\d+)+|\d{8}|\d{4})")
_KINDS = frozenset({"chapter", "block", "category"})
_MOST = 200_000
"""Classes of one file; ICD-10 has some 13,000."""


@dataclass(slots=True)
class Class:
    """One class: its place among the classes of the file, and what is said of it."""

    place: int
    code: str
    kind: str
    title: str
    above: tuple[str, ...] = ()
    usage: str = ""
    modifiers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The modifiers, each with the codes of it that are valid; all, where none is named."""
    excluded: frozenset[str] = frozenset()


def looks_like(member: Member) -> bool:
    """Whether a file is of this format."""
    return member.name.lower().endswith(".xml") and _ROOT.search(member.head()) is not None


def source(member: Member) -> Source:
    """The file as a source. What is in it is read when it is written."""
    found = _NAMED.findall(member.base)
    version = _version(member) or (found[-1] if found else "")
    return Source(
        name="icd-10",
        format="classification",
        version=version,
        members=(member,),
        write=lambda writing: _write(member, version, writing),
        systems=frozenset({ICD_10}),
    )


def _version(member: Member) -> str:
    """By the title of the file. Raises Invalid for another classification than ICD-10."""
    for _, element in ends(member, doctype=True):
        if name_of(element) != "Title":
            continue
        name = element.get("name") or " ".join("".join(element.itertext()).split())
        if _OURS.match(name) is None:
            raise _bad(member, f"is the classification {name[:40]!r}, and not ICD-10", "Title")
        return (element.get("version") or element.get("date") or "").replace("-", "")
    raise _bad(member, "says nowhere which classification it is", "Title")


def _write(member: Member, version: str, writing: Writing) -> None:
    writing.progress.step(member.base, member.size)
    classes, characters = _read(member, writing)
    if not classes:
        raise _bad(member, "has no class in it: download it again", "its end")
    builder = writing.builder
    system = builder.system(ICD_10, version, "ICD-10", writing.edition)
    ids: dict[str, int] = {}
    below: list[tuple[int, str, Class]] = []
    every = {one.code: one for one in classes}
    if len(every) != len(classes):
        raise _twice(member, classes)
    for one in (*classes, *_made(classes, every, characters)):
        code = icd_10(one.code)
        if code in ids:
            continue  # a code that is written out, and would be made of a modifier as well
        number = ids[code] = builder.concept_id()
        builder.insert("concept", [(number, system, code, 1, one.title, "", "", 0, "")])
        place = builder.designation_id(system, one.title, 0)
        builder.insert("designation", [(place, number, "synonym", "en-GB", one.title, 1, 2, None)])
        builder.insert("property", [(number, "kind", "code", one.kind)])
        if one.usage:
            builder.insert("property", [(number, "usage", "code", one.usage)])
        below += ((number, icd_10(above), one) for above in one.above)
    for _, above, one in below:
        if above not in ids:
            raise _bad(member, f"is below {above}, which is no class: the file is cut short", _at(one))
    builder.insert("parent", sorted({(number, ids[above]) for number, above, _ in below}))
    writing.close_hierarchy(system)


def _read(member: Member, writing: Writing) -> tuple[list[Class], dict[str, dict[str, str]]]:
    """The classes in their order, and the titles of each modifier's characters."""
    classes: list[Class] = []
    characters: dict[str, dict[str, str]] = defaultdict(dict)
    for around, element in ends(member, doctype=True, at=writing.progress.at):
        if len(around) != 1:
            continue
        if name_of(element) == "Class":
            classes.append(_class(member, element, len(classes) + 1))
        elif name_of(element) == "ModifierClass":
            code = element.get("code") or ""
            characters[element.get("modifier") or ""][code] = _title(element)
        around[0].clear()
        if len(classes) > _MOST:
            raise _bad(member, f"has more than {_MOST} classes, which is too much for one", "Class")
    return classes, characters


def _class(member: Member, element: Any, place: int) -> Class:
    code, kind = (element.get("code") or "").strip(), element.get("kind") or ""
    found = Class(place, code, kind, _title(element))
    if not code or kind not in _KINDS:
        raise _bad(member, "has no code, or is no chapter, block or category", _at(found))
    if not found.title:
        raise _bad(member, "has no preferred title", _at(found))
    found.above = tuple(one.get("code") or "" for one in _children(element, "SuperClass"))
    found.usage = element.get("usage") or ""
    found.modifiers = {
        one.get("code") or "": frozenset(
            valid.get("code") or "" for valid in _children(one, "ValidModifierClass")
        )
        for one in _children(element, "ModifiedBy")
    }
    found.excluded = frozenset(one.get("code") or "" for one in _children(element, "ExcludeModifier"))
    return found


def _made(
    classes: list[Class], every: Mapping[str, Class], characters: Mapping[str, Mapping[str, str]]
) -> Iterator[Class]:
    """The codes that modifiers make: of fourth characters first, because fifth ones go behind them."""
    of_stem: dict[str, list[Class]] = defaultdict(list)
    for one in classes:
        for above in one.above:
            of_stem[above].append(one)
    for one in (each for each in classes if each.kind == "category"):
        for modifier, valid in one.modifiers.items():
            for character, title in characters.get(modifier, {}).items():
                if valid and character not in valid:
                    continue
                for stem in _stems(one, of_stem[one.code], modifier, character):
                    code = f"{stem.code}{character}"
                    if code not in every:
                        yield Class(one.place, code, "category", f"{stem.title}, {title}", (stem.code,))


def _stems(one: Class, below: list[Class], modifier: str, character: str) -> list[Class]:
    """What a character goes behind: a fourth one the category, a fifth one what has four already."""
    if character.startswith(".") or "." in one.code:
        return [one]
    return [each for each in below if "." in each.code and modifier not in each.excluded]


def _title(element: Any) -> str:
    """The preferred title, without the codes that it refers to."""
    rubrics = {one.get("kind") or "": one for one in _children(element, "Rubric")}
    rubric = rubrics.get("preferredLong", rubrics.get("preferred"))
    label = next(iter(_children(rubric, "Label")), None) if rubric is not None else None
    return "" if label is None else " ".join("".join(_texts(label)).split())


def _texts(element: Any) -> Iterator[str]:
    if name_of(element) != "Reference":
        yield element.text or ""
        for child in element:
            yield from _texts(child)
            yield child.tail or ""


def _children(element: Any, name: str) -> list[Any]:
    return [child for child in element if name_of(child) == name]


def _twice(member: Member, classes: list[Class]) -> Invalid:
    met: set[str] = set()
    for one in classes:
        if one.code in met:
            return _bad(member, "is there twice", _at(one))
        met.add(one.code)
    raise AssertionError


def _at(one: Class) -> str:
    return f"class {one.place}" + (f" ({one.code})" if one.code else "")


def _bad(member: Member, message: str, place: str) -> Invalid:
    return Invalid(message, code="bad-terminology", where=f"{member.where}, {place}")
