"""Dates and times as people say them: 5 March 2026; 5 March 2026, 09:30; since March 2026; 3 days ago.

A date is told as exactly as it was given: one that stops at the month has no day.
https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

import re
from typing import Any

from scr.fhir.dates import LONDON, interval, utc
from scr.fhir.entry import Resource, date_fields
from scr.fhir.shown.plain import Language
from scr.fhir.shown.reading import dict_of, list_of, text_of
from scr.fhir.shown.words import said

_MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "cy": (
        "Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin",
        "Gorffennaf", "Awst", "Medi", "Hydref", "Tachwedd", "Rhagfyr",
    ),
}  # fmt: skip
_PARTIAL = re.compile(r"\d{4}(?:-\d\d)?(?:-\d\d)?\Z")
_ANCIENT = -5_364_662_400_000
_FAR = 253_370_764_800_000
"""1800-01-01 and 9999-01-01: what is before or behind is no date of anybody's record."""
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


def day_words(ms: int, language: Language) -> str:
    """The day in London at a time (ms UTC): 5 March 2026."""
    return _spoken(utc(ms).astimezone(LONDON).date().isoformat(), language)


def clock_words(ms: int) -> str:
    """The time of day in London: 09:30."""
    return f"{utc(ms).astimezone(LONDON):%H:%M}"


def moment_words(ms: int, now: int, language: Language) -> str:
    """A time: today 09:30, or 5 March 2026, 09:30."""
    if _same_day(ms, now):
        return said("today", language, time=clock_words(ms))
    return f"{day_words(ms, language)}, {clock_words(ms)}"


def asked_words(ms: int, now: int, language: Language) -> str:
    """That a source was asked at a time."""
    if _same_day(ms, now):
        return said("asked-today", language, time=clock_words(ms))
    return said("asked", language, moment=moment_words(ms, now, language))


def ago_words(age_ms: int, language: Language) -> str:
    """How long ago: 3 days ago."""
    for one, many, size in (("day", "days", _DAY), ("hour", "hours", _HOUR)):
        count = age_ms // size
        if count >= 1:
            return said(one, language) if count == 1 else said(many, language, count=str(count))
    minutes = age_ms // _MINUTE
    return said("minutes", language, count=str(minutes)) if minutes > 1 else said("moment", language)


def date_words(value: Any, language: Language) -> str:
    """A FHIR date, dateTime, instant, Period or Timing in words; empty where there is none to read."""
    if isinstance(value, str):
        return _point(value, language)
    told = dict_of(value)
    start, end = _point(told.get("start"), language), _point(told.get("end"), language)
    if start and end:
        day, _, clock = end.partition(", ")
        if clock and start.startswith(f"{day}, "):  # of one day
            end = clock
        return start if start in {end, f"{day}, {clock}"} else said("span", language, start=start, end=end)
    if start or end:
        return said("since", language, day=start) if start else said("until", language, day=end)
    events = [words for one in list_of(told.get("event")) if (words := _point(one, language))]
    if events:
        first, last = events[0], events[-1]
        return first if first == last else said("span", language, start=first, end=last)
    bounds = dict_of(told.get("repeat")).get("boundsPeriod")
    return date_words(bounds, language) if isinstance(bounds, dict) else ""


def clinical_date(resource: Resource) -> Any:
    """The element that holds a resource's clinical date: the first that can be read; None where none can."""
    for name in date_fields(text_of(resource.get("resourceType"))):
        value = resource.get(name)
        if value is not None and interval(value) is not None:
            return value
    return None


def day_of(when: tuple[int, int] | None) -> str:
    """The first day (``YYYY-MM-DD``) of a time that has a beginning."""
    if when is None or not _ANCIENT < when[0] < _FAR:
        return ""
    return utc(when[0]).astimezone(LONDON).date().isoformat()


def _point(value: Any, language: Language) -> str:
    found = interval(value) if isinstance(value, str) else None
    if found is None or not _ANCIENT < found[0] < _FAR:
        return ""
    if _PARTIAL.match(value):
        return _spoken(value, language)
    day, clock = day_words(found[0], language), clock_words(found[0])
    return day if clock == "00:00" else f"{day}, {clock}"  # midnight stands for no time at all


def _spoken(date: str, language: Language) -> str:
    year, *rest = date.split("-")
    parts = [str(int(year))]
    if rest:
        parts.insert(0, _MONTHS[language][int(rest[0]) - 1])
    if len(rest) > 1:
        parts.insert(0, str(int(rest[1])))
    return " ".join(parts)


def _same_day(one: int, other: int) -> bool:
    return utc(one).astimezone(LONDON).date() == utc(other).astimezone(LONDON).date()
