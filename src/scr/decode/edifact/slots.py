"""Where a value of a segment goes in the tree, and which places of the segment it came from."""

from __future__ import annotations

from typing import Any

from scr.decode.edifact.syntax import Segment


def placed(target: dict[str, Any], key: str, value: str) -> bool:
    """Put a value where there is room: a list (``comments[]``) has always room, a single value once."""
    name = key.removesuffix("[]")
    if name != key:
        target.setdefault(name, []).append(value)
        return True
    if name in target:
        return False
    target[name] = value
    return True


def path_of(path: str, key: str) -> str:
    """The path of a key below another, as an expression names it."""
    name = key.removesuffix("[]")
    return f"{path}.{name}" if path else name


def covered(segment: Segment, element: int, component: int) -> set[tuple[int, int]]:
    """The places that a slot takes: one component, or all of an element (0)."""
    if component:
        return {(element, component)}
    return {(element, place) for place in range(1, len(segment.elements[element - 1]) + 1)}
