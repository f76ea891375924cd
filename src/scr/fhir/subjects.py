"""Which element of each resource type names the patient, and which elements FHIR R4 insists on.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html. A type that is not in the table (an
Organization, a Practitioner) is about no patient.
"""

from __future__ import annotations

from scr.fhir.entry import Resource

SUBJECT_FIELDS: dict[str, str] = {
    "Account": "subject",
    "AdverseEvent": "subject",
    "AllergyIntolerance": "patient",
    "Appointment": "participant",
    "AppointmentResponse": "actor",
    "Basic": "subject",
    "BodyStructure": "patient",
    "CarePlan": "subject",
    "CareTeam": "subject",
    "ChargeItem": "subject",
    "Claim": "patient",
    "ClaimResponse": "patient",
    "ClinicalImpression": "subject",
    "Communication": "subject",
    "CommunicationRequest": "subject",
    "Composition": "subject",
    "Condition": "subject",
    "Consent": "patient",
    "Coverage": "beneficiary",
    "CoverageEligibilityRequest": "patient",
    "CoverageEligibilityResponse": "patient",
    "DetectedIssue": "patient",
    "Device": "patient",
    "DeviceRequest": "subject",
    "DeviceUseStatement": "subject",
    "DiagnosticReport": "subject",
    "DocumentManifest": "subject",
    "DocumentReference": "subject",
    "Encounter": "subject",
    "EpisodeOfCare": "patient",
    "ExplanationOfBenefit": "patient",
    "FamilyMemberHistory": "patient",
    "Flag": "subject",
    "Goal": "subject",
    "GuidanceResponse": "subject",
    "ImagingStudy": "subject",
    "Immunization": "patient",
    "ImmunizationEvaluation": "patient",
    "ImmunizationRecommendation": "patient",
    "List": "subject",
    "MeasureReport": "subject",
    "Media": "subject",
    "MedicationAdministration": "subject",
    "MedicationDispense": "subject",
    "MedicationRequest": "subject",
    "MedicationStatement": "subject",
    "MolecularSequence": "patient",
    "NutritionOrder": "patient",
    "Observation": "subject",
    "Procedure": "subject",
    "QuestionnaireResponse": "subject",
    "RelatedPerson": "patient",
    "RequestGroup": "subject",
    "RiskAssessment": "subject",
    "ServiceRequest": "subject",
    "Specimen": "subject",
    "SupplyDelivery": "patient",
    "Task": "for",
    "VisionPrescription": "patient",
}

SUBJECT_IN_LIST = frozenset({"Account"})
"""Types whose element is a list of references. Appointment's is a list of participants."""

MANDATORY: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("code",),
    "Appointment": ("status",),
    "CarePlan": ("status", "intent"),
    "Communication": ("status",),
    "Composition": ("status", "type", "date", "author", "title"),
    "Consent": ("status", "scope", "category"),
    "DetectedIssue": ("status",),
    "DeviceRequest": ("intent",),
    "DeviceUseStatement": ("status", "device"),
    "DiagnosticReport": ("status", "code"),
    "DocumentReference": ("status", "content"),
    "Encounter": ("status", "class"),
    "EpisodeOfCare": ("status",),
    "FamilyMemberHistory": ("status", "relationship"),
    "Flag": ("status", "code"),
    "Goal": ("lifecycleStatus", "description"),
    "ImagingStudy": ("status",),
    "Immunization": ("status", "vaccineCode"),
    "List": ("status", "mode"),
    "Media": ("status", "content"),
    "MedicationAdministration": ("status",),
    "MedicationDispense": ("status",),
    "MedicationRequest": ("status", "intent"),
    "MedicationStatement": ("status",),
    "Observation": ("status", "code"),
    "Procedure": ("status",),
    "Provenance": ("target", "recorded", "agent"),
    "QuestionnaireResponse": ("status",),
    "RiskAssessment": ("status",),
    "ServiceRequest": ("status", "intent"),
    "Task": ("status", "intent"),
}
"""Elements of cardinality 1..1 or 1..* beside the subject (a choice of types is left to validation).
AllergyIntolerance.code is UK Core's rule."""


def subjects_of(resource: Resource) -> list[Resource]:
    """The References by which a resource names its patient; of an Appointment, those to any Patient."""
    name = SUBJECT_FIELDS.get(str(resource.get("resourceType")))
    value = resource.get(name) if name else None
    parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]
    if name == "participant":
        return [part["actor"] for part in parts if _is_patient(part)]
    return parts


def stamp_subject(resource: Resource, reference: str) -> None:
    """Make the resource be about the patient of a reference, in place; nothing else of it changes."""
    kind = str(resource.get("resourceType"))
    name = SUBJECT_FIELDS.get(kind)
    if name is None:
        return
    if kind == "Appointment":
        _stamp_participant(resource, reference)
    else:
        resource[name] = [{"reference": reference}] if kind in SUBJECT_IN_LIST else {"reference": reference}


def _stamp_participant(resource: Resource, reference: str) -> None:
    """An Appointment names its patient among its participants."""
    participants = resource.get("participant")
    others = [p for p in participants if not _is_patient(p)] if isinstance(participants, list) else []
    own = [p for p in participants if _is_patient(p)] if isinstance(participants, list) else []
    first = dict(own[0]) if own and isinstance(own[0], dict) else {"status": "accepted"}
    first["actor"] = {"reference": reference}
    resource["participant"] = [first, *others]


def _is_patient(participant: object) -> bool:
    actor = participant.get("actor") if isinstance(participant, dict) else None
    reference = actor.get("reference") if isinstance(actor, dict) else None
    return isinstance(reference, str) and "Patient/" in reference
