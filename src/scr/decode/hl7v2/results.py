"""What stands in an OBX as text and means a number: HL7 v2.5.1 chapters 7.4.2 (OBX) and 2A.68 (SN)."""

from __future__ import annotations

import re
from typing import Any

from scr.decode.hl7v2.views import BESIDE, Segment

_DECIMAL = r"[+-]?\d{1,30}(?:\.\d{1,30})?"
_QUANTITY = re.compile(rf"(<=|>=|<|>)?\s*({_DECIMAL})\Z")
_BETWEEN = re.compile(rf"({_DECIMAL})\s*(?:-|to)\s*({_DECIMAL})\Z")
_BEYOND = re.compile(rf"(<=|>=|<|>)\s*({_DECIMAL})\Z")
_POWER = re.compile(r"-?\d{1,2}(?:\s*/.*|\s*)\Z", re.DOTALL)
_DIGITS = re.compile(r"[<>=~+-]*\s*\d[\d.,\s<>=+-]*\Z")
_NOT_TEXT = frozenset({"SN", "CE", "CWE", "CNE", "CF", "DT", "TS", "DTM", "ED", "RP"})
_BETWEEN_PARTS = {"NR": " to ", "NA": ", "}
"""What stands between the numbers of a range and of an array (chapters 2A.43 and 2A.46)."""


def quantity(result: Segment) -> dict[str, str] | None:
    """``comparator`` (may be missing) and ``value`` of a number: NM ``5.2`` or ``<15``, SN ``<^15``, and
    what is sent without a type. None where OBX-5 is no single number."""
    values = result.get("observation_value") or []
    kind = result.get("value_type")
    if len(values) != 1 or kind not in {"NM", "SN", None}:
        return None
    text = values[0]
    if kind == "SN":
        if text.get("separator") or text.get("num2"):
            return None
        text = f"{text.get('comparator') or ''}{text.get('num1') or ''}".removeprefix("=")
    match = _QUANTITY.match(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    value = {"value": match[2].removeprefix("+")}
    return {"comparator": match[1], **value} if match[1] else value


def text_value(result: Segment) -> str | None:
    """OBX-5 as text, its repetitions as lines; None where it is a quantity or of a type that has a
    structure of its own. Digits that are sent as text (``ST``, or ``1,000``) keep their unit."""
    if result.get("value_type") in _NOT_TEXT or quantity(result) is not None:
        return None
    between = _BETWEEN_PARTS.get(result.get("value_type") or "")
    lines = [_plain(value, between or " ") for value in result.get("observation_value") or []]
    text = "\n".join(lines).strip()
    measure = unit(result) if between or _DIGITS.match(text) else None
    return f"{text} {measure}" if measure else text or None


def shown(result: Segment) -> str | None:
    """What was found, in a line for people: ``Heart rate: 72 /min``; None where there is no value."""
    coded = result.get("observation_identifier") or {}
    name = coded.get("text") or coded.get("identifier")
    values = [_words(value) for value in result.get("observation_value") or []]
    value = "; ".join(value for value in values if value)
    if not value or result.get("value_type") in {"ED", "RP"}:
        return None
    measured = " ".join(part for part in (value, unit(result)) if part)
    return f"{name}: {measured}" if name else measured


def unit(result: Segment) -> str | None:
    """OBX-6 for people: its text, else its code. Laboratories send ``10^9/L`` without escaping the
    separator of components, and the unit would read ``9/L``: the power is put together again."""
    units = result.get("units") or {}
    code, text = units.get("identifier"), units.get("text")
    if code and text and code.strip() in {"10", "x10", "X10"} and _POWER.match(text.strip()):
        return f"{code.strip()}^{text.strip()}"
    return text or code


def _words(value: Any) -> str:
    """A coded value by its text, any other by all that is in it."""
    if isinstance(value, str):
        return value.strip()
    return str(value.get("text") or "") or " ".join(_words(part) for part in value.values())


def _plain(value: Any, between: str) -> str:
    """A value may have components that its type does not name: none of them is left out."""
    return value if isinstance(value, str) else between.join(_plain(part, " ") for part in value.values())


def reference_range(result: Segment) -> dict[str, str] | None:
    """OBX-7: ``text`` as it is written, brackets taken off, and ``low`` and ``high`` where it is one of
    ``4.0-11.0``, ``4.0 to 11.0``, ``<48`` and ``>60``. None where it is empty."""
    text = str(result.get("references_range") or "").strip(" []")
    if not text:
        return None
    between = _BETWEEN.match(text)
    if between is not None and float(between[1]) <= float(between[2]):
        return {"text": text, "low": between[1], "high": between[2]}
    beyond = _BEYOND.match(text)
    if beyond is not None:
        return {"text": text, ("high" if beyond[1].startswith("<") else "low"): beyond[2]}
    return {"text": text}


BESIDE |= {
    "quantity": quantity,
    "text_value": text_value,
    "range": reference_range,
    "shown": shown,
    "unit": unit,
}
