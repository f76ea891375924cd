"""What all of it has in common: whose it is, who added it and when, and that it says so itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from scr.fhir.canonical import BASE, CONTRIBUTION_SYSTEM, PATIENT_CONTRIBUTED
from scr.fhir.dates import instant_text
from scr.fhir.entry import Resource

META_SOURCE = "urn:scr#patient-contributed"
ADDED_BY = f"{BASE}/StructureDefinition/added-by"
"""Who added it, where the type has no element for an author (RelatedPerson)."""
ADDER_SYSTEM = f"{BASE}/Id/adder"
"""An opaque id of who added it, another for each person: it tells one carer from another, and no more."""
KIND_SYSTEM = f"{BASE}/CodeSystem/patient-contribution"
"""What sort of contribution it is (``meta.tag``), and the codes within one."""
_TAG = {
    "system": CONTRIBUTION_SYSTEM,
    "code": PATIENT_CONTRIBUTED,
    "display": "Added by the person or their carer",
}


@dataclass(frozen=True, slots=True)
class Added:
    """By whom, onto whose record, and when (ms UTC).

    ``patient`` is the logical id of the person's Patient, ``name`` of whoever adds, ``own``: the person
    themselves; ``logical`` is the id that it is kept under; ``adder`` an opaque id of whoever adds.
    """

    logical: str
    patient: str
    name: str = field(repr=False)
    own: bool
    at: int
    adder: str = ""

    @property
    def person(self) -> Resource:
        """The reference to the person."""
        return {"reference": f"Patient/{self.patient}"}

    @property
    def author(self) -> Resource:
        """The reference to whoever adds: the person's Patient, or in words somebody who acts for them."""
        known: Resource = {"identifier": {"system": ADDER_SYSTEM, "value": self.adder}} if self.adder else {}
        if self.own:
            said = f"{self.name or 'The person'} (the person themselves)"
            return {**self.person, "type": "Patient", **known, "display": said}
        said = f"{self.name or 'A carer'} (acting for the person)"
        return {"type": "RelatedPerson", **known, "display": said}

    @property
    def recorded(self) -> str:
        """When, as FHIR has it."""
        return instant_text(self.at)

    def resource(self, kind: str, sort: str, **elements: object) -> Resource:
        """A resource of a type, marked as added, of a sort of contribution."""
        tags = [_TAG, {"system": KIND_SYSTEM, "code": sort}]
        meta = {"source": META_SOURCE, "tag": tags}
        return {"resourceType": kind, "id": self.logical, "meta": meta, **elements}


def own_code(code: str, text: str) -> Resource:
    """A concept of the project's own, with its words."""
    return {"coding": [{"system": KIND_SYSTEM, "code": code, "display": text}], "text": text}


def sort_of(resource: Resource) -> str:
    """Which sort of contribution a resource is; empty where it is none."""
    tags = (resource.get("meta") or {}).get("tag", ())
    if not any(tag.get("code") == PATIENT_CONTRIBUTED for tag in tags):
        return ""
    return next((str(tag.get("code")) for tag in tags if tag.get("system") == KIND_SYSTEM), "")
