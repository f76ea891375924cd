"""Texts, dates and numbers of MEDRPT as the tree has them."""

from __future__ import annotations

import re
from dataclasses import replace

from scr.decode.edifact import tables
from scr.decode.edifact.syntax import Segment

_NUMBER = re.compile(r"([+-]?)(\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})\Z")
_COMPARED = re.compile(r"(<=|>=|<|>)\s*")
_GAP = re.compile(r"\n{3,}")


def text_at(segment: Segment, element: int, component: int) -> str:
    """A component's text; component 0 is all of the element's."""
    if component:
        return segment.get(element, component)
    if element > len(segment.elements):
        return ""
    parts = segment.elements[element - 1]
    width = tables.NAME_WIDTH if segment.tag == "NAD" else tables.TEXT_WIDTH
    joint = " " if segment.tag == "NAD" else "\n"
    joined = "".join(part if len(part) >= width else part.rstrip() + joint for part in parts)
    return _GAP.sub("\n\n", joined).strip("\n").rstrip() if joined.strip() else ""


def dated(segment: Segment) -> Segment:
    """DTM with a date that reads like one of HL7 v2: a format that does not (two digits for the year) is
    written out behind the value, so that nobody takes it for another day."""
    if segment.tag != "DTM":
        return segment
    value, form = segment.get(1, 2), segment.get(1, 3)
    if form in tables.DATE_FORMATS or (not form and len(value) >= 8):
        shown = value
    else:
        shown = f"{value} (format {form or 'not named'})"
    return replace(segment, elements=[[segment.get(1), shown if value else ""], *segment.elements[1:]])


def _plain_number(text: str, decimal: str) -> str:
    """A number with a point, or an empty text where it is none."""
    match = _NUMBER.match(text.replace(",", ".") if decimal == "," else text)
    if match is None:
        return ""
    sign, digits = match[1].replace("+", ""), match[2]
    return sign + (f"0{digits}" if digits.startswith(".") else digits)


def measured(segment: Segment, decimal: str) -> Segment:
    """RSL with its comparator as a sign (``<5`` has it before the number) and its number with a point.

    What is no number, or has a comparator that nobody knows, is moved to the text of the result: a
    number that stands there without its comparator would mislead. So would digits without their unit.
    """
    value, code, to = segment.get(2, 1), segment.get(2, 2), segment.get(3)
    if not value:
        return segment
    compared = _COMPARED.match(value)
    number = _plain_number(value[compared.end() :] if compared else value, decimal)
    sign = tables.COMPARATORS.get(code, "" if code else compared[1] if compared else "")
    upper = _plain_number(to, decimal)
    parts = [*segment.elements[1], *[""] * 6][: max(6, len(segment.elements[1]))]
    rest = segment.elements[2:]
    if number and (sign or not code) and (upper or not to):
        parts[:2] = [number, sign]
        rest = [[upper, *rest[0][1:]], *rest[1:]] if to else rest
    else:
        shown = f"{value} (comparator {code})" if code and not sign else f"{sign if code else ''}{value}"
        unit = (segment.get(4, 4) or segment.get(4, 1)) if any(mark.isdigit() for mark in value) else ""
        said = (shown, to and f"- {to}", unit, parts[5])
        parts[:2], parts[5] = ["", ""], " ".join(part for part in said if part)
        rest = [[""], *rest[1:]] if to else rest
    return replace(segment, elements=[*(segment.elements[:1] or [[""]]), parts, *rest])


def limited(segment: Segment, decimal: str) -> Segment:
    """RND: limits that are no numbers (``negative``) are moved behind the others, as text."""
    if segment.tag != "RND":
        return segment
    low, high = segment.get(2), segment.get(3)
    numbers = [_plain_number(limit, decimal) for limit in (low, high)]
    if all(number or not limit for number, limit in zip(numbers, (low, high), strict=True)):
        limits, text = [[number] for number in numbers], ""
    else:
        limits, text = [[""], [""]], " - ".join(limit for limit in (low, high) if limit)
    rest = [*segment.elements[3:], [""]] if len(segment.elements) < 4 else segment.elements[3:]
    return replace(segment, elements=[*(segment.elements[:1] or [[""]]), *limits, *rest, [text]])
