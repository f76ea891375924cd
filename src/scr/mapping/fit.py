"""Numbers and truth values of a source made text where FHIR has text.

In JSON a supplier writes a person's number, a room or a code as a number as often as not. FHIR tells by
the element what it is (https://hl7.org/fhir/R4/json.html#primitive); what is number or truth value there
stays, for validation to name it if it is neither.
"""

from __future__ import annotations

from typing import Any

from scr.fhir.entry import Resource
from scr.fhir.structure import Element, r4

_NOT_TEXT = frozenset({"boolean", "decimal", "integer", "positiveInt", "unsignedInt"})


def fitted(resource: Resource) -> Resource:
    """A resource of R4 with text where text belongs; what R4 does not have is left as it is."""
    elements = r4().types.get(str(resource.get("resourceType")))
    return resource if elements is None else _node(resource, elements)


def _node(node: dict[str, Any], elements: dict[str, Element]) -> dict[str, Any]:
    return {
        name: value if (element := elements.get(name)) is None else _value(value, element)
        for name, value in node.items()
    }


def _value(value: Any, element: Element) -> Any:
    if isinstance(value, list):
        return [_value(part, element) for part in value]
    if element.primitive:
        return _text(value) if isinstance(value, int | float) and element.type not in _NOT_TEXT else value
    if not isinstance(value, dict):
        return value
    if element.type == "Resource":
        return fitted(value)
    return _node(value, r4().types.get(element.type, {}))


def _text(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
