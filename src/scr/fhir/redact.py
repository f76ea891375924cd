"""What is permitted, without what it says of anything that is not (docs/adr/0012-redaction.md).

An entry may go out and refer to one that may not: the condition of an encounter, the results of a
report, the items of a list. A reference goes out only where its target does. Whether the target is
withheld, or no source has it, is not asked, so that nobody can tell one from the other. What says the
same in other words goes along: the display beside the reference, the element that was there for its
sake, the narrative, a report's conclusion, and contained resources that nothing names any more. An
entry that was there for nothing else is left out.

https://hl7.org/fhir/R4/security-labels.html, https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from scr.fhir.coded import bare_reference
from scr.fhir.entry import Entry, Resource, pack, stamp_as
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.subjects import MANDATORY

OPEN_TYPES = frozenset(
    {"Device", "Endpoint", "HealthcareService", "Location", "Medication", "Organization", "Practitioner"}
    | {"PractitionerRole", "Substance"}
)
"""Who, where and with what. To name one is part of what an entry itself says, and is decided with it: a
reference to one stays, whether or not the record has it. Without its medicine a prescription would harm."""

_GIST: dict[str, frozenset[str]] = {
    "AppointmentResponse": frozenset({"appointment"}),
    "Communication": frozenset({"payload"}),
    "Composition": frozenset({"section"}),
    "DetectedIssue": frozenset({"implicated"}),
    "DiagnosticReport": frozenset({"result"}),
    "DocumentManifest": frozenset({"content"}),
    "List": frozenset({"entry"}),
    "Task": frozenset({"focus"}),
}
"""What a resource is there for: where it had one of these and lost the whole of it, it is left out."""
_MEDICINE = frozenset({"medicationReference"})

_SUMS_UP: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "DetectedIssue": (frozenset({"implicated", "evidence"}), frozenset({"detail"})),
    "DiagnosticReport": (
        frozenset({"result", "media", "imagingStudy"}),
        frozenset({"conclusion", "conclusionCode", "presentedForm"}),
    ),
    "List": (frozenset({"entry"}), frozenset({"note"})),
}
"""Elements of which some may have been lost, and those that then go too: they sum up all of them."""

_ASIDE = frozenset({"assigner", "authorReference", "onBehalfOf"})
"""References beside what their element is for: it stays without them."""
_WHOLE = frozenset({"assessment", "detail", "entry", "item"})
"""Lists of references for the sake of which their element is there: it goes with the last of them."""
_CONTAINED = b'"contained":'
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ADDRESSED = frozenset({"Binary", "DocumentReference"})
"""What an attachment's address may name: contents and documents that are entries of their own."""
_ADDRESS = re.compile(rb'"url":"(?:[^"]*/)?(?:Binary|DocumentReference)/')
_MASKED: Resource = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
"""In the place of an address: an attachment that says nothing else would be no FHIR."""

Permits = Callable[[Entry], bool]


def redacted(entries: Sequence[Entry], beside: Collection[str], permits: Permits) -> list[Entry]:
    """Permitted entries as they may go out, in their order; those that say nothing any more are left out.

    ``beside`` are references that may stand though their targets are not among the entries: the person's
    own Patients. ``permits`` decides on a contained resource, as an entry of the type of what contains it.
    What is redacted once is not changed by doing it again. A live entry's version is a hash of what is
    left; a held one's stays the number that the store gave.
    """
    shown = list(entries)
    while True:
        there = {entry.reference for entry in shown}
        there.update(beside)
        made: list[Entry] = []
        for entry in shown:
            if there.issuperset(entry.references) and not _to_be_read(entry.body):
                made.append(entry)
            elif (left := _left(entry, there, permits)) is not None:
                made.append(left)
        if len(made) == len(shown):
            return made
        shown = made  # what was left out may have been referred to


def named_by(entry: Entry) -> set[str]:
    """What an entry refers to and could lose: all but who, where and with what."""
    named = {name for name in entry.references if not _is_open(name)}
    if entry.source != PERSON_SOURCE and _to_be_read(entry.body):
        named |= _addresses(orjson.loads(entry.body))
    return named


def without_closed_parts(entry: Entry, permits: Permits) -> Entry | None:
    """An entry without the contained resources that may not go out, whatever becomes of what it refers to;
    None where that says nothing."""
    if _CONTAINED not in entry.body:
        return entry
    return _left(entry, {*entry.references, *named_by(entry)}, permits)


def _left(entry: Entry, there: set[str], permits: Permits) -> Entry | None:
    """What is left of an entry; None where that says nothing."""
    cut = {name for name in entry.references if name not in there}
    opened = set(filter(_is_open, cut))
    there |= opened  # to be looked up quicker next time
    cut -= opened
    if entry.source == PERSON_SOURCE or not (cut or _to_be_read(entry.body)):
        return entry
    resource: Resource = orjson.loads(entry.body)
    cut.update(address for address in _addresses(resource) if address not in there)
    if _CONTAINED in entry.body:
        parts = [part for part in _list(resource, "contained") if isinstance(part, dict)]
        cut |= {f"#{part.get('id', '')}" for part in parts if not permits(_as_entry(part, entry))}
    if not cut:
        return entry
    made = _Cutting(frozenset(cut)).resource(resource)
    if made is None:
        return None
    packed = msgspec.structs.replace(
        pack(made, source=entry.source, now=entry.last_updated), heading=entry.heading
    )
    return stamp_as(packed, entry)


