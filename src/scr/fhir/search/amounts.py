"""Number and quantity parameters. https://hl7.org/fhir/R4/search.html#number, #quantity

A value in a resource is a range with its unit: of a Quantity with a comparator an open one, of a Range
what it says. Where no prefix stands, the digits that are given say how near is near enough: 5.40 is
anything from 5.395 up to 5.405.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeGuard

from scr.fhir.search.escapes import alternatives, bad, plain, split

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?([+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\Z")
_ENDLESS = float("inf")
_NO_UNIT: Mapping[str, Any] = {}


class Amount(NamedTuple):
    """From ``low`` to ``high``; ``of`` is the Quantity that tells the unit, as it stands in the resource."""

    low: float
    high: float
    of: Mapping[str, Any] = _NO_UNIT


Test = Callable[[Amount], bool]


def wanted_amounts(name: str, value: str, *, units: bool) -> Callable[[Iterable[Amount]], bool]:
    """Compile the value of a number parameter, or of a quantity (``units``: ``number|system|code``)."""
    tests = [_one(name, part, units) for part in alternatives(name, value)]
    return lambda amounts: any(test(amount) for amount in amounts for test in tests)


def _one(name: str, text: str, units: bool) -> Test:
    number, *unit = [plain(part) for part in split(text, "|")]
    match = _PREFIXED.match(number)
    if match is None or (unit and not units) or len(unit) not in {0, 2}:
        form = "a number, or number|system|code" if units else "a number"
        raise bad(name, f"must be {form}, with a prefix or without: ge5.4")
    compare = _comparison(match.group(1) or "eq", Decimal(match.group(2)))
    if not any(unit):
        return compare
    system, code = unit
    return lambda amount: _of_unit(amount, system, code) and compare(amount)


def _of_unit(amount: Amount, system: str, code: str) -> bool:
    told = amount.of
    if system and (told.get("system") != system or (code and told.get("code") != code)):
        return False
    return not code or code in (told.get("code"), told.get("unit"))


def _comparison(prefix: str, wanted: Decimal) -> Test:
    exponent = wanted.as_tuple().exponent
    half = Decimal(5).scaleb((exponent if isinstance(exponent, int) else 0) - 1)
    low, high, at = float(wanted - half), float(wanted + half), float(wanted)
    margin = abs(at) / 10
    compare: dict[str, Test] = {
        "eq": lambda a: low <= a.low and a.high < high,
        "ne": lambda a: not (low <= a.low and a.high < high),
        "gt": lambda a: a.high > at,
        "lt": lambda a: a.low < at,
        "ge": lambda a: a.high >= at,
        "le": lambda a: a.low <= at,
        "sa": lambda a: a.low > at,
        "eb": lambda a: a.high < at,
        "ap": lambda a: a.low <= at + margin and a.high >= at - margin,
    }
    return compare[prefix]


def amounts_of(values: Iterable[Any]) -> list[Amount]:
    """The amounts of numbers, quantities, ranges and sampled data as they stand in a resource."""
    found = (_amount(value) for value in values)
    return [amount for amount in found if amount is not None]


def _amount(value: Any) -> Amount | None:
    if _is_number(value):
        return Amount(value, value)
    if type(value) is not dict:
        return None
    if "low" in value or "high" in value:
        return _range(value.get("low"), value.get("high"))
    if "origin" in value:
        return _sampled(value)
    number = value.get("value")
    if not _is_number(number):
        return None
    comparator = value.get("comparator")
    low = -_ENDLESS if comparator in {"<", "<="} else number
    high = _ENDLESS if comparator in {">", ">="} else number
    return Amount(low, high, value)


def _range(low: Any, high: Any) -> Amount | None:
    ends = [_amount(end) if end is not None else None for end in (low, high)]
    told = next((end for end in ends if end is not None), None)
    if told is None:
        return None
    start = -_ENDLESS if ends[0] is None else ends[0].low
    end = _ENDLESS if ends[1] is None else ends[1].high
    return Amount(start, end, told.of)


def _sampled(value: dict[str, Any]) -> Amount | None:
    """Sampled data, by its limits where it tells them; else where it begins."""
    origin, low, high = _amount(value["origin"]), value.get("lowerLimit"), value.get("upperLimit")
    if origin is None or not (_is_number(low) and _is_number(high)):
        return origin
    return Amount(low, high, origin.of)


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) is int or type(value) is float
