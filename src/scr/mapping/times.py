"""Dates and times as suppliers write them, read into FHIR's.

https://hl7.org/fhir/R4/datatypes.html#dateTime and HL7 v2.4 chapter 2.9.47 (TS). A time without a
zone is Europe/London local time, and is given its offset.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from scr.fhir.dates import LONDON

_ISO_PARTIAL = re.compile(r"\d{4}(-\d\d)?\Z")
_HL7 = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d+)?)?)?)?)?)?([+-]\d{4})?\Z")
_EARLIEST, _LATEST = 1800, 2200


class Unreadable(ValueError):
    """A value that is there and cannot be read. Carries nothing of it."""


@lru_cache(maxsize=16384)
def parse_date(text: str, formats: tuple[str, ...]) -> str:
    """A FHIR date, as exact as the format that fits is. Raises Unreadable where none fits."""
    if not formats:
        return _iso_date(text)
    at, fitting = _by_format(text, formats)
    return _to_precision(at.date(), fitting)


@lru_cache(maxsize=16384)
def parse_datetime(text: str, formats: tuple[str, ...]) -> str:
    """A FHIR dateTime with its offset, or a date where the value has no time."""
    if formats:
        at, fitting = _by_format(text, formats)
        return _with_offset(at) if _has_time(fitting) else _to_precision(at.date(), fitting)
    if len(text) <= 10:
        return _iso_date(text)
    try:
        return _with_offset(_sane(datetime.fromisoformat(text)))
    except ValueError:
        raise Unreadable from None


@lru_cache(maxsize=16384)
def parse_hl7(text: str) -> str:
    """An HL7 v2 time stamp as a FHIR date or dateTime, as exact as it is. Raises Unreadable."""
    match = _HL7.match(text)
    if match is None:
        raise Unreadable
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        at = _sane(
            datetime(  # noqa: DTZ001 - the zone follows
                int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
            )
        )
    except ValueError:
        raise Unreadable from None
    if hour is None:
        return "-".join(part for part in (year, month, day) if part is not None)
    if zone is not None:
        return f"{at.isoformat()}{zone[:3]}:{zone[3:]}"
    return _with_offset(at)


def check_format(text: str) -> str:
    """What is wrong with a format, or an empty string: for errors at load time."""
    if "%" not in text:
        return f"{text!r} is no date format: write one like '%d/%m/%Y'"
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(text), text)  # noqa: DTZ007
    except ValueError:
        return f"{text!r} is no date format that Python's strptime knows"
    return ""


def _by_format(text: str, formats: tuple[str, ...]) -> tuple[datetime, str]:
    for candidate in formats:
        try:
            return _sane(datetime.strptime(text, candidate)), candidate  # noqa: DTZ007 - London follows
        except ValueError:
            continue
    raise Unreadable


def _iso_date(text: str) -> str:
    if _ISO_PARTIAL.match(text):
        _sane_year(int(text[:4]))
        if len(text) == 7 and not 1 <= int(text[5:]) <= 12:
            raise Unreadable
        return text
    try:
        return _sane(datetime.fromisoformat(text)).date().isoformat()
    except ValueError:
        raise Unreadable from None


def _to_precision(day: date, fitting: str) -> str:
    if any(part in fitting for part in ("%d", "%j", "%x", "%D")):
        return day.isoformat()
    return day.isoformat()[:7] if any(part in fitting for part in ("%m", "%b", "%B")) else f"{day.year:04d}"


def _has_time(fitting: str) -> bool:
    return any(part in fitting for part in ("%H", "%I", "%X", "%c", "%T"))


def _with_offset(at: datetime) -> str:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=LONDON)
    return aware.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def _sane(at: datetime) -> datetime:
    _sane_year(at.year)
    return at


def _sane_year(year: int) -> None:
    """A year outside of living memory is a slip of the keyboard, and would sort a record wrongly."""
    if not _EARLIEST <= year <= _LATEST:
        raise Unreadable
