"""What a value set is, as typed values, and reading it from FHIR. https://hl7.org/fhir/R4/valueset.html

Only what chooses codes is read: compose, include, exclude, filters, imported value sets; of a value set
that has an expansion and no compose, the codes of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scr.errors import Invalid

_Node = Mapping[str, Any]
MAX_INCLUDES = 500
_CHOOSING = frozenset({"system", "version", "concept", "filter", "valueSet", "id", "extension"})


@dataclass(frozen=True, slots=True)
class Filter:
    """``property op value``: https://hl7.org/fhir/R4/valueset-filter-operator.html"""

    property: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Include:
    """Codes of a system (listed, filtered or all of them) that are in each of the imported value sets."""

    system: str = ""
    listed: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    value_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """What a value set includes and excludes. ``inactive``: whether codes no longer used may be in it."""

    url: str = ""
    version: str = ""
    name: str = ""
    include: tuple[Include, ...] = ()
    exclude: tuple[Include, ...] = ()
    inactive: bool = True


def read_definition(resource: object) -> Definition:
    """A ValueSet resource. Raises Invalid, with the element, for what is not one."""
    node = _node(resource, "ValueSet")
    if node.get("resourceType") != "ValueSet":
        raise _bad("a ValueSet is needed", "ValueSet")
    compose = node.get("compose")
    if compose is None:
        include = tuple(_of_expansion(node))
        exclude: tuple[Include, ...] = ()
        inactive = True
    else:
        compose = _node(compose, "ValueSet.compose")
        include = tuple(_includes(compose, "include"))
        exclude = tuple(_includes(compose, "exclude"))
        inactive = compose.get("inactive") is not False
    if not include:
        raise _bad("it includes nothing: give compose.include", "ValueSet.compose")
    return Definition(
        _text(node, "url"), _text(node, "version"), _text(node, "name"), include, exclude, inactive
    )


def _includes(compose: _Node, name: str) -> Iterator[Include]:
    where = f"ValueSet.compose.{name}"
    for item in _list(compose, name, where):
        node = _node(item, where)
        unread = sorted(node.keys() - _CHOOSING)
        if unread:
            raise _bad(f"{unread[0][:40]!r} is not read here", where)
        listed = tuple(_required(_node(one, where), "code", where) for one in _list(node, "concept", where))
        filters = tuple(_filter(_node(one, where), where) for one in _list(node, "filter", where))
        value_sets = tuple(str(one) for one in _list(node, "valueSet", where))
        system = _text(node, "system")
        if not system and (listed or filters or not value_sets):
            raise _bad("it names neither a system nor a value set", where)
        if listed and filters:
            raise _bad("a list of concepts and a filter do not go together", where)
        yield Include(system, listed, filters, value_sets)


def _filter(node: _Node, where: str) -> Filter:
    return Filter(*(_required(node, name, f"{where}.filter") for name in ("property", "op", "value")))


def _of_expansion(node: _Node) -> Iterator[Include]:
    """The codes of a value set that comes expanded, by system."""
    by_system: dict[str, list[str]] = {}
    todo = list(
        _list(_node(node.get("expansion") or {}, "ValueSet.expansion"), "contains", "ValueSet.expansion")
    )
    while todo:
        one = _node(todo.pop(), "ValueSet.expansion.contains")
        todo += _list(one, "contains", "ValueSet.expansion.contains")
        if one.get("code") and one.get("system") and not one.get("abstract"):
            by_system.setdefault(str(one["system"]), []).append(str(one["code"]))
    for system, codes in by_system.items():
        yield Include(system, tuple(reversed(codes)))


def _node(value: object, where: str) -> _Node:
    if not isinstance(value, Mapping):
        raise _bad("an object is needed", where)
    return value


def _list(node: _Node, name: str, where: str) -> list[Any]:
    value = node.get(name, [])
    if not isinstance(value, list):
        raise _bad(f"{name} must be a list", where)
    if name in {"include", "exclude"} and len(value) > MAX_INCLUDES:
        raise _bad(f"more than {MAX_INCLUDES} of {name}", where)
    return value


def _text(node: _Node, name: str) -> str:
    value = node.get(name, "")
    return value if isinstance(value, str) else ""


def _required(node: _Node, name: str, where: str) -> str:
    value = node.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(f"{name} is missing", where)
    return value


def _bad(message: str, where: str) -> Invalid:
    return Invalid(message, code="bad-value-set", where=where)
