"""A StructureDefinition as a tree of what is asked of each element.

Read from its differential, and of one that has none from its snapshot: what R4 asks anyway is checked by
``scr.fhir.validate``. https://hl7.org/fhir/R4/elementdefinition.html. A definition may come from XML, where
a list of one looks like that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scr.errors import Invalid
from scr.fhir.entry import Resource


@dataclass(slots=True)
class Node:
    """One element, or one slice of it.

    ``name`` is its last step (``value[x]`` for a choice). ``most`` is None where any number may stand.
    ``exact`` has to be the value, ``within`` part of it. ``value_set`` is the address of a required binding.
    ``types`` and ``profiles`` are those of ``type``; ``told_apart`` how its slices are (kind, path).
    """

    name: str
    least: int = 0
    most: int | None = None
    exact: Any = None
    within: Any = None
    value_set: str = ""
    types: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    told_apart: tuple[tuple[str, str], ...] = ()
    closed: bool = False
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    def at(self, path: list[str]) -> Node | None:
        """The node at a path below this one."""
        found: Node | None = self
        for step in path:
            found = None if found is None else found.children.get(step) or found.children.get(f"{step}[x]")
        return found


@dataclass(frozen=True, slots=True)
class Profile:
    """A compiled StructureDefinition: its address, the type that it is of, and what it rests on."""

    url: str
    type: str
    base: str
    root: Node
    invariants: int = 0


def profile_of(definition: Resource) -> Profile:
    """Compile a definition. Raises Invalid where it is none that can be read."""
    url, kind = definition.get("url"), definition.get("type")
    if definition.get("resourceType") != "StructureDefinition" or not (
        isinstance(url, str) and isinstance(kind, str)
    ):
        raise Invalid("is no StructureDefinition with url and type", code="bad-profile")
    root = Node(kind)
    invariants = 0
    for element in _elements(definition):
        steps = str(element.get("id") or element.get("path", "")).split(".")
        if not steps[0].partition(":")[0] == kind:
            raise Invalid("has an element that is not below its type", code="bad-profile", where=url)
        node = _place(root, steps[1:])
        _read(node, element)
        invariants += len(list(_many(element.get("constraint"))))
    return Profile(url, kind, str(definition.get("baseDefinition", "")), root, invariants)


def _elements(definition: Resource) -> Iterator[Resource]:
    for name in ("differential", "snapshot"):
        found = [one for one in _many((definition.get(name) or {}).get("element")) if isinstance(one, dict)]
        if found:
            yield from found
            return


def _place(root: Node, steps: list[str]) -> Node:
    """The node of an element's id, made where it is not there."""
    node = root
    for step in steps:
        name, _, sliced = step.partition(":")
        node = node.children.setdefault(name, Node(name))
        if sliced:
            node = node.slices.setdefault(sliced, Node(name))
    return node


def _read(node: Node, element: Resource) -> None:
    if "min" in element:
        node.least = int(element["min"])
    if "max" in element:
        node.most = None if element["max"] == "*" else int(element["max"])
    for name, value in element.items():
        if name.startswith("fixed"):
            node.exact = value
        elif name.startswith("pattern"):
            node.within = value
    binding = element.get("binding") or {}
    if binding.get("strength") == "required":
        node.value_set = str(binding.get("valueSet", ""))
    types = [one for one in _many(element.get("type")) if isinstance(one, dict)]
    node.types = tuple(str(one.get("code", "")) for one in types)
    node.profiles = tuple(str(url) for one in types for url in _many(one.get("profile")))
    slicing = element.get("slicing") or {}
    node.closed = slicing.get("rules") == "closed"
    node.told_apart = tuple(
        (str(one.get("type", "")), str(one.get("path", ""))) for one in _many(slicing.get("discriminator"))
    )


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
