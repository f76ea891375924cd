"""The contents of documents: a Binary goes with what it is attached to, or not at all.

A Binary says neither whose it is nor what it is about; its document does. https://hl7.org/fhir/R4/binary.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from scr.fhir.entry import Entry

BINARY = "Binary"
_NAMED = re.compile(rb'"(?:url|reference)":"(?:[^"]*/)?Binary/([A-Za-z0-9\-.]{1,64})')
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_UNKNOWN = "application/octet-stream"


def with_documents(entries: Sequence[Entry]) -> list[Entry]:
    """The entries in their order, without each Binary that none of the others names."""
    if not any(entry.type == BINARY for entry in entries):
        return list(entries)
    named: set[bytes] = set()
    for entry in entries:
        if entry.type != BINARY and b"Binary/" in entry.body:
            named.update(_NAMED.findall(entry.body))
    return [entry for entry in entries if entry.type != BINARY or entry.id.encode() in named]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a Binary holds, and of which media type."""

    data: bytes
    media_type: str


def contents_of(body: bytes) -> Contents | None:
    """The contents of a Binary in JSON; None where it has none that can be read."""
    resource = orjson.loads(body)
    try:
        data = base64.b64decode(re.sub(r"\s", "", str(resource.get("data", ""))), validate=True)
    except (binascii.Error, ValueError):
        return None
    told = str(resource.get("contentType", "")).strip()
    kind, _, more = told.partition(";")
    if not _MEDIA_TYPE.fullmatch(kind.strip()):
        return Contents(data, _UNKNOWN)
    charset = re.fullmatch(r"\s*charset=([A-Za-z0-9-]{1,40})\s*", more, re.IGNORECASE)
    return Contents(data, kind.strip().lower() + (f"; charset={charset[1].lower()}" if charset else ""))
