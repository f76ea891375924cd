"""Date parameters, and the prefixes of ordered values.

https://hl7.org/fhir/R4/search.html#date, #prefix. A value is the half-open interval of what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from scr.fhir.dates import interval
from scr.fhir.search.escapes import alternatives, bad

Interval = tuple[int, int]
Ordered = Callable[[Interval], bool]
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d.*)\Z")


def wanted_dates(name: str, value: str) -> Callable[[Iterable[Interval]], bool]:
    """Compile the value of a date parameter: a comma means or, each part has its own prefix."""
    tests = [_one(name, part) for part in alternatives(name, value)]
    return lambda whens: any(test(when) for when in whens for test in tests)


def _one(name: str, text: str) -> Ordered:
    match = _PREFIXED.match(text)
    asked = interval(match.group(2).replace(" ", "+")) if match else None
    if match is None or asked is None:
        raise bad(name, "must be a date such as 2026-01-31, or with a prefix: ge2026")
    low, high = asked
    margin = (high - low) // 2 + 86_400_000
    compare: dict[str, Ordered] = {
        "eq": lambda w: low <= w[0] and w[1] <= high,
        "ne": lambda w: not (low <= w[0] and w[1] <= high),
        "gt": lambda w: w[1] > high,
        "lt": lambda w: w[0] < low,
        "ge": lambda w: w[1] > high or (low <= w[0] and w[1] <= high),
        "le": lambda w: w[0] < low or (low <= w[0] and w[1] <= high),
        "sa": lambda w: w[0] >= high,
        "eb": lambda w: w[1] <= low,
        "ap": lambda w: w[0] < high + margin and w[1] > low - margin,
    }
    return compare[match.group(1) or "eq"]


def intervals_of(values: Iterable[object]) -> list[Interval]:
    """The intervals of dates, instants, periods and timings as they stand in a resource."""
    return [found for value in values if (found := interval(value)) is not None]
