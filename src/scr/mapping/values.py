"""What a value of the source counts as: true, a text, a number, part of an id."""

from __future__ import annotations

from typing import Any

from scr.mapping.times import Unreadable

PART = "\x1f"
"""Between the parts of a local id: no supplier's identifier holds a unit separator."""


def is_true(value: object) -> bool:
    """JMESPath's truth: everything but null, false, and the empty string, list and object."""
    return value is not None and value is not False and value != "" and value != [] and value != {}


def as_text(value: Any) -> str | None:
    """A scalar as text without space around it; null and the empty string are None.

    HL7 v2 writes two quotation marks for 'delete what you hold' (chapter 2.5.3): nothing to map.
    Raises Unreadable for a list or an object.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, int | float):
            raise Unreadable
    text = str(value).strip()
    return None if text in {"", '""'} else text


def local_id(parts: tuple[Any, ...]) -> str | None:
    """The source's own identity of a resource; None where any part is missing."""
    texts = [as_text(part) for part in parts]
    known = [text.replace("/", "%2F") for text in texts if text is not None]  # a reference is cut at its /
    return PART.join(known) if len(known) == len(texts) else None


def decimal(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unreadable from None
    if number != number or number in {float("inf"), float("-inf")}:
        raise Unreadable
    return number
