"""What a later message leaves standing of an earlier one, and what it changes in it.

An HL7 v2 message tells of an event and not of the whole: what it does not tell it does not take away
(chapter 2.5.3: an empty field says nothing). And a document that replaces another makes that one
obsolete, though no message says so of it (chapter 9.4, events T09 and T10).
"""

from __future__ import annotations

import orjson

from scr.fhir.entry import Entry, Resource, pack


def lacks_start(entry: Entry) -> bool:
    """Whether an entry is an Encounter that does not say when it began."""
    return entry.type == "Encounter" and not _start(orjson.loads(entry.body))


def with_start_of(entry: Entry, held: Entry) -> Entry:
    """The Encounter with the start that its held version has, if it has one."""
    start = _start(orjson.loads(held.body))
    if not start:
        return entry
    resource = orjson.loads(entry.body)
    resource["period"] = {"start": start, **resource.get("period", {})}
    return pack(resource, source=entry.source, now=entry.last_updated, references=entry.references)


def _start(encounter: Resource) -> str:
    return str(encounter.get("period", {}).get("start", ""))


def replaced_by(entry: Entry) -> frozenset[str]:
    """The ids of the documents that a document replaces; none where it was entered in error."""
    if entry.type != "DocumentReference" or entry.status == "entered-in-error":
        return frozenset()
    return frozenset(
        related["target"]["reference"].rpartition("/")[2]
        for related in orjson.loads(entry.body).get("relatesTo", ())
        if related["code"] == "replaces" and related.get("target", {}).get("reference")
    )


def superseded(entry: Entry) -> Entry:
    """The document as one that another has replaced; one that was entered in error stays that."""
    if entry.status != "current":
        return entry
    resource = orjson.loads(entry.body) | {"status": "superseded"}
    return pack(resource, source=entry.source, now=entry.last_updated, references=entry.references)
