"""The headings of a record, and which resource stands under which.

The headings follow the PRSB Core Information Standard. The ledger, the policy and the printed
record all speak in them, so the rule from resource to heading is in this one place.
"""

from __future__ import annotations

from typing import Any

from scr.fhir.canonical import CONTRIBUTION_SYSTEM, PATIENT_CONTRIBUTED

DEMOGRAPHICS = "demographics"
SUPPORTING = "supporting"
"""Who and where (practitioners, organisations, locations): it explains other entries."""
ABOUT_ME = "about-me"
ADDED = "added-by-person"
"""What the person, or who acts for them, has added here: whatever its type, it stands under no heading of
what professionals write. About Me alone has its own, which is theirs anyway."""

HEADINGS: dict[str, str] = {
    DEMOGRAPHICS: "Person demographics",
    "personal-contacts": "Personal contacts",
    ABOUT_ME: "About me",
    ADDED: "Added by the person or their carers",
    "legal": "Legal information",
    "safeguarding": "Safeguarding",
    "risks": "Alerts and risks",
    "allergies": "Allergies and adverse reactions",
    "medications": "Medications and devices",
    "problems": "Problem list",
    "procedures": "Procedures and therapies",
    "immunisations": "Immunisations",
    "results": "Investigation results",
    "findings": "Examination findings and observations",
    "social-context": "Social context",
    "family-history": "Family history",
    "pregnancy": "Pregnancy status",
    "admissions": "Admission and discharge details",
    "contacts": "Contacts with professionals",
    "appointments": "Future appointments",
    "referrals": "Referrals",
    "services": "Services and care",
    "plans": "Care and support plans",
    "end-of-life": "End of life care",
    "assessments": "Assessments",
    "documents": "Documents",
    SUPPORTING: "People and places",
}

_BY_TYPE: dict[str, str] = {
    "Patient": DEMOGRAPHICS,
    "RelatedPerson": "personal-contacts",
    "Consent": "legal",
    "Flag": "risks",
    "RiskAssessment": "risks",
    "DetectedIssue": "risks",
    "AllergyIntolerance": "allergies",
    "Medication": "medications",
    "MedicationAdministration": "medications",
    "MedicationDispense": "medications",
    "MedicationRequest": "medications",
    "MedicationStatement": "medications",
    "Device": "medications",
    "DeviceUseStatement": "medications",
    "Condition": "problems",
    "Procedure": "procedures",
    "Immunization": "immunisations",
    "ImmunizationRecommendation": "immunisations",
    "DiagnosticReport": "results",
    "Specimen": "results",
    "ImagingStudy": "results",
    "Observation": "findings",
    "FamilyMemberHistory": "family-history",
    "Encounter": "contacts",
    "Composition": "contacts",
    "Communication": "contacts",
    "List": "contacts",
    "Appointment": "appointments",
    "ServiceRequest": "referrals",
    "EpisodeOfCare": "services",
    "DeviceRequest": "services",
    "CareTeam": "services",
    "CarePlan": "plans",
    "Goal": "plans",
    "Task": "assessments",
    "QuestionnaireResponse": "assessments",
    "DocumentReference": "documents",
    "Binary": "documents",
    "Media": "documents",
    "Linkage": SUPPORTING,
    "Location": SUPPORTING,
    "Organization": SUPPORTING,
    "Practitioner": SUPPORTING,
    "PractitionerRole": SUPPORTING,
    "HealthcareService": SUPPORTING,
    "Provenance": SUPPORTING,
}

_BY_CATEGORY: dict[tuple[str, str], str] = {
    ("Observation", "laboratory"): "results",
    ("Observation", "imaging"): "results",
    ("Observation", "social-history"): "social-context",
    ("Flag", "safeguarding"): "safeguarding",
    ("Flag", "legal"): "legal",
    ("ServiceRequest", "108252007"): "results",
    ("ServiceRequest", "363679005"): "results",
    ("CarePlan", "end-of-life"): "end-of-life",
    ("Consent", "end-of-life"): "end-of-life",
    ("Flag", "end-of-life"): "end-of-life",
    ("Observation", "end-of-life"): "end-of-life",
    ("Composition", "about-me"): ABOUT_ME,
}

