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


def fit(resource: Resource) -> None:
    """Put text where text belongs, in place; what R4 does not have is left as it is."""
    elements = r4().types.get(str(resource.get("resourceType")))
    if elements is not None:
        _fit_node(resource, elements)


def _fit_node(node: dict[str, Any], elements: dict[str, Element]) -> None:
    for name, value in node.items():
        if value.__class__ is str:  # most are
            continue
        element = elements.get(name)
        if element is None:
            continue
        if element.primitive:
            if element.type not in _NOT_TEXT:
                node[name] = [_text(part) for part in value] if isinstance(value, list) else _text(value)
            continue
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                _fit_part(part, element)


def _fit_part(part: dict[str, Any], element: Element) -> None:
    if element.type == "Resource":
        fit(part)
    else:
        _fit_node(part, r4().types.get(element.type, {}))


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
