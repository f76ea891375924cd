"""The source's ids and references, rewritten into the opaque ones that are served.

https://hl7.org/fhir/R4/references.html. A relative reference becomes an opaque one even where the
payload does not hold its target, so that it resolves on the day that the target is served; so does
the relative address of an attachment. What
names the person's own Patient, by any address, becomes the person's Patient here. Other absolute
addresses and ``#contained`` ones stay. (The decoder has resolved the ``fullUrl``s of the bundle.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, UNNAMED, opaque_id
from scr.fhir.subjects import SUBJECT_FIELDS, subjects_of

_LITERAL = re.compile(r"(\w+://.*/)?([A-Z][A-Za-z]+)/([^/]+)(?:/_history/.*)?\Z", re.DOTALL)

_ATTACHED = ("Binary/", "DocumentReference/")
"""How an attachment's address begins that names a resource of the same source."""
_ADDRESSED = tuple(b'"url":"' + begins.encode() for begins in _ATTACHED)


@dataclass(slots=True)
class References:
    """How the ids of one payload are rewritten.

    ``own`` are the source's ids of the person's Patient, ``number`` the NHS Number, where it is known.
    """

    source: str
    key: bytes
    subject: str
    own: frozenset[str]
    number: str = ""
    _met: dict[str, str] = field(default_factory=dict)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._met[f"Patient/{self.subject}"] = f"Patient/{self.subject}"

    def id_of(self, kind: str, local: str) -> str:
        """The id that is served for the source's own.

        What names no patient (an organisation, a practitioner, a medicine) stands in many people's
        payloads, and so may what has no id of its own: each person's record has its own copy, under an id
        of its own.
        """
        known = self._ids.get((kind, local))
        if known is None:
            theirs = (kind in SUBJECT_FIELDS or kind == "Patient") and not local.startswith(UNNAMED)
            whose = "" if theirs else f"{self.subject}\x1f"
            known = self._ids[kind, local] = opaque_id(self.key, self.source, kind, whose + local)
        return known

    def is_other_person(self, subject: Resource) -> bool:
        """Whether the reference by which a resource names its patient is not to the person."""
        target, identifier = subject.get("reference"), subject.get("identifier")
        if isinstance(target, str) and not target.startswith("#"):
            return self._is_other_patient(target)
        if isinstance(identifier, dict) and identifier.get("system") == NHS_NUMBER_SYSTEM:
            return str(identifier.get("value", "")).replace(" ", "") != self.number
        return False

    def _is_other_patient(self, target: str) -> bool:
        match = _LITERAL.match(target)
        if match is None:  # urn:uuid: of nothing in the payload: in doubt it is somebody else
            return target.rpartition(":")[2] not in self.own
        return match[2] == "Patient" and match[3] not in self.own

    def rewritten(self, node: Resource, found: set[str]) -> Resource:
        """The node with every literal reference rewritten: a copy where that changes anything, else itself.
        All references that do not begin with # are put into ``found``."""
        made = node
        for key, value in node.items():
            kind = type(value)
            if kind is dict:
                new: Any = self.rewritten(value, found)
            elif kind is list:
                new = self._all(value, found)
            elif key == "reference" and kind is str:
                new = self.reference(value)
                if new[:1] != "#":
                    found.add(new)
            elif key == "url" and kind is str and value.startswith(_ATTACHED):
                new = self.reference(value)
                found.add(new)
            else:
                continue
            if new is not value:
                made = node.copy() if made is node else made
                made[key] = new
        return made

    def rewritten_under(self, keys: Iterable[str], node: Resource, found: set[str]) -> None:
        """The same in place, under some of its keys."""
        for key in keys:
            value = node.get(key)
            if value.__class__ is dict:
                node[key] = self.rewritten(value, found)
            elif value.__class__ is list:
                node[key] = self._all(value, found)

    def _all(self, items: list[Any], found: set[str]) -> list[Any]:
        made = items
        for place, value in enumerate(items):
            kind = type(value)
            if kind is not dict and kind is not list:
                continue
            new = self.rewritten(value, found) if kind is dict else self._all(value, found)
            if new is not value:
                made = items.copy() if made is items else made
                made[place] = new
        return made

    def reference(self, text: str) -> str:
        """One reference, as it is served."""
        known = self._met.get(text)
        if known is None:
            known = self._met[text] = self._resolved(text)
        return known

    def _resolved(self, text: str) -> str:
        match = _LITERAL.match(text)
        if match is None:
            return text
        base, kind, local = match.groups()
        if kind == "Patient" and local in self.own:
            return f"Patient/{self.subject}"
        return text if base else f"{kind}/{self.id_of(kind, local)}"


def names_others(resource: Resource) -> bool:
    """Whether there may be anything to rewrite in a resource beside the reference to its own patient."""
    body = orjson.dumps(resource)  # to look through the bytes is cheaper than to walk
    subject = resource.get(SUBJECT_FIELDS.get(str(resource.get("resourceType")), ""))
    own = 1 if type(subject) is dict and type(subject.get("reference")) is str else 0
    return body.count(b'"reference":') > own or any(begins in body for begins in _ADDRESSED)


def own_patients(resources: Iterable[Resource], named: object = None) -> frozenset[str]:
    """The source's ids of the person: the Patient that the decoder named, else those in the payload,
    else the one that all of its resources are about."""
    if isinstance(named, str) and named:
        return frozenset({named})
    resources = list(resources)
    own = {str(r["id"]) for r in resources if r.get("resourceType") == "Patient" and "id" in r}
    if own:
        return frozenset(own)
    targets = (str(s.get("reference", "")) for r in resources for s in subjects_of(r))
    about = {match[3] for match in map(_LITERAL.match, targets) if match and match[2] == "Patient"}
    return frozenset(about) if len(about) == 1 else frozenset()