OWN_WORDS = frozenset({ABOUT_ME, ADDED})
"""What professionals' lists, summaries and latest values are not made of."""
ADDED_TYPES = frozenset(
    {"Binary", "Communication", "Composition", "DocumentReference", "Observation", "RelatedPerson", "Task"}
)
"""What a person, or who acts for them, can add here."""

_WITH_CATEGORY = frozenset(kind for kind, _ in _BY_CATEGORY)

_BY_ENCOUNTER_CLASS: dict[str, str] = {
    "IMP": "admissions",
    "ACUTE": "admissions",
    "NONAC": "admissions",
    "EMER": "admissions",
    "SS": "admissions",
    "PRENC": "admissions",
}

_BY_LIST_CODE: dict[str, str] = {  # SNOMED CT codes of the GP Connect primary lists
    "886921000000105": "allergies",
    "1103671000000101": "allergies",
    "1102181000000102": "immunisations",
    "887191000000108": "results",
    "933361000000108": "medications",
    "792931000000107": "referrals",
    "717711000000103": "problems",
    "714311000000108": "plans",
    "826501000000100": "findings",
    "1149501000000101": "contacts",
}


def heading_of(resource: dict[str, Any]) -> str:
    """The heading that an R4 resource stands under; a type without a rule stands under documents."""
    kind = str(resource.get("resourceType"))
    if _is_added(resource, kind):
        own = kind == "Composition" and ABOUT_ME in _codes(resource.get("category"))
        return ABOUT_ME if own else ADDED
    if kind == "Encounter":
        code = (resource.get("class") or {}).get("code")
        return _BY_ENCOUNTER_CLASS.get(str(code), "contacts")
    if kind == "List":
        for code in _codes(resource.get("code")):
            if code in _BY_LIST_CODE:
                return _BY_LIST_CODE[code]
    if kind in _WITH_CATEGORY:
        for code in _codes(resource.get("category")):
            if (kind, code) in _BY_CATEGORY:
                return _BY_CATEGORY[kind, code]
    return _BY_TYPE.get(kind, "documents")


def _is_added(resource: dict[str, Any], kind: str) -> bool:
    """Whether a resource says of itself that the person, or who acts for them, has added it here."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not tags or kind not in ADDED_TYPES:
        return False
    return any(
        tag.get("code") == PATIENT_CONTRIBUTED and tag.get("system") == CONTRIBUTION_SYSTEM for tag in tags
    )


def _codes(concepts: object) -> list[str]:
    """The bare codes of a CodeableConcept, of a list of them, or a plain list of codes."""
    found: list[str] = []
    for concept in concepts if isinstance(concepts, list) else [concepts]:
        if isinstance(concept, dict):
            found.extend(str(coding.get("code")) for coding in concept.get("coding", ()))
        elif isinstance(concept, str):
            found.append(concept)
    return found


def placed_types() -> frozenset[str]:
    """The resource types that have a heading of their own."""
    return frozenset(_BY_TYPE)


def types_under(heading: str) -> frozenset[str]:
    """The resource types that can stand under a heading."""
    found = {kind for kind, name in _BY_TYPE.items() if name == heading}
    found |= {kind for (kind, _), name in _BY_CATEGORY.items() if name == heading}
    if heading == ADDED:
        found |= ADDED_TYPES
    if heading in _BY_ENCOUNTER_CLASS.values():
        found.add("Encounter")
    if heading in _BY_LIST_CODE.values():
        found.add("List")
    return frozenset(found)


def headings_of_type(kind: str) -> frozenset[str]:
    """The headings that a resource of the type can stand under."""
    return frozenset(heading for heading in HEADINGS if kind in types_under(heading))
