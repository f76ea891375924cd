"""What is shown of each resource type, as a table: where its name stands, and what more it says.

A path is of element names, through every list on the way. A type without a row is shown by its code, its
title or its name, and by what it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal[
    "any", "concept", "reference", "dose", "phone", "address", "attachment", "section", "item", "nhs"
]
"""How a value is read: any datatype, a concept, what a reference leads to, a dosage, a telephone number or
address, a document's contents, a section of a Composition, an answer of a questionnaire,
an NHS Number among identifiers."""


@dataclass(frozen=True, slots=True)
class Shows:
    """``term``: paths of what it is called, the first that says something. ``details``: name, path and form
    of what more is said. ``by``: paths of references to whoever wrote or did it."""

    term: tuple[str, ...] = ("code", "type", "title", "name", "description", "category")
    details: tuple[tuple[str, str, Form], ...] = ()
    by: tuple[str, ...] = ("author", "performer", "recorder", "asserter", "requester", "source")


_MEDICINE = ("medicationCodeableConcept", "medicationReference")
_REASON: tuple[tuple[str, str, Form], ...] = (
    ("reason", "reasonCode", "concept"),
    ("reason", "reasonReference", "reference"),
)
_PERSON: tuple[tuple[str, str, Form], ...] = (
    ("nhs", "identifier", "nhs"),
    ("related", "relationship", "concept"),
    ("phone", "telecom", "phone"),
    ("address", "address", "address"),
    ("born", "birthDate", "any"),
    ("died", "deceasedDateTime", "any"),
    ("died", "deceasedBoolean", "any"),
    ("sex", "gender", "any"),
    ("language", "communication.language", "concept"),
    ("practice", "generalPractitioner", "reference"),
)

SHOWS: dict[str, Shows] = {
    "AllergyIntolerance": Shows(
        ("code", "reaction.substance"),
        (
            ("reaction", "reaction.manifestation", "concept"),
            ("says", "reaction.description", "any"),
            ("serious", "reaction.severity", "any"),
            ("serious", "criticality", "any"),
        ),
        ("recorder", "asserter"),
    ),
    "Appointment": Shows(
        ("serviceType", "specialty", "appointmentType", "reasonCode", "description"),
        (
            *_REASON,
            ("with", "participant.actor", "reference"),
            ("says", "description", "any"),
            ("note", "comment", "any"),
            ("outcome", "cancelationReason", "concept"),
        ),
    ),
    "Binary": Shows(("contentType",), (), ()),
    "CarePlan": Shows(
        ("title", "category", "description"),
        (
            ("says", "description", "any"),
            ("reason", "addresses", "reference"),
            ("activity", "activity.detail.code", "concept"),
            ("activity", "activity.detail.description", "any"),
        ),
        ("author", "contributor"),
    ),
    "CareTeam": Shows(
        ("name", "category"), (("with", "participant.member", "reference"),), ("managingOrganization",)
    ),
    "Communication": Shows(
        ("topic", "category", "reasonCode"),
        (("says", "payload.contentString", "any"), ("says", "payload.contentAttachment", "attachment")),
        ("sender",),
    ),
    "Composition": Shows(("title", "type"), (("says", "section", "section"),), ("author",)),
    "Condition": Shows(
        ("code",),
        (
            ("serious", "severity", "concept"),
            ("site", "bodySite", "concept"),
            ("reason", "evidence.code", "concept"),
        ),
        ("asserter", "recorder"),
    ),
    "Consent": Shows(
        ("category", "scope", "policyRule"),
        (("kind", "policyRule", "concept"), ("says", "sourceAttachment", "attachment")),
        ("performer", "organization"),
    ),
    "DetectedIssue": Shows(
        ("code",), (("says", "detail", "any"), ("serious", "severity", "any")), ("author",)
    ),
    "Device": Shows(
        ("deviceName.name", "type"),
        (("kind", "type", "concept"), ("number", "serialNumber", "any"), ("lead", "owner", "reference")),
        (),
    ),
    "DeviceRequest": Shows(
        ("codeCodeableConcept", "codeReference"),
        (*_REASON, ("how", "parameter.valueQuantity", "any"), ("how", "parameter.code", "concept")),
        ("requester",),
    ),
    "DeviceUseStatement": Shows(("device",), (*_REASON, ("site", "bodySite", "concept")), ("source",)),
    "DiagnosticReport": Shows(
        ("code",),
        (
            ("conclusion", "conclusion", "any"),
            ("conclusion", "conclusionCode", "concept"),
            ("sample", "specimen", "reference"),
        ),
        ("resultsInterpreter", "performer"),
    ),
    "DocumentReference": Shows(
        ("description", "type", "content.attachment.title", "category"),
        (("kind", "type", "concept"), ("place", "context.practiceSetting", "concept")),
        ("author", "custodian"),
    ),
    "Encounter": Shows(
        ("type", "serviceType", "class", "reasonCode"),
        (
            *_REASON,
            ("reason", "diagnosis.condition", "reference"),
            ("place", "location.location", "reference"),
            ("place", "serviceProvider", "reference"),
            ("left", "hospitalization.dischargeDisposition", "concept"),
        ),
        ("participant.individual",),
    ),
    "EpisodeOfCare": Shows(
        ("type",),
        (
            ("lead", "careManager", "reference"),
            ("place", "managingOrganization", "reference"),
            ("reason", "diagnosis.condition", "reference"),
        ),
        (),
    ),
    "FamilyMemberHistory": Shows(
        ("condition.code", "relationship"),
        (("related", "relationship", "concept"), ("outcome", "condition.outcome", "concept")),
        (),
    ),
    "Flag": Shows(("code", "category"), (("kind", "category", "concept"),), ("author",)),
    "Goal": Shows(
        ("description",),
        (("outcome", "achievementStatus", "concept"), ("until", "target.dueDate", "any")),
        ("expressedBy",),
    ),
    "HealthcareService": Shows(("name", "type", "category"), (("phone", "telecom", "phone"),), ()),
    "ImagingStudy": Shows(
        ("description", "procedureCode", "modality"),
        (*_REASON, ("note", "series.description", "any")),
        ("referrer",),
    ),
    "Immunization": Shows(
        ("vaccinationProcedure", "vaccineCode"),
        (
            ("reason", "statusReason", "concept"),
            *_REASON,
            ("site", "site", "concept"),
            ("how", "route", "concept"),
            ("supply", "doseQuantity", "any"),
            ("batch", "lotNumber", "any"),
            ("place", "location", "reference"),
        ),
        ("performer.actor", "recorder"),
    ),
    "ImmunizationRecommendation": Shows(
        ("recommendation.vaccineCode", "recommendation.targetDisease"),
        (("until", "recommendation.dateCriterion.value", "any"),),
        ("authority",),
    ),
    "List": Shows(("title", "code"), (("holds", "entry.item", "reference"),), ("source",)),
    "Location": Shows(
        ("name", "description", "type"),
        (("phone", "telecom", "phone"), ("address", "address", "address")),
        (),
    ),
    "Media": Shows(("content.title", "type", "modality"), (("site", "bodySite", "concept"),), ("operator",)),
    "Medication": Shows(
        ("code", "ingredient.itemCodeableConcept"),
        (("form", "form", "concept"), ("batch", "batch.lotNumber", "any")),
        ("manufacturer",),
    ),
    "MedicationAdministration": Shows(
        _MEDICINE,
        (("dose", "dosage", "dose"), *_REASON, ("reason", "statusReason", "concept")),
        ("performer.actor",),
    ),
    "MedicationDispense": Shows(
        _MEDICINE,
        (("dose", "dosageInstruction", "dose"), ("supply", "quantity", "any")),
        ("performer.actor",),
    ),
    "MedicationRequest": Shows(
        _MEDICINE,
        (
            ("dose", "dosageInstruction", "dose"),
            ("supply", "dispenseRequest.quantity", "any"),
            ("course", "courseOfTherapyType", "concept"),
            *_REASON,
            ("reason", "statusReason", "concept"),
        ),
        ("requester", "recorder"),
    ),
    "MedicationStatement": Shows(
        _MEDICINE,
        (("dose", "dosage", "dose"), *_REASON, ("reason", "statusReason", "concept")),
        ("informationSource",),
    ),
    "Observation": Shows(
        ("code",),
        (
            ("site", "bodySite", "concept"),
            ("method", "method", "concept"),
            ("sample", "specimen", "reference"),
        ),
        ("performer",),
    ),
    "Organization": Shows(
        ("name", "type"),
        (("kind", "type", "concept"), ("phone", "telecom", "phone"), ("address", "address", "address")),
        (),
    ),
    "Patient": Shows(("name",), _PERSON, ("managingOrganization",)),
    "Practitioner": Shows(
        ("name", "qualification.code"),
        (("phone", "telecom", "phone"), ("kind", "qualification.code", "concept")),
        (),
    ),
    "PractitionerRole": Shows(
        ("practitioner", "code"),
        (
            ("kind", "code", "concept"),
            ("speciality", "specialty", "concept"),
            ("place", "organization", "reference"),
        ),
        (),
    ),
    "Procedure": Shows(
        ("code",),
        (
            *_REASON,
            ("reason", "statusReason", "concept"),
            ("site", "bodySite", "concept"),
            ("outcome", "outcome", "concept"),
            ("place", "location", "reference"),
        ),
        ("performer.actor", "recorder"),
    ),
    "Provenance": Shows(("activity",), (), ("agent.who",)),
    "QuestionnaireResponse": Shows((), (("answer", "item", "item"),), ("author", "source")),
    "RelatedPerson": Shows(("name", "relationship"), _PERSON, ()),
    "RiskAssessment": Shows(
        ("code", "prediction.outcome", "method"),
        (
            ("outcome", "prediction.outcome", "concept"),
            ("serious", "prediction.qualitativeRisk", "concept"),
            ("activity", "mitigation", "any"),
        ),
        ("performer",),
    ),
    "ServiceRequest": Shows(
        ("code", "orderDetail", "category"),
        (*_REASON, ("with", "performer", "reference"), ("says", "patientInstruction", "any")),
        ("requester",),
    ),
    "Specimen": Shows(
        ("type",),
        (("site", "collection.bodySite", "concept"), ("how", "collection.method", "concept")),
        ("collection.collector",),
    ),
    "Task": Shows(
        ("code", "description", "reasonCode"),
        (
            ("says", "description", "any"),
            ("reason", "statusReason", "concept"),
            ("outcome", "businessStatus", "concept"),
            ("with", "owner", "reference"),
        ),
        ("requester",),
    ),
}
ANYTHING = Shows()
"""What is shown of a type without a row."""
