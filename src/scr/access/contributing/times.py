"""When something was, as people type it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from scr.access.contributing.found import N_, Finding
from scr.fhir.dates import LONDON

_AHEAD = timedelta(minutes=5)
_OLDEST = timedelta(days=366 * 10)
_AS_TYPED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?:,? +(?:at +)?(\d{1,2})[:.](\d\d))?\Z", re.ASCII)


def when_it_was(typed: str, now: datetime, wrong: list[Finding], field: str = "at") -> datetime | None:
    """A day or a time (31/1/2026 09:30, or ISO 8601; without a zone it is London's).

    ``now`` where nothing was typed. None where it cannot be, which is told in ``wrong``. A clock that is five
    minutes fast is forgiven.
    """
    text = typed.strip()
    if not text:
        return now
    at = _read(text)
    if at is None:
        wrong.append(
            Finding(field, "no-date", N_("Enter a date and time that is real, like 31/1/2026 09:30."))
        )
        return None
    at = at.astimezone(now.tzinfo)
    if at > now + _AHEAD:
        wrong.append(Finding(field, "in-future", N_("The date and time must be in the past.")))
        return None
    if now - at > _OLDEST:
        wrong.append(Finding(field, "too-old", N_("The date must be in the last 10 years.")))
        return None
    return at


def typed_like(at: str) -> str:
    """A FHIR dateTime as people type it, by the clock of London; empty where it is none."""
    found = _read(at)
    return "" if found is None else found.astimezone(LONDON).strftime("%d/%m/%Y %H:%M")


def _read(text: str) -> datetime | None:
    """A time with its zone; None where there is no such time."""
    try:
        if typed := _AS_TYPED.match(text):
            day, month, year, hour, minute = (int(part or 0) for part in typed.groups())
            at = datetime(year, month, day, hour, minute, tzinfo=LONDON)
        else:
            at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=LONDON)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
