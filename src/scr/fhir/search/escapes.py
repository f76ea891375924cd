r"""Values of search parameters, taken apart: ``\,`` ``\|`` ``\$`` and ``\\`` stand for the sign itself.

https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

import re

from scr.errors import Invalid

_SIGNS = re.compile(r"\\([,|$\\])")


def split(text: str, sign: str) -> list[str]:
    """Parts of a text apart by a sign that is not escaped; the escapes stay as they are."""
    if "\\" not in text:
        return text.split(sign)
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == sign:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def plain(text: str) -> str:
    """A part without its escapes."""
    return _SIGNS.sub(r"\1", text) if "\\" in text else text


def alternatives(name: str, value: str) -> list[str]:
    """The values between commas. Raises Invalid where one is empty: it could match nothing or all."""
    if not value:
        raise Invalid("has no value", code="bad-parameter", where=name[:40])
    parts = split(value, ",")
    if not all(parts):
        raise Invalid("one of the values is empty", code="bad-parameter", where=name[:40])
    return parts


def bad(name: str, message: str) -> Invalid:
    """A value that cannot be read, or a modifier that does not go with the parameter."""
    return Invalid(message, code="bad-parameter", where=name[:40])
