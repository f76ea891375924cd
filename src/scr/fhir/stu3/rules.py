"""The words in which the tables of the conversion are written.

A rule is given the node, the value of the element that it stands for (already taken out of the node)
and the place. It puts what R4 has for it back into the node, and names at the place what it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Node = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
"""Where R4 keeps the code systems that STU3 had under ``http://hl7.org/fhir/``."""

_FROM_STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
_ELEMENT_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}\Z")


class Place(NamedTuple):
    """Where in a resource the conversion is, and the account of what is lost on the way.

    ``name`` is that of the element in the source, at the top that of the type. ``lost`` is a set that
    keeps its order.
    """

    name: str
    lost: dict[str, None]
    above: Place | None = None

    def at(self, name: str) -> Place:
        """The place of an element below this one."""
        return Place(name, self.lost, self)

    @property
    def path(self) -> str:
        """``MedicationRequest.requester``. A name of no such shape may hold anything: it is written ``?``."""
        name = self.name if _ELEMENT_NAME.match(self.name) else "?"
        return name if self.above is None else f"{self.above.path}.{name}"

    def lose(self) -> None:
        """Name this place as one whose content is not carried."""
        self.lost[self.path] = None


Rule = Callable[[Node, Any, Place], None]
Table = Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class TypeRules:
    """How one STU3 resource type becomes R4: its R4 name, its rules, and what is done at the end.

    Elements without a rule stay as they are if R4 has them, and are accounted for if it has not.
    """

    becomes: str
    elements: Table = field(default_factory=dict)
    finish: Callable[[Node], None] | None = None


def parts(value: Any) -> list[Any]:
    """The values of an element, whether it was sent as a list or as one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def nodes(value: Any) -> list[Node]:
    """Those of the values that are nodes."""
    return [part for part in parts(value) if isinstance(part, dict)]


def apply(node: Node, table: Table, place: Place) -> None:
    """Take each element that has a rule out of the node and let the rule put it back."""
    for name, rule in table.items():
        if name in node:
            rule(node, node.pop(name), place.at(name))


def rename(name: str) -> Rule:
    """The same element under another name."""

    def rule(node: Node, value: Any, place: Place) -> None:
        if name in node:
            place.lose()
        else:
            node[name] = value

    return rule


def concept(name: str, system: str, codes: frozenset[str]) -> Rule:
    """A code that is a CodeableConcept in R4, bound to ``codes``; another code is not carried."""

    def rule(node: Node, value: Any, place: Place) -> None:
        if isinstance(value, dict):
            node[name] = value
        elif isinstance(value, str) and value in codes:
            node[name] = {"coding": [{"system": TERMINOLOGY + system, "code": value}]}
        else:
            place.lose()

    return rule


def translate(name: str, codes: Mapping[str, str]) -> Rule:
    """A code some of whose values have another name in R4."""

    def rule(node: Node, value: Any, place: Place) -> None:
        node[name] = codes.get(value, value) if isinstance(value, str) else value

    return rule


def each(name: str, table: Table) -> Rule:
    """A backbone element, repeating or not, under ``name``, with rules of its own for what is in it."""

    def rule(node: Node, value: Any, place: Place) -> None:
        for part in nodes(value):
            apply(part, table, place)
        node[name] = value

    return rule


def keep_as_extension(kind: str) -> Rule:
    """An element that R4 no longer has, as the extension that HL7 defines for elements of another version.

    https://hl7.org/fhir/R4/versions.html#extensions. ``kind`` names its type, ``Reference`` or ``Code``.
    """

    def rule(node: Node, value: Any, place: Place) -> None:
        for part in parts(value):
            extend(node, place.path, kind, part)

    return rule


def extend(node: Node, path: str, kind: str, value: Any) -> None:
    """Add HL7's extension for the STU3 element ``path`` to a node."""
    added = {"url": _FROM_STU3 + path, f"value{kind}": value}
    node["extension"] = [*parts(node.get("extension")), added]


def requester(node: Node, value: Any, place: Place) -> None:
    """``requester.agent`` is the Reference itself in R4; whom the agent acted for is kept beside it."""
    if not isinstance(value, dict):
        place.lose()
        return
    behalf = value.pop("onBehalfOf", None)
    agent = value.pop("agent", None)
    if agent is None and (behalf is None or "reference" in value):
        agent = value
    elif agent is None:
        agent, behalf = behalf, None
    node["requester"] = agent
    if behalf is not None:
        extend(node, place.at("onBehalfOf").path, "Reference", behalf)


def first_of(name: str) -> Rule:
    """A repeating element that stands once in R4: the first is carried, others are accounted for."""

    def rule(node: Node, value: Any, place: Place) -> None:
        others = parts(value)
        if others and name not in node:
            node[name], *others = others
        if others:
            place.lose()

    return rule


def note(node: Node, value: Any, place: Place) -> None:
    """A text of its own that is the first of the notes in R4."""
    node["note"] = [{"text": value}, *parts(node.get("note"))]
