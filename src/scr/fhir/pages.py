"""The pages of another server's search, taken apart and put together again as bytes.

https://hl7.org/fhir/R4/http.html#paging. Of a page only the links and the head of each entry are
parsed; the resources stay the bytes that they came as.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Search(msgspec.Struct):
    mode: str = ""


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")
    fullUrl: str = ""  # noqa: N815 - FHIR's own name
    search: _Search | None = None


class _Bundle(msgspec.Struct):
    resourceType: str  # noqa: N815 - FHIR's own name
    link: list[_Link] = []
    entry: list[_Entry] = []


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's own name
    id: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What a resource says that it is; empty where it says nothing."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a page: its resource as bytes; ``mode`` is match, include, outcome or empty."""

    type: str
    id: str
    mode: str
    full_url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its entries in order, and the address of the next one, empty on the last."""

    parts: tuple[Part, ...]
    next: str


_decode_bundle = msgspec.json.Decoder(_Bundle).decode
_decode_head = msgspec.json.Decoder(_Head).decode


def read_page(body: bytes) -> Page:
    """Take a Bundle apart. Raises ValueError, without its content, where it is not one."""
    try:
        bundle = _decode_bundle(body)
        if bundle.resourceType != "Bundle":
            raise ValueError("not a Bundle")
        parts = tuple(_part(entry) for entry in bundle.entry if bytes(entry.resource))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("not a Bundle in well-formed JSON") from None
    return Page(parts, next((link.url for link in bundle.link if link.relation == "next"), ""))


def head_of(body: bytes) -> Head:
    """The head of a resource in JSON, empty where the bytes are none."""
    try:
        head = _decode_head(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Head("", "")
    return Head(head.resourceType, head.id)


def _part(entry: _Entry) -> Part:
    body = bytes(entry.resource)
    head = head_of(body)
    return Part(head.type, head.id, entry.search.mode if entry.search else "", entry.fullUrl, body)


def collection(parts: Iterable[Part]) -> bytes:
    """One Bundle of type collection, each resource once, however many pages it stood on."""
    once = {(part.type, part.id) if part.id else part.body: part for part in parts}
    entries = b",".join(
        b'{"fullUrl":%b,"resource":%b}' % (msgspec.json.encode(part.full_url), part.body)
        if part.full_url
        else b'{"resource":%b}' % part.body
        for part in once.values()
    )
    return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries
