"""What a neighbouring shared care record holds of a person who also used its area, in FHIR R4."""

from __future__ import annotations

from scr.demo.clinical import BODY_WEIGHT, DMD, SNOMED, Coded
from scr.demo.person import (
    NEIGHBOUR,
    Allergy,
    Immunisation,
    Measurement,
    Medicine,
    Person,
    Problem,
    Visit,
    held,
    identifier,
)
from scr.demo.places import NEIGHBOUR as NEIGHBOUR_CODE
from scr.demo.places import ORGANISATIONS
from scr.demo.suppliers.process import Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM

UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
RECORDED = "2025-12-30T02:15:00+00:00"
SYSTEM = "https://northfen.demo.invalid/id"


def logical_id(person: Person, kind: str, *parts: object) -> str:
    """The neighbour's own id: opaque, the same for ever."""
    return identifier(person.nhs_number, NEIGHBOUR, kind, *parts)


def record(person: Person) -> list[Resource]:
    """Everything about one person, the Patient first."""
    return [
        patient(person),
        _organisation(),
        *(_condition(person, item) for item in held(person.problems, NEIGHBOUR)),
        *(_medication(person, item) for item in held(person.medicines, NEIGHBOUR)),
        *(_allergy(person, item) for item in held(person.allergies, NEIGHBOUR)),
        *(_immunisation(person, item) for item in held(person.immunisations, NEIGHBOUR)),
        *(_measurement(person, item) for item in held(person.measurements, NEIGHBOUR)),
        *(_encounter(person, item) for item in held(person.visits, NEIGHBOUR)),
        *_plan(person),
    ]


def _own(person: Person, kind: str, *parts: object) -> Resource:
    key = logical_id(person, kind, *parts)
    return {
        "resourceType": kind,
        "id": key,
        "meta": {"versionId": "1", "lastUpdated": RECORDED, "profile": [f"{UK_CORE}{kind}"]},
        "identifier": [{"system": SYSTEM, "value": key}],
    }


def _subject(person: Person) -> Resource:
    return {"reference": f"Patient/{logical_id(person, 'Patient')}"}


def _concept(what: Coded, system: str = SNOMED) -> Resource:
    return {"coding": [{"system": system, "code": what.code, "display": what.term}], "text": what.term}


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{TERMINOLOGY}{system}", "code": code}]}


def _organisation() -> Resource:
    own = ORGANISATIONS[NEIGHBOUR_CODE]
    return {
        "resourceType": "Organization",
        "id": "northfen",
        "meta": {"lastUpdated": RECORDED},
        "identifier": [{"system": ODS_SYSTEM, "value": own.ods}],
        "name": own.name,
    }


def patient(person: Person) -> Resource:
    """The Patient, as the neighbour knows him."""
    address = person.address_at(NEIGHBOUR)
    resource = _own(person, "Patient")
    died: Resource = {"deceasedDateTime": person.died.isoformat()} if person.died else {}
    return {
        **resource,
        "identifier": [
            {"system": NHS_NUMBER_SYSTEM, "value": person.nhs_number},
            {"system": SYSTEM, "value": person.local_id(NEIGHBOUR)},
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "family": person.family_at(NEIGHBOUR),
                "given": [person.given],
                "prefix": [person.prefix],
            }
        ],
        "gender": "female" if person.female else "male",
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {"use": "home", "line": [address.line], "city": address.city, "postalCode": address.postcode}
        ],
        "managingOrganization": {"reference": "Organization/northfen"},
        **died,
    }


def _condition(person: Person, item: Problem) -> Resource:
    ended: Resource = {"abatementDateTime": item.ended.isoformat()} if item.ended else {}
    return {
        **_own(person, "Condition", item.what.code),
        "clinicalStatus": _status("condition-clinical", "resolved" if item.ended else "active"),
        "verificationStatus": _status("condition-ver-status", "confirmed"),
        "category": [_status("condition-category", "problem-list-item")],
        "code": _concept(item.what),
        "subject": _subject(person),
        "onsetDateTime": item.onset.isoformat(),
        "recordedDate": item.onset.isoformat(),
        **ended,
    }


def _medication(person: Person, item: Medicine) -> Resource:
    period: Resource = {"start": item.started.isoformat()}
    if item.ended:
        period["end"] = item.ended.isoformat()
    return {
        **_own(person, "MedicationStatement", item.what.code),
        "status": "completed" if item.ended else "active",
        "medicationCodeableConcept": _concept(item.what, DMD),
        "subject": _subject(person),
        "effectivePeriod": period,
        "dateAsserted": "2025-11-03",
        "dosage": [{"text": item.dosage}],
    }


def _allergy(person: Person, item: Allergy) -> Resource:
    allergy = {
        **_own(person, "AllergyIntolerance", item.what.code),
        "clinicalStatus": _status("allergyintolerance-clinical", "active"),
        "verificationStatus": _status("allergyintolerance-verification", "confirmed"),
        "code": _concept(item.what),
        "patient": _subject(person),
        "recordedDate": item.recorded.isoformat(),
    }
    if item.reaction:
        allergy["reaction"] = [{"manifestation": [_concept(item.reaction)], "severity": item.severity}]
    return allergy


def _immunisation(person: Person, item: Immunisation) -> Resource:
    return {
        **_own(person, "Immunization", item.what.code, item.on.isoformat()),
        "status": "completed" if item.given else "not-done",
        "vaccineCode": _concept(item.what),
        "patient": _subject(person),
        "occurrenceDateTime": item.on.isoformat(),
        "lotNumber": item.lot,
    }


def _measurement(person: Person, item: Measurement) -> Resource:
    observation = {
        **_own(person, "Observation", item.what.code, item.on.isoformat()),
        "status": "final",
        "category": [_status("observation-category", "vital-signs")],
        "code": _concept(item.what),
        "subject": _subject(person),
        "effectiveDateTime": item.on.isoformat(),
    }
    if item.what == BODY_WEIGHT:
        observation["valueQuantity"] = {
            "value": item.values[0],
            "unit": item.unit,
            "system": "http://unitsofmeasure.org",
            "code": item.unit,
        }
    return observation


def _encounter(person: Person, item: Visit) -> Resource:
    return {
        **_own(person, "Encounter", item.number),
        "status": "finished",
        "class": {"system": f"{TERMINOLOGY}v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "subject": _subject(person),
        "period": {"start": item.start.isoformat(), "end": item.end.isoformat()},
        "reasonCode": [_concept(item.reason)],
        "serviceProvider": {"reference": "Organization/northfen", "display": item.ward},
    }


def _plan(person: Person) -> list[Resource]:
    """A care plan and a flag for those whom the councils support too."""
    if not person.support_reason or not person.persona:
        return []
    return [
        {
            **_own(person, "CarePlan", "plan"),
            "status": "active",
            "intent": "plan",
            "title": "Shared care and support plan",
            "description": f"Agreed with the person. {person.support_reason}.",
            "subject": _subject(person),
            "period": {"start": "2025-05-12"},
            "author": {"reference": "Organization/northfen"},
        },
        {
            **_own(person, "Flag", "visit"),
            "status": "active",
            "category": [{"text": "Alert"}],
            "code": {"text": "Telephone before visiting"},
            "subject": _subject(person),
            "period": {"start": "2025-05-12"},
        },
    ]
