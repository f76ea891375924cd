"""When something was, as people type it."""

from __future__ import annotations

from datetime import datetime, timedelta

from scr.access.contributing.found import Finding
from scr.fhir.dates import LONDON

_AHEAD = timedelta(minutes=5)
_OLDEST = timedelta(days=366 * 10)


def when_it_was(typed: str, now: datetime, wrong: list[Finding], field: str = "at") -> datetime | None:
    """A day or a time (ISO 8601; without a zone it is London's), ``now`` where nothing was typed.

    None where it cannot be, which is told in ``wrong``. A clock that is five minutes fast is forgiven.
    """
    text = typed.strip()
    if not text:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        wrong.append(Finding(field, "no-date", "Enter a date and time that is real, like 2026-01-31 09:30."))
        return None
    try:
        at = (at if at.tzinfo else at.replace(tzinfo=LONDON)).astimezone(now.tzinfo)
    except OverflowError:
        wrong.append(Finding(field, "no-date", "Enter a date and time that is real, like 2026-01-31 09:30."))
        return None
    if at > now + _AHEAD:
        wrong.append(Finding(field, "in-future", "The date and time must be in the past."))
        return None
    if now - at > _OLDEST:
        wrong.append(Finding(field, "too-old", "The date must be in the last 10 years."))
        return None
    return at
