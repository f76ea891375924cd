"""FHIR dates and instants as half-open intervals of milliseconds UTC.

https://hl7.org/fhir/R4/datatypes.html#dateTime: a date may stop at the year, the month or the day,
and then stands for all of it. A date without a time, and a supplier's time without a zone, is
Europe/London local time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?\Z"
)
_END_OF_TIME = 253_402_300_800_000  # 10000-01-01: an open period ends here
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_START_OF_TIME = -62_135_596_800_000  # 0001-01-01


def milliseconds(at: datetime) -> int:
    """An aware datetime as milliseconds since 1970-01-01 UTC."""
    return (at - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=256)
def instant_text(ms: int) -> str:
    """Milliseconds UTC as a FHIR instant, ``2026-01-31T09:30:00.000Z``."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def day_text(ms: int) -> str:
    """Milliseconds UTC as the day that it is in London then, ``2026-01-31``."""
    return utc(ms).astimezone(LONDON).date().isoformat()


def interval(value: object) -> tuple[int, int] | None:
    """The interval of a FHIR date, dateTime, instant, Period or Timing; None where there is none to read.

    A Timing is from the first of its events to the last, or its bounds where it names none.
    """
    if isinstance(value, str):
        return _interval_of_text(value)
    if isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        low = _interval_of_text(start) if isinstance(start, str) else None
        high = _interval_of_text(end) if isinstance(end, str) else None
        if low is None and high is None:
            return _interval_of_timing(value)
        return (low[0] if low else _START_OF_TIME, high[1] if high else _END_OF_TIME)
    return None


def _interval_of_timing(value: dict[str, object]) -> tuple[int, int] | None:
    events, repeat = value.get("event"), value.get("repeat")
    if isinstance(events, list):
        whens = [when for event in events if isinstance(event, str) and (when := interval(event)) is not None]
        if whens:
            return min(when[0] for when in whens), max(when[1] for when in whens)
    return interval(repeat.get("boundsPeriod")) if isinstance(repeat, dict) else None


@lru_cache(maxsize=8192)
def _interval_of_text(text: str) -> tuple[int, int] | None:
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        low = datetime(  # noqa: DTZ001 - the zone follows
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
        )
        high = _after(low, month, day, hour, second, fraction)
        shift = int(fraction[1:4].ljust(3, "0")) if fraction else 0
        return (_to_ms(low, zone) + shift, _to_ms(high, zone) + shift)
    except (ValueError, OverflowError):
        return None


def _after(
    low: datetime,
    month: str | None,
    day: str | None,
    hour: str | None,
    second: str | None,
    fraction: str | None,
) -> datetime:
    """The first moment after what the text stands for."""
    if fraction is not None:
        return low + timedelta(milliseconds=1)
    if second is not None:
        return low + timedelta(seconds=1)
    if hour is not None:
        return low + timedelta(minutes=1)
    if day is not None:
        return low + timedelta(days=1)
    if month is not None:
        return low.replace(year=low.year + low.month // 12, month=low.month % 12 + 1)
    return low.replace(year=low.year + 1)


def _to_ms(local: datetime, zone: str | None) -> int:
    if zone is None:
        return milliseconds(local.replace(tzinfo=LONDON))
    return milliseconds(datetime.fromisoformat(local.isoformat() + ("+00:00" if zone == "Z" else zone)))


def utc(ms: int) -> datetime:
    """Milliseconds UTC as an aware datetime."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
