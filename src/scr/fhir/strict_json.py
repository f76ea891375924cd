"""One resource from a request's body, read so that there is one way to understand it."""

from __future__ import annotations

import json
import re
from typing import NoReturn

import orjson

from scr.errors import Invalid
from scr.fhir.entry import Resource

_CONTROL = re.compile(rb"(?<!\\)(?:\\\\)*\\u00(?:0[0-8bcef]|1[0-9a-f])", re.IGNORECASE)
"""One that no FHIR string may hold, as JSON writes it (https://hl7.org/fhir/R4/datatypes.html#string)."""


def resource_from(body: bytes) -> Resource:
    """The resource in the bytes. Raises Invalid where they are not JSON, or say a thing twice."""
    try:
        orjson.loads(body)  # which takes no half of a letter
        if _CONTROL.search(body):
            raise Invalid("a text holds a control character", code="bad-json")
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Invalid("the body is not JSON that can be read", code="bad-json") from None
    if not isinstance(found, dict):
        raise Invalid("the body is not a resource", code="bad-json")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object. Of a name that stands twice nobody can tell which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Invalid("a name stands twice in one object", code="bad-json")
    return found


def _no_number(_word: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