def _to_be_read(body: bytes) -> bool:
    """Whether more than the head of an entry may name what may not go out."""
    if _CONTAINED in body:
        return True
    # Nearly no entry has either word, and to look for them costs less than the expression.
    named = b"Binary/" in body or b"DocumentReference/" in body
    return named and _ADDRESS.search(body) is not None


def _addresses(resource: Resource) -> set[str]:
    """The addresses of attachments that name an entry, here or, absolute, anywhere: nobody here decides
    on what stands elsewhere."""
    return {
        url
        for node in _nodes(resource)
        if isinstance(url := node.get("url"), str) and bare_reference(url).partition("/")[0] in _ADDRESSED
    }


def _is_open(reference: str) -> bool:
    return bare_reference(reference).partition("/")[0] in OPEN_TYPES


def _as_entry(part: Resource, container: Entry) -> Entry:
    """A contained resource as an entry to decide on; one that has no type is decided with its container."""
    if not isinstance(part.get("resourceType"), str):
        return container
    packed = pack({**part, "id": container.id}, source=container.source, now=container.last_updated)
    return msgspec.structs.replace(packed, type=container.type, labels=container.labels + packed.labels)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """One resource without certain references (``cut``: as they stand in it, ``#id`` of contained ones)."""

    cut: frozenset[str]

    def resource(self, resource: Resource) -> Resource | None:
        """What is left of it; None where that says nothing, or might mean something else."""
        inner = {name: value for name, value in resource.items() if name not in {"contained", "text"}}
        made = self._node(inner)
        if made is None or _changed(resource, made, "modifierExtension"):
            return None
        kind = str(resource.get("resourceType"))
        lists, sums = _SUMS_UP.get(kind, (frozenset(), frozenset()))
        if any(_changed(resource, made, name) for name in lists):
            made = {name: value for name, value in made.items() if name not in sums}
        if _says_nothing(kind, resource, made):
            return None
        parts = self._contained(resource, made)
        return {**made, "contained": parts} if parts else made

    def _contained(self, resource: Resource, made: Resource) -> list[Resource]:
        """The contained resources that something still names, redacted as their container."""
        parts: dict[str, Resource] = {}
        for part in _list(resource, "contained"):
            logical = part.get("id") if isinstance(part, dict) else None
            if not isinstance(logical, str) or f"#{logical}" in self.cut:
                continue
            left = self._node({name: value for name, value in part.items() if name != "text"})
            if left is not None:
                parts[logical] = left
        named: set[str] = set()
        new = _named(made)
        while new:
            named |= new
            new = {name for one in new if one in parts for name in _named(parts[one])} - named
        return [part for logical, part in parts.items() if logical in named or "" in _named(part)]

    def _node(self, node: Resource, *, item: bool = False) -> Resource | None:
        """A node of a resource; None where it is a reference that is cut, or an ``item`` of a list that was
        there for the sake of one."""
        if node.get("reference") in self.cut and isinstance(node["reference"], str):
            return None
        made: Resource = {}
        lost: set[str] = set()
        for name, value in node.items():
            if name == "url" and isinstance(value, str) and value in self.cut:
                made["_url"] = _MASKED  # what the attachment is stays: that is for its resource to say
                continue
            left = self._value(value)
            if left is None and value is not None:
                lost.add(name)
            else:
                made[name] = left
        if _changed(node, made, "entry"):
            made.pop("text", None)  # the narrative of a section
        if not lost:
            return made
        carried = {name for name in lost if isinstance(node[name], dict) or name in _WHOLE} - _ASIDE
        if (item and carried) or made.keys() <= {"url", "id"}:
            return None
        return made

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._node(value)
        if not isinstance(value, list):
            return value
        left = [self._node(one, item=True) if isinstance(one, dict) else one for one in value]
        kept = [one for one, was in zip(left, value, strict=True) if one is not None or was is None]
        return None if value and not kept else kept


def _says_nothing(kind: str, before: Resource, after: Resource) -> bool:
    gone = before.keys() - after.keys()
    if gone & (_GIST.get(kind, frozenset()) | _MEDICINE | frozenset(MANDATORY.get(kind, ()))):
        return True
    if kind == "Observation" and "hasMember" in gone:  # a panel
        return not any(name.startswith(("value", "component", "dataAbsentReason")) for name in after)
    return False


def _changed(before: Resource, after: Resource, name: str) -> bool:
    return before.get(name) != after.get(name)


def _list(resource: Resource, name: str) -> list[Any]:
    value = resource.get(name)
    return value if isinstance(value, list) else []


def _named(node: Resource) -> set[str]:
    """The ids of contained resources that are named below a node; empty of the container itself."""
    texts = (at.get("reference") for at in _nodes(node))
    return {text[1:] for text in texts if isinstance(text, str) and text.startswith("#")}


def _nodes(node: Resource) -> Iterator[Resource]:
    """The node, and every one below it."""
    stack: list[object] = [node]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            yield at
        values: Iterable[object] = at.values() if isinstance(at, dict) else at if isinstance(at, list) else ()
        stack.extend(values)
