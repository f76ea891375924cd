"""Whether a JSON value is a FHIR primitive: https://hl7.org/fhir/R4/datatypes.html#primitive.

One function for each primitive type; each takes any JSON value and never raises.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable

_YEAR = r"(?!0000)[0-9]{4}"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_DATE = re.compile(f"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?")
_DATETIME = re.compile(f"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?")
_INSTANT = re.compile(f"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}")
_TIME = re.compile(_CLOCK)
_CODE = re.compile(r"\S+(?:\s\S+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_URI = re.compile(r"\S+")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BASE64 = re.compile(r"[0-9A-Za-z+/]*={0,2}")
_WHITE = re.compile(r"\s+")

_LARGEST = 2_147_483_647


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    whole = pattern.fullmatch

    def test(value: object) -> bool:
        return isinstance(value, str) and whole(value) is not None

    return test


def _dated(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    """As the pattern says, and a day that its month has."""
    whole = pattern.fullmatch

    def test(value: object) -> bool:
        if not isinstance(value, str) or whole(value) is None:
            return False
        day = value[8:10]
        return day < "29" or int(day) <= calendar.monthrange(int(value[:4]), int(value[5:7]))[1]

    return test


def _integer(lowest: int) -> Callable[[object], bool]:
    def test(value: object) -> bool:
        return type(value) is int and lowest <= value <= _LARGEST

    return test


def _boolean(value: object) -> bool:
    return value is True or value is False


def _decimal(value: object) -> bool:
    return type(value) is int or type(value) is float


def _base64(value: object) -> bool:
    if not isinstance(value, str):
        return False
    packed = _WHITE.sub("", value)
    return len(packed) % 4 == 0 and _BASE64.fullmatch(packed) is not None


PRIMITIVES: dict[str, Callable[[object], bool]] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _matches(_URI),
    "code": _matches(_CODE),
    "date": _dated(_DATE),
    "dateTime": _dated(_DATETIME),
    "decimal": _decimal,
    "id": _matches(_ID),
    "instant": _dated(_INSTANT),
    "integer": _integer(-_LARGEST - 1),
    "markdown": _text,
    "oid": _matches(_OID),
    "positiveInt": _integer(1),
    "string": _text,
    "time": _matches(_TIME),
    "unsignedInt": _integer(0),
    "uri": _matches(_URI),
    "url": _matches(_URI),
    "uuid": _matches(_UUID),
    "xhtml": _text,
}
"""The test for each primitive type, by its name."""
