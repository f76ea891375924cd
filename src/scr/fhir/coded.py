"""What a resource says in codes: all of them, and those that tell what it is about."""

from __future__ import annotations

from scr.fhir.codings import concepts_of
from scr.fhir.entry import Resource
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


def codes_in(resource: Resource) -> list[Code]:
    """System and code of every coding of the resource, of what it contains and of its extensions."""
    return [code for concept in concepts_of(resource) for code in _codes(concept)]


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
        if isinstance(at, dict):
            for name in ("reference", "url"):
                text = at.get(name)
                if isinstance(text, str) and (name == "reference" or "Binary/" in text):
                    found.add(bare_reference(text))
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
    found.discard("")
    return frozenset(found)


def bare_reference(text: str) -> str:
    """``Type/id`` of a literal reference, whatever stands before and behind; empty where it is none."""
    parts = text.partition("/_history/")[0].rsplit("/", 2)[-2:]
    return "/".join(parts) if len(parts) == 2 and parts[0][:1].isupper() else ""


def _matters(resource: Resource, names: tuple[str, ...]) -> list[list[Code]]:
    found = []
    for name in names:
        value = resource.get(name)
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, dict):
                below = one.get("code")  # a relative's condition has its concept below
                found.append(_codes(below if isinstance(below, dict) else one))
    return found


def _codes(concept: Resource) -> list[Code]:
    codings = concept.get("coding")
    if not isinstance(codings, list):
        return []
    return [
        (coding.get("system", ""), coding["code"])
        for coding in codings
        if isinstance(coding, dict) and isinstance(coding.get("code"), str)
    ]
