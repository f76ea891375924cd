"""What was added, read back: of which sort it is, by whom, and what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from scr.fhir.entry import Entry, Resource
from scr.fhir.patient_made.adding import ADDED_BY, ADDER_SYSTEM, sort_of
from scr.fhir.patient_made.files import DOCUMENT, binary_of, document_of
from scr.fhir.patient_made.readings import READING, reading_of
from scr.fhir.patient_made.words import contact_of, sections_of, symptom_of
from scr.fhir.person import WITHDRAWN_SOURCE


@dataclass(frozen=True, slots=True)
class Told:
    """One version of a contribution.

    ``sort`` is of which sort it is, ``reading`` of which kind of reading. ``values`` are what was typed, by
    field; a reading's own value under an empty name. ``by`` is who added it, in words, ``adder`` their opaque
    id. ``version`` is the store's count, ``at`` when this version was made (ms UTC).
    """

    sort: str
    logical: str
    type: str
    version: str
    at: int
    values: Mapping[str, str] = field(repr=False)
    by: str = field(repr=False)
    adder: str
    withdrawn: bool
    reading: str = ""
    binary: str = ""


def told(entry: Entry) -> Told | None:
    """What an entry tells; None where it is no contribution of a person's, or the contents of a document."""
    resource: Resource = orjson.loads(entry.body)
    sort = sort_of(resource)
    if not sort or entry.type in {"Binary", "Task"}:
        return None
    author = _author(resource)
    reading, values = reading_of(resource) if sort == READING else ("", _values(sort, resource))
    return Told(
        sort=sort,
        logical=entry.id,
        type=entry.type,
        version=entry.version,
        at=entry.last_updated,
        values=values,
        by=str(author.get("display", "")),
        adder=_adder(author),
        withdrawn=entry.source == WITHDRAWN_SOURCE,
        reading=reading,
        binary=binary_of(resource) if sort == DOCUMENT else "",
    )


def _values(sort: str, resource: Resource) -> dict[str, str]:
    match sort:
        case "about-me" | "wishes":
            return sections_of(resource)
        case "symptom":
            return symptom_of(resource)
        case "contact":
            return contact_of(resource)
        case "note":
            return {"text": str(resource["payload"][0]["contentString"])}
        case "document":
            return document_of(resource)
        case _:
            return {"text": str(resource.get("valueString", ""))}


def _author(resource: Resource) -> Resource:
    for name in ("author", "performer", "sender"):
        if name in resource:
            found = resource[name]
            return dict(found[0] if isinstance(found, list) else found)
    for one in resource.get("extension", ()):
        if one["url"] == ADDED_BY:
            return dict(one["valueReference"])
    return {}


def _adder(author: Resource) -> str:
    identifier = author.get("identifier") or {}
    return str(identifier.get("value", "")) if identifier.get("system") == ADDER_SYSTEM else ""


def withdrawn(entry: Entry) -> Resource:
    """The last version of a contribution that is withdrawn: it says of itself that it does not hold."""
    resource: Resource = orjson.loads(entry.body)
    if entry.type == "RelatedPerson":
        resource["active"] = False
    elif "status" in resource:
        resource["status"] = "entered-in-error"
    meta = resource["meta"]
    resource["meta"] = {name: meta[name] for name in meta if name not in ("versionId", "lastUpdated")}
    return resource
