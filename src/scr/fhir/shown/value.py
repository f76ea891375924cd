"""What an Observation or one of its components found: the value with its unit, range and interpretation.

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from scr.fhir.entry import Resource
from scr.fhir.shown.plain import Language, PlainWords
from scr.fhir.shown.reading import concept_text, dict_of, list_of, text_of, tokens_of
from scr.fhir.shown.statuses import reading_words
from scr.fhir.shown.when import date_words
from scr.fhir.shown.words import said

LOW, HIGH, ABNORMAL, NORMAL = "low", "high", "abnormal", "normal"
_FLAGS = {
    "L": LOW, "LO": LOW, "LL": LOW, "LU": LOW, "D": LOW,
    "H": HIGH, "HI": HIGH, "HH": HIGH, "HU": HIGH, "U": HIGH,
    "A": ABNORMAL, "AA": ABNORMAL, "OR": ABNORMAL, "PA": ABNORMAL, "R": ABNORMAL, "W": ABNORMAL,
    "N": NORMAL, "below": LOW, "above": HIGH,
}  # fmt: skip
_TWO = re.compile(r"[\[(]?\s*(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(\d+(?:\.\d+)?)\s*[\])]?\Z")
_FOR_SOME = frozenset({"appliesTo", "age", "type"})
"""A range with one of these is not one for everybody."""
_UNITS = {
    "mm[hg]": "mmHg", "cel": "°C", "/min": "a minute", "{scoreof}": "", "1": "", "{score}": "",
    "%": "%", "kg": "kg", "g": "g", "cm": "cm", "m": "m",
    "kg/m2": "kg/m²", "10*9/l": "× 10⁹/L", "10^9/l": "× 10⁹/L", "10*12/l": "× 10¹²/L", "umol/l": "µmol/L",
    "ml/min/1.73m2": "mL/min/1.73 m²", "ml/min/{1.73_m2}": "mL/min/1.73 m²",
}  # fmt: skip
"""Units as people write them, by their UCUM code in lower case."""


@dataclass(frozen=True, slots=True)
class Value:
    """What was found. ``plain``: plain words beside a coded value. ``range``: what is usual. ``reading``: how
    whoever measured it reads it, in words; ``flag``: low, high, abnormal, normal, or empty."""

    text: str
    plain: str = ""
    range: str = ""
    reading: str = ""
    flag: str = ""


def unit_words(quantity: Any) -> str:
    """The unit of a Quantity, as people write it."""
    told = dict_of(quantity)
    unit, code = text_of(told.get("unit")), text_of(told.get("code"))
    for one in (code, unit):
        if one.lower() in _UNITS:
            return _UNITS[one.lower()]
    return unit or code


def quantity_text(quantity: Any) -> str:
    """A Quantity: ``< 5 mmol/L``; empty without a value."""
    told = dict_of(quantity)
    value = text_of(told.get("value"))
    if not value or isinstance(told.get("value"), bool):
        return ""
    unit = unit_words(told)
    gap = "" if unit in {"%", "°C"} else " "
    return " ".join(filter(None, [text_of(told.get("comparator")), f"{value}{gap}{unit}".strip()]))


def value_of(told: Resource, plain: PlainWords, language: Language) -> Value | None:
    """What an Observation, or a component, found; None where it has no value and says nothing of it."""
    text, words = _found(told, plain, language)
    reading, flag = _reading(told, language)
    if not text:
        absent = concept_text(told.get("dataAbsentReason"))
        if not absent and not reading:
            return None
        text = absent or said("no-value", language)
    return Value(text, words, _range(told, language), reading, flag)


def _found(told: Resource, plain: PlainWords, language: Language) -> tuple[str, str]:
    for name, value in told.items():
        if not name.startswith("value") or name == "valueSet":
            continue
        if name == "valueCodeableConcept":
            return concept_text(value), plain.of(tokens_of(value), language)
        if text := any_text(value, language):
            return text, ""
    return "", ""


def any_text(value: Any, language: Language) -> str:
    """Any datatype that an element ``value[x]`` or ``answer`` may have, as text."""
    if isinstance(value, bool):
        return said("yes" if value else "no", language)
    told = dict_of(value)
    if not told:
        return date_words(value, language) or text_of(value)
    if "numerator" in told or "denominator" in told:
        parts = [quantity_text(told.get(name)) for name in ("numerator", "denominator")]
        return " : ".join(part or "?" for part in parts)
    if "low" in told or "high" in told:
        return _between(quantity_text(told.get("low")), quantity_text(told.get("high")), language)
    if "origin" in told:
        return text_of(told.get("data"))
    return (
        quantity_text(told)
        or date_words(told, language)
        or concept_text(told)
        or text_of(told.get("title"))
        or text_of(told.get("display"))
    )


def _range(told: Resource, language: Language) -> str:
    """The first reference range that says something."""
    for one in map(dict_of, list_of(told.get("referenceRange"))):
        low, high = dict_of(one.get("low")), dict_of(one.get("high"))
        unit = unit_words(high or low)
        bounds = _between(text_of(low.get("value")), text_of(high.get("value")), language)
        text = text_of(one.get("text")) or bounds
        if text:
            return text if one.get("text") or not unit else f"{text} {unit}"
    return ""


def _between(low: str, high: str, language: Language) -> str:
    if low and high:
        return said("range", language, low=low, high=high)
    if low or high:
        return said("at-least", language, low=low) if low else said("at-most", language, high=high)
    return ""


def _reading(told: Resource, language: Language) -> tuple[str, str]:
    """The interpretation in words, and as a flag; where nobody says, as the range has it."""
    for concept in list_of(told.get("interpretation")):
        for token in tokens_of(concept):
            code = token.rpartition("|")[2]
            if words := reading_words(code, language):
                return words, _FLAGS.get(code, "")
        if text := concept_text(concept):
            return text, ""
    return _by_range(told, language)


def _by_range(told: Resource, language: Language) -> tuple[str, str]:
    """Low or high by the only range that there is, in the same unit; that it is usual is not said."""
    quantity, ranges = dict_of(told.get("valueQuantity")), list_of(told.get("referenceRange"))
    value = quantity.get("value")
    if len(ranges) != 1 or not _number(value) or quantity.get("comparator"):
        return "", ""
    one = dict_of(ranges[0])
    if not _FOR_SOME.isdisjoint(one):
        return "", ""
    low, high = bounds_of(one, quantity)
    for limit, code, beyond in ((low, "below", -1), (high, "above", 1)):
        if limit is not None and (value - limit) * beyond > 0:
            return reading_words(code, language), _FLAGS[code]
    return "", ""


def bounds_of(told: Resource, quantity: Resource) -> tuple[float | None, float | None]:
    """The ends of a reference range in the unit of a value: of its numbers, or of a text of two (120-150)."""
    bounds = [dict_of(told.get(name)) for name in ("low", "high")]
    found = _TWO.match(text_of(told.get("text")))
    if not any(bounds) and found is not None:
        return float(found[1]), float(found[2])
    low, high = (
        float(number) if _number(number := one.get("value")) and _same_unit(one, quantity) else None
        for one in bounds
    )
    return low, high


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_unit(bound: Resource, quantity: Resource) -> bool:
    told = unit_words(bound)
    return not told or told == unit_words(quantity)
