"""The source's ids and references, rewritten into the opaque ones that are served.

https://hl7.org/fhir/R4/references.html. A relative reference becomes an opaque one even where the
payload does not hold its target, so that it resolves on the day that the target is served. A
``fullUrl`` of the bundle (``urn:uuid:…``) is resolved. Other absolute addresses and ``#contained``
ones stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scr.fhir.entry import Resource
from scr.fhir.identifiers import opaque_id
from scr.fhir.subjects import subject_of

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/(.+?)(?:/_history/.*)?\Z", re.DOTALL)


@dataclass(slots=True)
class References:
    """How the ids of one payload are rewritten. ``own`` are the source's ids of the person's Patient."""

    source: str
    key: bytes
    subject: str
    own: frozenset[str]
    full_urls: Mapping[str, str] = field(default_factory=dict)
    _met: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        resources: Iterable[Resource],
        tree: Mapping[str, Any],
        source: str,
        key: bytes,
        subject: str,
        patients: Iterable[str] = (),
    ) -> References:
        """For a payload: its own Patient is the one that the decoder named, the only one in it, or the
        only one that its resources are about."""
        resources = list(resources)
        full_urls: Mapping[str, str] = tree.get("full_urls") or {}
        found = cls(source, key, subject, frozenset(), full_urls)
        own = set(patients)
        named = (tree.get("patient") or {}).get("id") if "resources" in tree else None
        if named is not None:
            own.add(str(named))
        if not own:
            own = {str(r["id"]) for r in resources if r.get("resourceType") == "Patient" and "id" in r}
        if not own:
            about = {i for r in resources for i in map(found.patient_id, subject_of(r)) if i is not None}
            own = about if len(about) == 1 else set()
        found.own = frozenset(own)
        return found

    def id_of(self, kind: str, local: str) -> str:
        """The id that is served for the source's own."""
        return opaque_id(self.key, self.source, kind, local)

    def patient_id(self, reference: str) -> str | None:
        """The source's id of the Patient that a reference names; None for another type, or elsewhere."""
        match = _RELATIVE.match(self.full_urls.get(reference, reference))
        return match[2] if match and match[1] == "Patient" else None

    def is_other_patient(self, reference: str) -> bool:
        """Whether a reference names a Patient of the source who is not the person."""
        named = self.patient_id(reference)
        return named is not None and named not in self.own

    def rewritten(self, node: Any) -> Any:
        """A copy in which every literal reference is rewritten."""
        if isinstance(node, dict):
            made = {
                key: self.rewritten(value) if type(value) in (dict, list) else value
                for key, value in node.items()
            }
            reference = made.get("reference")
            if type(reference) is str:
                made["reference"] = self.reference(reference)
            return made
        if isinstance(node, list):
            return [self.rewritten(item) if type(item) in (dict, list) else item for item in node]
        return node

    def reference(self, text: str) -> str:
        """One reference, as it is served."""
        known = self._met.get(text)
        if known is None:
            known = self._met[text] = self._resolved(text)
        return known

    def _resolved(self, text: str) -> str:
        match = _RELATIVE.match(self.full_urls.get(text, text))
        if match is None:
            return text
        kind, local = match[1], match[2]
        if kind == "Patient" and local in self.own:
            return f"Patient/{self.subject}"
        return f"{kind}/{self.id_of(kind, local)}"
