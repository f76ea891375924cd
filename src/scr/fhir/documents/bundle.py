"""The Bundle of a document: whatever stands in it leads to something that stands in it too.

Who and with what goes along with an entry: people, places, medicines, specimens, the members of a panel.
Another reference, to the visit at which something was found, say, is turned into one by identifier: the
address where it can be read. https://hl7.org/fhir/R4/documents.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry, Resource

_CONTAINERS = frozenset({"Composition", "DetectedIssue", "DiagnosticReport", "List"})
_CARRIED = frozenset(
    {"Device", "HealthcareService", "Location", "Medication", "Observation", "Organization"}
    | {"Practitioner", "PractitionerRole", "RelatedPerson", "Specimen", "Substance"}
)
_URI = "urn:ietf:rfc3986"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a document says of itself: the base of addresses, the ids of this Bundle and of what it holds,
    the time (ms UTC)."""

    base_url: str
    bundle_id: str
    identifier: str
    now: int


def document(
    frame: Frame, firsts: Sequence[Resource | Entry], permitted: Iterable[Entry]
) -> tuple[bytes, list[Entry]]:
    """The document, and the entries of the record that are in it.

    ``firsts`` begins with the Composition; those that were made for the document stand at addresses of
    their own, ``urn:uuid``. Of ``permitted`` goes in what any of them leads to.
    """
    by_reference = {entry.reference: entry for entry in permitted}
    own = [one for one in firsts if isinstance(one, Entry)]
    named = [name for one in firsts for name in _named(one)]
    entries = [*own, *(one for one in _carried(named, by_reference) if one not in own)]
    there = {entry.reference for entry in entries}
    pieces = [
        (f"urn:uuid:{one['id']}", orjson.dumps(one)) for one in firsts if not isinstance(one, Entry)
    ] + [(f"{frame.base_url}/{one.reference}", _closed(one, there, frame.base_url)) for one in entries]
    head: Resource = {
        "resourceType": "Bundle",
        "id": frame.bundle_id,
        "meta": {"lastUpdated": instant_text(frame.now)},
        "identifier": {"system": _URI, "value": f"urn:uuid:{frame.identifier}"},
        "type": "document",
        "timestamp": instant_text(frame.now),
        "entry": [{"fullUrl": url, "resource": orjson.Fragment(body)} for url, body in pieces],
    }
    if security := _labels(entries):
        head["meta"]["security"] = security
    return orjson.dumps(head), entries


def _labels(entries: Iterable[Entry]) -> list[Resource]:
    """The labels of all, once each: a document is marked as what it holds."""
    tokens = sorted({token for entry in entries for token in entry.labels})
    return [
        {"system": system, "code": code} for system, _, code in (token.rpartition("|") for token in tokens)
    ]


def _named(one: Resource | Entry) -> list[str]:
    """The references of what was there first, in their order."""
    if isinstance(one, Entry):
        return list(one.references)
    return [str(node["reference"]) for node in _nodes(one) if isinstance(node.get("reference"), str)]


def _carried(named: Iterable[str], by_reference: Mapping[str, Entry]) -> list[Entry]:
    """What these references lead to, and what goes along with it, each once."""
    found: dict[str, Entry] = {}
    waiting = deque(named)
    while waiting:
        entry = by_reference.get(waiting.popleft())
        if entry is None or entry.reference in found:
            continue
        found[entry.reference] = entry
        whole = entry.type in _CONTAINERS
        waiting.extend(name for name in entry.references if whole or name.partition("/")[0] in _CARRIED)
    return list(found.values())


def _closed(entry: Entry, there: set[str], base_url: str) -> bytes:
    """The bytes of an entry, each of its references to something in the document."""
    if there.issuperset(entry.references):
        return entry.body
    resource: Resource = orjson.loads(entry.body)
    return orjson.dumps(_loosened(resource, there, base_url))


def _loosened(node: Any, there: set[str], base_url: str) -> Any:
    if isinstance(node, list):
        return [_loosened(one, there, base_url) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: _loosened(value, there, base_url) for name, value in node.items()}
    reference = made.get("reference")
    if not isinstance(reference, str) or reference.startswith("#") or reference in there:
        return made
    del made["reference"]
    address = reference if ":" in reference else f"{base_url}/{reference}"
    made.setdefault("identifier", {"system": _URI, "value": address})
    return made


def _nodes(node: Any) -> Iterable[Resource]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _nodes(one)
