"""Terminology resources that came as XML, in the shape that JSON has.

XML says neither which element is a list nor which value is a number, and the structure that
``scr.fhir.structure`` knows is that of records, not of terminologies. The names here mean the same wherever
they stand in a CodeSystem, ValueSet or ConceptMap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_LISTS = frozenset({
    "coding", "concept", "contact", "contains", "dependsOn", "designation", "element", "entry", "exclude",
    "extension", "filter", "group", "identifier", "include", "jurisdiction", "operator", "parameter",
    "product", "telecom", "useContext", "valueSet",
})  # fmt: skip
_LISTS_OF_ELEMENTS = frozenset({"property", "target"})
"""Lists where they have elements in them; elsewhere in a ConceptMap the same names are one value."""
_READ: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(
        ("abstract", "caseSensitive", "compositional", "experimental", "inactive",
         "valueBoolean", "versionNeeded"),
        lambda text: {"true": True, "false": False}.get(text, text),
    ),
    **dict.fromkeys(("count", "offset", "total", "valueInteger"), lambda text: int(text)),
    "valueDecimal": lambda text: float(text),
}  # fmt: skip


def as_json(node: Any) -> Any:
    """The same with lists, numbers and booleans where JSON has them. Raises ValueError for no number."""
    if isinstance(node, list):
        return [as_json(each) for each in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for name, value in node.items():
        read = _READ.get(name)
        inner = read(value) if read and isinstance(value, str) else as_json(value)
        many = name in _LISTS or (name in _LISTS_OF_ELEMENTS and isinstance(inner, dict))
        made[name] = [inner] if many and not isinstance(inner, list) else inner
    return made
