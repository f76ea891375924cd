"""The coded elements of a resource: every CodeableConcept that has a coding, by the structure of R4.

https://hl7.org/fhir/R4/datatypes.html#CodeableConcept. Those whose codes a required binding closes
(``clinicalStatus``) are left out: no other coding may stand there. So are bare Codings (``meta.tag``,
``Encounter.class``), which have no place beside them. Extensions of a resource, of its backbone
elements and of each other are looked into, those of a reference or a period are not.

It is run over every resource that comes in, and costs a microsecond or two each.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from scr.fhir.entry import Resource
from scr.fhir.structure import Element, Structure, r4

_Table = dict[str, Any]
"""Element names of a type, each with the table of what is below it, or with one of the two marks."""

_PLAIN = frozenset({"CodeableConcept", "Coding", "Reference"})
"""Types that are not gone into."""

_CONCEPT: _Table = {}
_RESOURCE: _Table = {}


def concepts_of(resource: Resource) -> list[Resource]:
    """The concepts of a resource that have codings, as they stand in it, in its order.

    What is not shaped as FHIR has it is passed over.
    """
    found: list[Resource] = []
    table = _table_of(resource)
    if table is not None:
        _collect(resource, table, found)
    return found


def with_concepts(resource: Resource, others: Mapping[int, Resource]) -> Resource:
    """The resource with other concepts: ``others`` by the ``id()`` of those that ``concepts_of`` gave.

    Nothing is changed in place: what leads to a concept is copied, everything else is shared.
    """
    table = _table_of(resource)
    return resource if table is None else _rebuilt(resource, table, others)


def _table_of(resource: Resource) -> _Table | None:
    kind = resource.get("resourceType")
    return _tables().get(kind) if type(kind) is str else None


def _collect(node: Resource, table: _Table, found: list[Resource]) -> None:
    for name in node:
        if name not in table:
            continue
        value, below = node[name], table[name]
        if below is not _CONCEPT:
            _collect_below(value, below, found)
        elif type(value) is dict:
            if "coding" in value:
                found.append(value)
        elif type(value) is list:
            found += [item for item in value if type(item) is dict and "coding" in item]


def _collect_below(value: Any, below: _Table, found: list[Resource]) -> None:
    for item in value if type(value) is list else (value,):
        if type(item) is dict:
            if below is _RESOURCE:
                found += concepts_of(item)
            else:
                _collect(item, below, found)


def _rebuilt(node: Resource, table: _Table, others: Mapping[int, Resource]) -> Resource:
    made = node
    for name, value in node.items():
        below = table.get(name)
        if below is None:
            continue
        new: Any = value
        if type(value) is dict:
            new = _rebuilt_one(value, below, others)
        elif type(value) is list:
            items = [_rebuilt_one(i, below, others) if type(i) is dict else i for i in value]
            new = items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if new is not value:
            made = node.copy() if made is node else made
            made[name] = new
    return made


def _rebuilt_one(value: Resource, below: _Table, others: Mapping[int, Resource]) -> Resource:
    if below is _CONCEPT:
        return others.get(id(value), value)
    if below is _RESOURCE:
        return with_concepts(value, others)
    return _rebuilt(value, below, others)


@cache
def _tables() -> dict[str, _Table]:
    """The tables of all resource types. They refer to each other: an extension may hold extensions."""
    structure = r4()
    leading = _leading(structure)
    made: dict[str, _Table] = {name: {} for name in leading}
    for name, table in made.items():
        for key, element in structure.types[name].items():
            if _is_open_concept(element):
                table[key] = _CONCEPT
            elif element.type == "Resource":
                table[key] = _RESOURCE
            elif element.type in made:
                table[key] = made[element.type]
    return {name: made[name] for name in structure.resources if name in made}


def _leading(structure: Structure) -> set[str]:
    """The types that a concept can stand in, other than in the extensions of what is no backbone element."""
    leading = {"Extension", *structure.resources}
    while True:
        rest = structure.types.keys() - leading - _PLAIN
        more = {name for name in rest if _leads(structure, name, leading)}
        if not more:
            return leading
        leading |= more


def _leads(structure: Structure, name: str, leading: set[str]) -> bool:
    return any(
        _is_open_concept(element) or (element.type in leading and key not in {"extension", "contained"})
        for key, element in structure.types[name].items()
    )


def _is_open_concept(element: Element) -> bool:
    return element.type == "CodeableConcept" and element.codes is None
