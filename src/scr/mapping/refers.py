"""Where in the resources of a rule a reference may stand, told by the template alone.

So that the references of a resource are looked for under a few of its elements and not in all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scr.mapping.expression import Expression
from scr.mapping.formats import IN_ROWS, Decode
from scr.mapping.paths import Node

_KEY = "reference"
_NO_SUCH_KEY = frozenset({"hl7v2"})
"""Formats whose trees name nothing so."""


def refer_in(
    resource: Mapping[str, Any],
    keys: tuple[str | int, ...],
    decode: Decode,
    expressions: Mapping[str, Expression],
) -> frozenset[str] | None:
    """The elements of a rule's resource that may hold a reference; ``keys`` is where it stands in the file.

    None where that cannot be told: the source itself may have objects with such a key, and an expression
    may give one of them as it is.
    """
    columns = decode.columns if isinstance(decode, IN_ROWS) else (_KEY,)
    if _KEY in resource or (decode.format not in _NO_SUCH_KEY and _KEY in columns):
        return None
    begin = ".".join(map(str, keys)) + "."
    made = {
        place.removeprefix(begin).partition(".")[0]
        for place, expression in expressions.items()
        if place.startswith(begin) and _makes_reference(expression.node)
    }
    return frozenset(key for key, value in resource.items() if key in made or _stands_in(value))


def _stands_in(value: object) -> bool:
    """Whether the key stands anywhere in a template."""
    if isinstance(value, dict):
        return _KEY in value or any(map(_stands_in, value.values()))
    return isinstance(value, list) and any(map(_stands_in, value))


def _makes_reference(node: Node) -> bool:
    """Whether an expression makes an object with the key."""
    if node["type"] == "key_val_pair" and node["value"] == _KEY:
        return True
    if node["type"] == "literal" and _stands_in(node["value"]):
        return True
    return any(isinstance(child, dict) and _makes_reference(child) for child in node["children"])
