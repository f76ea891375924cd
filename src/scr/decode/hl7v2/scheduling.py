"""When an appointment is: HL7 v2.5.1 chapters 10.6 (SCH, AIS, AIG, AIL, AIP) and 4.5.4 (TQ1).

Senders put it into SCH-11 (until v2.4), into TQ1, or only into the resources that are booked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scr.fhir.dates import LONDON

_MOMENT = re.compile(r"((?:18|19|20|21)\d{10})(\d\d)?(?:\.\d+)?([+-]\d{4})?\Z")
_SECONDS = {
    "S": 1, "SEC": 1, "SECOND": 1, "SECONDS": 1, "M": 60, "MIN": 60, "MINUTE": 60, "MINUTES": 60,
    "H": 3600, "HR": 3600, "HRS": 3600, "HOUR": 3600, "HOURS": 3600, "D": 86400, "DAY": 86400, "DAYS": 86400,
}  # fmt: skip
_LONGEST = timedelta(days=366)


def timing(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """``start`` and ``end`` (HL7 time stamps), and the length in ``minutes``: what of them is told.

    The end follows from the length where only that is told, and the other way round. A start without a
    time of day is ``day`` instead. None where no start is told.
    """
    told = next((each for each in _told(message) if each["start"]), None)
    if told is None:
        return None
    start, end, length = told["start"], told["end"], told["length"] or _length_of(message)
    begins, ends = _moment(start), _moment(end)
    if begins is None:
        return {"day": start[:8]}
    if ends is None and length is not None:
        ends = begins.astimezone(UTC) + length  # in UTC: the clock may change in between
        end = ends.astimezone(begins.tzinfo).strftime("%Y%m%d%H%M%S%z")
    if ends is None or (lasts := ends.astimezone(UTC) - begins.astimezone(UTC)) < timedelta():
        return {"start": start}
    minutes = int(lasts.total_seconds() // 60)
    return {"start": start, "end": end, **({"minutes": minutes} if minutes else {})}


def _told(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each place that may tell it, the most particular last to be asked."""
    for quantity in (message.get("SCH") or {}).get("appointment_timing_quantity") or []:
        yield _part(quantity, "end_date_time", None)
    for quantity in message.get("TQ1") or []:
        yield _part(quantity, "end_date_time", quantity.get("service_duration"))
    for name in ("AIS", "AIP", "AIL", "AIG"):
        for segment in message.get(name) or []:
            length = _length(segment.get("duration"), segment.get("duration_units"))
            yield {"start": segment.get("start_date_time"), "end": None, "length": length}


def _part(quantity: Any, end: str, duration: Any) -> dict[str, Any]:
    length = _length(duration.get("quantity"), duration.get("units")) if duration else None
    return {"start": quantity.get("start_date_time"), "end": quantity.get(end), "length": length}


def _length_of(message: Mapping[str, Any]) -> timedelta | None:
    """SCH-9 and SCH-10."""
    schedule = message.get("SCH") or {}
    units = schedule.get("appointment_duration_units")
    return _length(schedule.get("appointment_duration"), units)


def _length(number: Any, units: Any) -> timedelta | None:
    """A length of time; minutes where no unit is told. None where it is none, or longer than a year."""
    try:
        seconds = _SECONDS[str((units or {}).get("identifier") or "MIN").strip().upper()]
        length = timedelta(seconds=float(number) * seconds)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return length if timedelta() < length <= _LONGEST else None


def _moment(text: Any) -> datetime | None:
    """A time stamp with a time of day, aware; Europe/London where it names no zone."""
    match = _MOMENT.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        at = datetime.strptime(match[1] + (match[2] or "00"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone follows
        if match[3] is None:
            return at.replace(tzinfo=LONDON)
        return datetime.strptime(f"{at:%Y%m%d%H%M%S}{match[3]}", "%Y%m%d%H%M%S%z")
    except ValueError:
        return None
