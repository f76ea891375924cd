"""One calendar month, as UK GDPR article 12(3) gives it, by the calendar of London.

It ends with the day of the next month that has the same number, or with that month's last day where there
is no such day: what is said on 31 January has to be answered by the end of 28 or 29 February. A weekend
does not make it longer: that would be the source's to explain.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from scr.fhir.dates import LONDON, milliseconds, utc

REMIND_MS = 7 * 24 * 3600 * 1000
"""So long before the last day is over the source is reminded."""


def last_day(opened: int) -> date:
    """The last day on which an answer is in time, of a challenge opened then (ms UTC)."""
    day = utc(opened).astimezone(LONDON).date()
    year, month = (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def due(opened: int) -> int:
    """When the last day is over: midnight after it in London, ms UTC."""
    return _midnight(last_day(opened) + timedelta(days=1))


def _midnight(day: date) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=LONDON))
