"""Which shared care record a resource was taken from: a tag in ``meta.tag``.

What was taken from a neighbour says so wherever it goes, so that nobody takes back from somebody else what
was their own. The code is the FHIR base of the record that it was taken from.
"""

from __future__ import annotations

import orjson

from scr.fhir.canonical import ORIGIN_SYSTEM
from scr.fhir.entry import Resource

_MARK = ORIGIN_SYSTEM.encode()


def tag_origin(resource: Resource, origin: str) -> None:
    """Say that a resource was taken from a record; what it says of others before that one stays."""
    if origin in _origins(resource):
        return
    meta = dict(_dict(resource.get("meta")))
    tags = meta.get("tag")
    meta["tag"] = [*(tags if isinstance(tags, list) else []), {"system": ORIGIN_SYSTEM, "code": origin}]
    resource["meta"] = meta


def came_from(body: bytes, origin: str) -> bool:
    """Whether a resource in JSON says that it was taken from a record once."""
    if _MARK not in body:
        return False
    try:
        return origin in _origins(orjson.loads(body))
    except orjson.JSONDecodeError:
        return False


def _origins(resource: object) -> list[object]:
    tags = _dict(_dict(resource).get("meta")).get("tag")
    found = [_dict(tag) for tag in tags] if isinstance(tags, list) else []
    return [tag.get("code") for tag in found if tag.get("system") == ORIGIN_SYSTEM]


def _dict(value: object) -> Resource:
    return value if isinstance(value, dict) else {}
