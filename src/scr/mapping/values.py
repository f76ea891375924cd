"""What a value of the source counts as: true, a text, a number, part of an id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scr.mapping.times import Unreadable

PART = "\x1f"
"""Between the parts of a local id: no supplier's identifier holds a unit separator."""

_PLAIN = frozenset({bool, dict, list, str, type(None)})
"""Types whose truth is Python's."""


def is_true(value: object) -> bool:
    """JMESPath's truth: everything but null, false, and the empty string, list and object."""
    if value.__class__ in _PLAIN:
        return bool(value)
    return value is not None and value is not False and value != "" and value != [] and value != {}


def as_text(value: Any) -> str | None:
    """A scalar as text without space around it; null and the empty string are None.

    HL7 v2 writes two quotation marks for 'delete what you hold' (chapter 2.5.3): nothing to map.
    Raises Unreadable for a list or an object.
    """
    if value.__class__ is str:
        text: str = value.strip()
        return text if text and text != '""' else None
    if value is None:
        return None
    if isinstance(value, str):
        return as_text(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        raise Unreadable
    return str(value)


def local_id(parts: tuple[Any, ...]) -> str | None:
    """The source's own identity of a resource; None where any part is missing."""
    texts: list[str] = []
    for part in parts:
        text = part.strip() if part.__class__ is str else as_text(part)
        if not text or text == '""':
            return None
        texts.append(text.replace("/", "%2F") if "/" in text else text)  # a reference is cut at its /
    return PART.join(texts)


def iterate(items: Any) -> list[Any]:
    """What ``for_each`` goes over: a list; null is none, and a single thing is one."""
    if items is None or items == "":
        return []
    return items if isinstance(items, list) else [items]


def clean(value: Any) -> Any:
    """A value without null and empty things at any depth, in plain types; None where nothing is left."""
    kind = type(value)
    if kind is str:
        return value if value and not value.isspace() else None
    if value is None or kind in (bool, int, float):
        return value
    if isinstance(value, Mapping):
        return {k: v for k, v in ((k, clean(v)) for k, v in value.items()) if v is not None} or None
    if isinstance(value, list):
        return [v for v in (clean(v) for v in value) if v is not None] or None
    return as_text(value)


def decimal(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unreadable from None
    if number != number or number in {float("inf"), float("-inf")}:
        raise Unreadable
    return number
