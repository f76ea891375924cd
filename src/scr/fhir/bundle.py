"""Bundles as joined bytes: nothing here parses or dumps a resource.

https://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry, Resource


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a page: absolute addresses without anything of the person in them."""

    own: str
    next: str | None = None


def searchset(
    matches: Iterable[Entry],
    *,
    bundle_id: str,
    base_url: str,
    links: Links,
    now: int,
    total: int | None,
    included: Sequence[Entry] = (),
    outcome: Resource | None = None,
) -> bytes:
    """A searchset Bundle. ``total`` counts the matches on all pages; ``outcome`` is the ledger."""
    head: Resource = {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": instant_text(now)},
        "type": "searchset",
    }
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": "self", "url": links.own}]
    if links.next is not None:
        head["link"].append({"relation": "next", "url": links.next})
    opening = orjson.dumps(head)[:-1]
    # One join over all pieces: each intermediate copy of half a megabyte would cost as much again.
    pieces: list[bytes] = []
    for entries, mode in ((matches, b"match"), (included, b"include")):
        tail = b',"search":{"mode":"%b"}}' % mode
        some = list(entries)
        three = [tail] * (3 * len(some))
        three[::3] = [
            f',{{"fullUrl":"{base_url}/{entry.type}/{entry.id}","resource":'.encode() for entry in some
        ]
        three[1::3] = [entry.body for entry in some]
        pieces += three
    if outcome is not None:
        pieces += (b',{"resource":', orjson.dumps(outcome), b',"search":{"mode":"outcome"}}')
    if not pieces:
        return opening + b"}"
    pieces[0] = pieces[0][1:]  # the first entry follows no other
    return b"".join((opening, b',"entry":[', *pieces, b"]}"))


def history(
    versions: Sequence[Entry], *, bundle_id: str, base_url: str, own: str, now: int, first: str = "1"
) -> bytes:
    """A Bundle of the versions of one resource, the newest first. ``first`` is the one that made it.

    https://hl7.org/fhir/R4/http.html#history
    """
    head: Resource = {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": instant_text(now)},
        "type": "history",
        "total": len(versions),
        "link": [{"relation": "self", "url": own}],
    }
    if versions:
        head["entry"] = [_version(entry, base_url, made=entry.version == first) for entry in versions]
    return orjson.dumps(head)


def _version(entry: Entry, base_url: str, *, made: bool) -> Resource:
    return {
        "fullUrl": f"{base_url}/{entry.reference}",
        "resource": orjson.Fragment(entry.body),
        "request": {"method": "POST" if made else "PUT", "url": entry.type if made else entry.reference},
        "response": {
            "status": "201" if made else "200",
            "etag": f'W/"{entry.version}"',
            "lastModified": instant_text(entry.last_updated),
        },
    }
