"""A GP system's record as GP Connect Access Record: Structured tells it (FHIR STU3): who and where.

The clinical areas are in ``gp_areas``. Bundles are collections without `fullUrl`, as suppliers send them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from scr.demo.clinical import SNOMED, Coded
from scr.demo.person import GP, Person, identifier
from scr.demo.places import ORGANISATIONS, Organisation
from scr.demo.suppliers.process import Resource, now
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM

PROFILES = "https://fhir.nhs.uk/STU3/StructureDefinition/"
EXTENSIONS = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
CLINICIANS = {
    "Z99001": (("Imogen", "Farrant"), ("Declan", "Oyelaran")),
    "Z99002": (("Beatrix", "Szabo"), ("Nathaniel", "Purewal")),
}
WARNINGS = {
    "confidential-items": "Items excluded due to confidentiality and/or patient preferences.",
    "data-in-transit": "Patient record transfer from previous GP practice not yet complete; "
    "information recorded before the registration may be missing.",
}
CONFIDENTIAL_AREAS = frozenset({"717711000000103", "1149501000000101", "933361000000108"})
"""Lists that confidential items are kept out of; a record in transit bears on all."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One person's record while it is being written out."""

    person: Person
    moment: datetime = field(default_factory=now)

    @property
    def practice(self) -> Organisation:
        """The practice that holds the record."""
        return ORGANISATIONS[self.person.practice]

    @property
    def subject(self) -> Resource:
        """The reference to the patient."""
        return self.ref("Patient")

    def id(self, kind: str, *parts: object) -> str:
        """The supplier's own id of something in this record."""
        return identifier(self.person.nhs_number, GP, kind, *parts).upper()

    def ref(self, kind: str, *parts: object) -> Resource:
        """A reference to something in this record."""
        return {"reference": f"{kind}/{self.id(kind, *parts)}"}

    def own(self, kind: str, *parts: object, profile: str = "") -> Resource:
        """The beginning of a resource: type, id, profile and business identifier."""
        key = self.id(kind, *parts)
        return {
            "resourceType": kind,
            "id": key,
            "meta": {"profile": [f"{PROFILES}CareConnect-GPC-{profile or kind}-1"]},
            "identifier": [{"system": f"https://gp.demo.invalid/{self.person.practice}", "value": key}],
        }

    def clinician(self, index: int) -> Resource:
        """The reference to one of the practice's clinicians."""
        return {
            "reference": f"Practitioner/{identifier(self.person.practice, 'practitioner', index).upper()}"
        }

    def place(self, kind: str) -> Resource:
        """The reference to the practice's Organization or Location."""
        return {"reference": f"{kind}/{identifier(self.person.practice, kind).upper()}"}


def stamp(moment: datetime) -> str:
    """An instant with its zone."""
    return moment.isoformat(timespec="milliseconds")


def midnight(day: date) -> str:
    """A day, as a dateTime without a time."""
    return day.isoformat()


def concept(what: Coded, read: str = "") -> Resource:
    """A CodeableConcept: SNOMED CT, and first the Read code where that is what the user chose."""
    codings: list[Resource] = []
    if read:
        codings.append(
            {"system": "http://read.info/readv2", "code": read, "display": what.term, "userSelected": True}
        )
    codings.append({"system": SNOMED, "code": what.code, "display": what.term})
    return {"coding": codings}


def coded(system: str, code: str, display: str) -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def primary_list(chart: Chart, code: str, title: str, items: Sequence[Resource]) -> Resource:
    """One of the lists that an area of the record begins with, empty with its reason where nothing is."""
    listed: Resource = {
        "resourceType": "List",
        "meta": {"profile": [f"{PROFILES}CareConnect-GPC-List-1"]},
        "extension": [
            {
                "url": f"{EXTENSIONS}ClinicalSetting-1",
                "valueCodeableConcept": coded(SNOMED, "1060971000000108", "General practice service"),
            }
        ],
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": coded(SNOMED, code, title),
        "subject": chart.subject,
        "date": stamp(chart.moment),
        "orderedBy": coded("http://hl7.org/fhir/list-order", "event-date", "Sorted by Event Date"),
    }
    notes = []
    warning = chart.person.list_warning
    if warning and (warning != "confidential-items" or code in CONFIDENTIAL_AREAS):
        listed["extension"] = [
            *_as_list(listed["extension"]),
            {"url": f"{EXTENSIONS}ListWarningCode-1", "valueCode": warning},
        ]
        notes.append(WARNINGS[warning])
    if items:
        listed["entry"] = [{"item": item} for item in items]
    else:
        notes.append("Information not available")
        listed["emptyReason"] = coded(
            "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-ListEmptyReasonCode-1",
            "no-content-recorded",
            "No Content Recorded",
        )
    if notes:
        listed["note"] = [{"text": " ".join(notes)}]
    return listed


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def references(resources: Iterable[Resource]) -> list[Resource]:
    """References to resources that were just made."""
    return [{"reference": f"{resource['resourceType']}/{resource['id']}"} for resource in resources]


