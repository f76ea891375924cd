"""How dates are written, by the evidence of all rows: is 03/04/2025 in March or in April?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

DAY_FIRST = (
    "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%d/%b/%Y",
    "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", "%d-%b-%y", "%d %b %y",
)  # fmt: skip
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%m/%d/%y", "%m-%d-%y")
YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")
CLOCKS = (
    "T%H:%M:%S%z",
    "T%H:%M:%S.%f%z",
    "T%H:%M:%S.%f",
    "T%H:%M:%S",
    "T%H:%M",
    " %H:%M:%S",
    " %H:%M",
    " %I:%M %p",
)
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?\Z")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?\Z")
_ENOUGH = 0.9
_SOON = 2
"""Years from now in which a planned date may lie."""


@dataclass(frozen=True, slots=True)
class Times:
    """The formats of a column, tried in order; ``doubt`` is what a human must settle, "" where nothing.

    ``certain`` says that the rows leave no other reading; ``two_digits`` that a century is guessed.
    """

    formats: tuple[str, ...]
    certain: bool
    clock: bool = False
    two_digits: bool = False
    doubt: str = ""


def times_of(values: Sequence[str]) -> Times | None:
    """The formats under which the values are dates or times of a day; None where they are none."""
    distinct = list(dict.fromkeys(values))
    if not distinct or not any(character.isdigit() for character in distinct[0]):
        return None
    for clock, suffixes in ((False, ("",)), (True, CLOCKS)):
        found = _found(distinct, suffixes)
        if found is not None:
            formats, certain, doubt = found
            two_digits = any("%y" in text for text in formats)
            if two_digits:
                doubt = (
                    "The year has two digits: 00 to 68 are read as 2000 to 2068. "
                    f"Can the supplier send four? {doubt}".strip()
                )
            return Times(formats, certain and not two_digits, clock, two_digits, doubt)
    return None


def looks_like_serials(values: Sequence[str]) -> bool:
    """Whether the values may be a spreadsheet's day numbers (45292 for 1 January 2024)."""
    return bool(values) and all(_SERIAL.match(value) for value in values)


def is_clock(value: str) -> bool:
    """A time of the day without a date."""
    return _CLOCK.match(value) is not None


def parsed(value: str, formats: Sequence[str]) -> tuple[datetime, str] | None:
    """A value by the first format that fits it."""
    for candidate in formats:
        try:
            return datetime.strptime(value, candidate), candidate  # noqa: DTZ007 - a calendar day is meant
        except ValueError:
            continue
    return None


def in_words(formats: Sequence[str]) -> str:
    """A format as people write it: ``dd/mm/yyyy``."""
    names = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%y": "yy", "%b": "mmm", "%B": "month", "%H": "hh",
             "%M": "mm", "%S": "ss", "%I": "hh", "%p": "am/pm", "%z": "+zone", "%f": "fraction"}  # fmt: skip
    return " or ".join(re.sub(r"%[A-Za-z]", lambda m: names.get(m[0], m[0]), text) for text in formats)


def _found(distinct: list[str], suffixes: tuple[str, ...]) -> tuple[tuple[str, ...], bool, str] | None:
    year = _cover(distinct, YEAR_FIRST, suffixes)
    day = _cover(distinct, DAY_FIRST, suffixes)
    month = _cover(distinct, MONTH_FIRST, suffixes)
    best = max((year, day, month), key=lambda cover: cover[1])
    needed = _ENOUGH * len(distinct)
    if best[1] < needed:
        both = _cover(distinct, YEAR_FIRST + DAY_FIRST, suffixes)
        if both[1] < needed:
            return None
        return both[0], False, "Two ways of writing dates are mixed here: is that meant?"
    odd = len(distinct) - best[1]
    doubt = f"{odd} of {len(distinct)} values could not be read as dates: what are they?" if odd else ""
    if best is year or year[1] == best[1]:
        return year[0], True, doubt
    if day[1] == month[1] == best[1]:
        return day[0], False, f"Every date reads both ways: is the day first? {doubt}".strip()
    if best is day or day[1] == best[1]:
        return day[0], True, doubt
    return (
        month[0],
        True,
        f"The month comes first here, as in America: is that so in all files? {doubt}".strip(),
    )


def _cover(
    distinct: list[str], dates: tuple[str, ...], suffixes: tuple[str, ...]
) -> tuple[tuple[str, ...], int]:
    """The formats that are needed to read as many of the values as these can, and how many that is."""
    formats = [date + suffix for date in dates for suffix in suffixes]
    used: dict[str, int] = {}
    for value in distinct:
        found = parsed(value, [*used, *formats])
        if found is not None and _is_sane(found[0]):
            used[found[1]] = used.get(found[1], 0) + 1
    return tuple(sorted(used, key=lambda text: -used[text])), sum(used.values())


def _is_sane(at: datetime) -> bool:
    return 1880 <= at.year <= 2150
