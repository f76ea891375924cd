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
    parts = [_part(base_url, entry, b"match") for entry in matches]
    parts.extend(_part(base_url, entry, b"include") for entry in included)
    if outcome is not None:
        parts.append(b'{"resource":%b,"search":{"mode":"outcome"}}' % orjson.dumps(outcome))
    opening = orjson.dumps(head)[:-1]
    if not parts:
        return opening + b"}"
    return b'%b,"entry":[%b]}' % (opening, b",".join(parts))


def _part(base_url: str, entry: Entry, mode: bytes) -> bytes:
    address = f"{base_url}/{entry.type}/{entry.id}".encode()
    return b'{"fullUrl":"%b","resource":%b,"search":{"mode":"%b"}}' % (address, entry.body, mode)