def administrative(chart: Chart) -> list[Resource]:
    """The patient, and the people and the place that the record speaks of."""
    return [
        _patient(chart),
        _organisation(chart),
        _location(chart),
        *(_practitioner(chart, index) for index in range(2)),
        *(_practitioner_role(chart, index) for index in range(2)),
    ]


def _patient(chart: Chart) -> Resource:
    person = chart.person
    address = person.address_at(GP)
    verified = coded(
        "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1",
        "01",
        "Number present and verified",
    )
    return {
        "resourceType": "Patient",
        "id": chart.id("Patient"),
        "meta": {"versionId": "7", "profile": [f"{PROFILES}CareConnect-GPC-Patient-1"]},
        "identifier": [
            {
                "extension": [
                    {"url": f"{EXTENSIONS}NHSNumberVerificationStatus-1", "valueCodeableConcept": verified}
                ],
                "system": NHS_NUMBER_SYSTEM,
                "value": person.nhs_number,
            }
        ],
        "active": True,
        "name": [
            {
                "use": "official",
                "family": person.family_at(GP),
                "given": [person.given],
                "prefix": [person.prefix],
            }
        ],
        "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
        "gender": "female" if person.female else "male",
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {
                "use": "home",
                "type": "physical",
                "line": [address.line],
                "city": address.city,
                "district": address.district,
                "postalCode": address.postcode,
            }
        ],
        "generalPractitioner": [chart.clinician(0)],
        "managingOrganization": chart.place("Organization"),
    }


def _organisation(chart: Chart) -> Resource:
    practice = chart.practice
    return {
        "resourceType": "Organization",
        "id": identifier(practice.ods, "Organization").upper(),
        "meta": {"versionId": "2", "profile": [f"{PROFILES}CareConnect-GPC-Organization-1"]},
        "identifier": [{"system": ODS_SYSTEM, "value": practice.ods}],
        "name": practice.name,
        "telecom": [{"system": "phone", "value": practice.phone, "use": "work", "rank": 1}],
        "address": [_work_address(practice)],
    }


def _location(chart: Chart) -> Resource:
    practice = chart.practice
    return {
        "resourceType": "Location",
        "id": identifier(practice.ods, "Location").upper(),
        "meta": {"versionId": "1", "profile": [f"{PROFILES}CareConnect-GPC-Location-1"]},
        "status": "active",
        "name": practice.name,
        "type": {"text": "Main Surgery"},
        "address": _work_address(practice),
        "managingOrganization": {**chart.place("Organization"), "display": practice.name},
    }


def _work_address(practice: Organisation) -> Resource:
    return {
        "use": "work",
        "type": "physical",
        "line": [practice.line],
        "city": practice.city,
        "postalCode": practice.postcode,
    }


def _practitioner(chart: Chart, index: int) -> Resource:
    given, family = CLINICIANS[chart.practice.ods][index]
    key = identifier(chart.practice.ods, "practitioner", index)
    return {
        "resourceType": "Practitioner",
        "id": key.upper(),
        "meta": {"versionId": "3", "profile": [f"{PROFILES}CareConnect-GPC-Practitioner-1"]},
        "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": str(int(key[:8], 16))}],
        "name": [{"use": "usual", "family": family, "given": [given], "prefix": ["Dr"]}],
        "gender": "unknown",
    }


def _practitioner_role(chart: Chart, index: int) -> Resource:
    return {
        "resourceType": "PractitionerRole",
        "id": identifier(chart.practice.ods, "role", index).upper(),
        "meta": {"versionId": "1", "profile": [f"{PROFILES}CareConnect-GPC-PractitionerRole-1"]},
        "practitioner": chart.clinician(index),
        "organization": chart.place("Organization"),
        "code": [
            coded(
                "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1",
                "R0260",
                "General Medical Practitioner",
            )
        ],
    }
