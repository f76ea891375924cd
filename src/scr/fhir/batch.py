"""A batch: several requests in one, and their answers. https://hl7.org/fhir/R4/http.html#transaction

Each entry is a request of its own. What it may be is little: a read, a search, a GET of an operation, or
the writing of one resource; never another Bundle, and nothing that stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from scr.errors import Invalid, NotImplementedHere, ScrError, TooLarge
from scr.fhir.dates import instant_text
from scr.fhir.entry import Resource
from scr.fhir.outcome import outcome_of

MAX_ENTRIES = 50
MAX_BODY = 512 * 1024
"""Bytes of a batch."""

_SEGMENT = r"[A-Za-z0-9\-.$_]{1,64}"
_PATH = re.compile(rf"(?:[A-Z][A-Za-z]{{1,40}}(?:/{_SEGMENT}){{0,3}})?\Z")
_WRITTEN = {
    "POST": re.compile(r"[A-Z][A-Za-z]{1,40}\Z"),
    "PUT": re.compile(rf"[A-Z][A-Za-z]{{1,40}}/{_SEGMENT}\Z"),
}
_CONDITIONS = {
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifMatch": "if-match",
    "ifNoneExist": "if-none-exist",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One request: method, path below the base and query as they came, headers, and the body of a write."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one request."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


def parts_of(bundle: Resource, base_url: str) -> list[Part | ScrError]:
    """The requests of a batch, or for each why it is none.

    Raises Invalid where it is no batch, NotImplementedHere for a transaction, TooLarge for too many.
    """
    if bundle.get("resourceType") != "Bundle":
        raise Invalid("send a Bundle of type batch", code="not-a-batch")
    if bundle.get("type") == "transaction":
        raise NotImplementedHere("transactions are not served: send a batch", code="no-transaction")
    entries = bundle.get("entry", [])
    if bundle.get("type") != "batch" or not isinstance(entries, list):
        raise Invalid("send a Bundle of type batch", code="not-a-batch")
    if len(entries) > MAX_ENTRIES:
        raise TooLarge(f"a batch has at most {MAX_ENTRIES} entries", code="too-many-entries")
    return [_part(entry, base_url) for entry in entries]


def answered(said: Sequence[Said | ScrError], *, bundle_id: str, now: int) -> bytes:
    """The Bundle of what came of each, in their order."""
    head: Resource = {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": instant_text(now)},
        "type": "batch-response",
    }
    if said:
        head["entry"] = [_answer(one) for one in said]
    return orjson.dumps(head)


def _part(entry: Any, base_url: str) -> Part | ScrError:
    try:
        return _read(entry, base_url)
    except ScrError as error:
        return error


def _read(entry: Any, base_url: str) -> Part:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise Invalid("an entry needs request.method and request.url", code="bad-entry")
    method, resource = request.get("method"), entry.get("resource")
    path, _, query = request["url"].removeprefix(f"{base_url}/").partition("?")
    if not _PATH.match(path) or (not path and not query) or ".." in path:
        raise Invalid("request.url is a type of here, below the base", code="bad-url")
    if method == "GET":
        if resource is not None:
            raise Invalid("a GET has no resource", code="bad-entry")
        if "_format=" in unquote(query):
            raise Invalid("the batch has one format", code="bad-url")
        return Part(method, path, query, _conditions(request))
    if method not in _WRITTEN or not _WRITTEN[method].match(path) or query:
        raise Invalid(
            "an entry reads (GET), creates (POST [type]) or updates (PUT [type]/[id])", code="no-method"
        )
    if not isinstance(resource, dict) or resource.get("resourceType") != path.partition("/")[0]:
        raise Invalid("the resource is not of the type of its address", code="bad-entry")
    return Part(method, path, "", _conditions(request), orjson.dumps(resource))


def _conditions(request: Resource) -> tuple[tuple[str, str], ...]:
    """The headers of an entry. Raises Invalid for one that is no text of one line."""
    found = []
    for element, name in _CONDITIONS.items():
        if element not in request:
            continue
        value = request[element]
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise Invalid("is no header", code="bad-entry", where=f"request.{element}")
        found.append((name, value))
    return tuple(found)


def _answer(said: Said | ScrError) -> Resource:
    if isinstance(said, ScrError):
        return {"response": {"status": str(said.status), "outcome": outcome_of(said)}}
    response: Resource = {"status": str(said.status)}
    if "location" in said.headers:
        response["location"] = said.headers["location"]
    if "etag" in said.headers:
        response["etag"] = said.headers["etag"]
    if said.status >= 400:
        return {"response": {**response, "outcome": orjson.Fragment(said.body)}}
    return {**({"resource": orjson.Fragment(said.body)} if said.body else {}), "response": response}
