"""``_summary`` and ``_elements``: a part of each resource, after everything was decided.

https://hl7.org/fhir/R4/search.html#summary, #elements. What is mandatory stays, and so do ``meta`` with the
security labels, and what may change the meaning of the rest; ``meta.tag`` says that something was left out.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import orjson

from scr.fhir.entry import Entry, Resource
from scr.fhir.search.escapes import bad
from scr.fhir.structure import r4

Summary = Literal["", "true", "text", "data", "count"]
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
_ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})


class Shape(msgspec.Struct, frozen=True):
    """Which part of a resource goes out. Nothing named: all of it."""

    summary: Summary = ""
    elements: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.elements) or self.summary in {"true", "text", "data"}

    def of(self, entry: Entry) -> Entry:
        """The entry with that part of its bytes."""
        return msgspec.structs.replace(entry, body=self.part_of(entry.type, entry.body)) if self else entry

    def part_of(self, kind: str, body: bytes) -> bytes:
        """That part of a resource of a type."""
        if not self:
            return body
        resource: Resource = orjson.loads(body)
        kept = _kept(kind, self)
        if kept is None:
            made = {name: value for name, value in resource.items() if name != "text"}
        else:
            made = {name: value for name, value in resource.items() if name.lstrip("_") in kept}
        if made.keys() == resource.keys():
            return body
        meta = made.get("meta") or {}
        made["meta"] = {**meta, "tag": [*meta.get("tag", ()), _SUBSETTED]}
        return orjson.dumps(made)


def _kept(kind: str, shape: Shape) -> frozenset[str] | None:
    """The elements that stay; None where only the narrative goes."""
    if not shape.elements and shape.summary == "data":
        return None
    structure = r4()
    mandatory = {name for name, element in structure.types.get(kind, {}).items() if element.required}
    for choice in structure.choices.get(kind, ()):
        if choice.required:
            mandatory.update(choice.elements)
    if shape.elements:
        chosen = {name for one in shape.elements for name in _spelt(kind, one)}
    elif shape.summary == "text":
        chosen = {"text"}
    else:
        chosen = set(structure.summaries.get(kind, ()))
    return _ALWAYS | mandatory | chosen


def _spelt(kind: str, name: str) -> tuple[str, ...]:
    """An element as JSON spells it: all of a choice that is named by what they have in common."""
    for choice in r4().choices.get(kind, ()):
        if choice.name == name:
            return choice.elements
    return (name,)


def parse_summary(value: str) -> Summary:
    """``_summary``: true, text, data, count or false."""
    known: dict[str, Summary] = {
        "true": "true",
        "text": "text",
        "data": "data",
        "count": "count",
        "false": "",
    }
    if value not in known:
        raise bad("_summary", f"must be one of {', '.join(known)}")
    return known[value]


def parse_elements(kinds: tuple[str, ...], value: str) -> tuple[str, ...]:
    """``_elements``: elements of the resources that are searched, by their names; ``value`` for ``value[x]``.

    Raises Invalid for a name that none of them has: a slip of the pen would leave out what was meant.
    """
    names = tuple(value.split(","))
    for name in names:
        if not any(set(_spelt(kind, name)) <= r4().types.get(kind, {}).keys() for kind in kinds):
            raise bad("_elements", f"{name[:40]!r} is no element of what is searched")
    return names
