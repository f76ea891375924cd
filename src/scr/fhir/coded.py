"""What a resource says in codes: all of them, and those that tell what it is about."""

from __future__ import annotations

import orjson

from scr.fhir.codings import concepts_of
from scr.fhir.entry import Entry, Resource
from scr.fhir.labels import Code

_ABOUT: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("code",),
    "Binary": (),
    "CarePlan": ("category",),
    "Communication": ("topic", "reasonCode"),
    "Composition": ("type",),
    "Condition": ("code",),
    "DetectedIssue": ("code",),
    "DeviceRequest": ("codeCodeableConcept",),
    "DiagnosticReport": ("code",),
    "DocumentReference": ("type",),
    "FamilyMemberHistory": ("condition",),
    "Flag": ("code",),
    "Goal": ("description",),
    "Immunization": ("vaccineCode",),
    "Medication": ("code",),
    "MedicationAdministration": ("medicationCodeableConcept",),
    "MedicationDispense": ("medicationCodeableConcept",),
    "MedicationRequest": ("medicationCodeableConcept",),
    "MedicationStatement": ("medicationCodeableConcept",),
    "Observation": ("code",),
    "Procedure": ("code",),
    "QuestionnaireResponse": (),
    "RiskAssessment": ("code",),
    "ServiceRequest": ("code",),
    "Task": ("code",),
}
"""The elements that say what a resource is about: one that has none of them says it in words only."""

_SOMETIMES: dict[str, tuple[str, ...]] = {
    "Appointment": ("serviceType", "specialty", "reasonCode"),
    "Encounter": ("type", "serviceType", "reasonCode"),
    "EpisodeOfCare": ("type",),
}
"""The same of types that may well say nothing of what they are about."""

_NODES = (dict, list)
_NO_REFERENCES = frozenset({"coding", "meta", "text", "telecom", "address", "name", "valueQuantity"})
"""Elements below which no reference stands: looking there would cost as much as all the rest."""


def codes_in(resource: Resource) -> list[Code]:
    """System and code of every coding of the resource, of what it contains and of its extensions."""
    found: list[Code] = []
    for concept in concepts_of(resource):
        _add_codes(concept, found)
    return found


def codes_of(entry: Entry) -> frozenset[str]:
    """The same of an entry, as tokens ``system|code``; its labels are none of them."""
    resource: Resource = orjson.loads(entry.body)
    return frozenset(f"{system}|{code}" for system, code in codes_in({**resource, "meta": {}}))


def matters_of(resource: Resource) -> list[list[Code]]:
    """For each thing that a resource says that it is about, the codes of it: an empty list is words only.

    A medicine that is named by reference is said by the resource that is referred to.
    """
    kind = str(resource.get("resourceType"))
    names = _ABOUT.get(kind)
    if names is None:
        names = _SOMETIMES.get(kind)
        return [] if names is None else _matters(resource, names)
    if "medicationReference" in resource:
        return []
    return _matters(resource, names) or [[]]


def references_in(resource: Resource) -> frozenset[str]:
    """What a resource refers to, as ``Type/id``; the address of a document's attachment too."""
    found: set[str] = set()
    stack: list[object] = [resource]
    while stack:
        at = stack.pop()
        if type(at) is dict:
            text = at.get("reference")
            if type(text) is str:
                found.add(bare_reference(text))
            stack.extend(v for n, v in at.items() if type(v) in _NODES and n not in _NO_REFERENCES)
        elif type(at) is list:
            stack.extend(at)
    if resource.get("resourceType") == "DocumentReference":
        found.update(map(bare_reference, _attachments(resource)))
    found.discard("")
    return frozenset(found)


def bare_reference(text: str) -> str:
    """``Type/id`` of a literal reference, whatever stands before and behind; empty where it is none."""
    parts = text.split("/")
    if "_history" in parts:
        del parts[parts.index("_history") :]
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-2][:1].isupper() else ""


def _attachments(document: Resource) -> list[str]:
    found = []
    contents = document.get("content")
    for content in contents if isinstance(contents, list) else ():
        attachment = content.get("attachment") if isinstance(content, dict) else None
        url = attachment.get("url") if isinstance(attachment, dict) else None
        if isinstance(url, str):
            found.append(url)
    return found


def _matters(resource: Resource, names: tuple[str, ...]) -> list[list[Code]]:
    found = []
    for name in names:
        value = resource.get(name)
        for one in value if type(value) is list else (value,):
            if type(one) is dict:
                below = one.get("code")  # a relative's condition has its concept below
                codes: list[Code] = []
                _add_codes(below if type(below) is dict else one, codes)
                found.append(codes)
    return found


def _add_codes(concept: Resource, found: list[Code]) -> None:
    codings = concept.get("coding")
    if type(codings) is list:
        for coding in codings:
            if type(coding) is dict:
                system, code = coding.get("system"), coding.get("code")
                if type(code) is str:
                    found.append((system if type(system) is str else "", code))
