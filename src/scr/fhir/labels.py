"""``meta.security``: the labels of a resource, read and added to.

https://hl7.org/fhir/R4/security-labels.html. A label that is there is taken away only where a
human has said that it is wrong. What is added makes one order of all, so that the same labels are the same
bytes whichever came first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
import orjson

from scr.fhir.entry import Entry, Resource, pack

Code = tuple[str, str]
"""System and code."""


def security_of(resource: Resource) -> tuple[Code, ...]:
    """The labels that a resource has."""
    meta = resource.get("meta")
    security = meta.get("security") if isinstance(meta, dict) else None
    if not isinstance(security, list):
        return ()
    return tuple((str(c.get("system", "")), str(c.get("code", ""))) for c in security if isinstance(c, dict))


def with_security(resource: Resource, labels: Iterable[Code]) -> Resource:
    """The resource with labels added, or itself where it has them all; nothing changes in place."""
    there = security_of(resource)
    missing = [label for label in labels if label not in there]
    if not missing:
        return resource
    given = resource.get("meta")
    meta = given.copy() if isinstance(given, dict) else {}
    codings = [{"system": system, "code": code} for system, code in missing]
    if there:
        codings += [coding for coding in meta["security"] if isinstance(coding, dict)]
    source = meta.pop("source", None)  # stamped last by mapping, so it stands last
    if len(codings) > 1:
        codings.sort(key=lambda c: (str(c.get("system", "")), str(c.get("code", ""))))
    meta["security"] = codings
    if source is not None:
        meta["source"] = source
    return {**resource, "meta": meta}


def relabelled(entry: Entry, labels: Iterable[Code], without: Collection[Code] = ()) -> Entry:
    """An entry with labels added to its bytes and its head, as ``pack`` makes it: without a version.

    ``without`` are labels that are taken away first.
    """
    resource: Resource = orjson.loads(entry.body)
    made = with_security(_less(resource, without) if without else resource, labels)
    if made is resource:
        return entry
    made["meta"].pop("lastUpdated", None)
    packed = pack(made, source=entry.source, now=entry.last_updated, references=entry.references)
    return msgspec.structs.replace(packed, heading=entry.heading)


def _less(resource: Resource, labels: Collection[Code]) -> Resource:
    """The resource without some of its labels."""
    meta = dict(resource["meta"])
    security = meta.pop("security")
    left = [coding for coding in security if (coding.get("system"), coding.get("code")) not in labels]
    source = meta.pop("source", None)  # where ``with_security`` has it
    meta |= {"security": left} if left else {}
    meta |= {} if source is None else {"source": source}
    return {**resource, "meta": meta}


def label_token(label: Code) -> str:
    """A label as an Entry has it: ``system|code``."""
    return f"{label[0]}|{label[1]}"
