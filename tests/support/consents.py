"""Consents in the shape of IHE PCF, for tests."""

from __future__ import annotations

from typing import Any

from scr.consent.consents import ROLE_SYSTEM, USER_SYSTEM
from scr.fhir.canonical import HEADING_SYSTEM, PARTY_SYSTEM
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, ODS_SYSTEM

Tree = dict[str, Any]
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def consent(provision: Tree, patient: str = "p", status: str = "active", **more: object) -> Tree:
    """A Consent with this base provision."""
    return {
        "resourceType": "Consent",
        "status": status,
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://loinc.org", "59284-0")],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2026-01-05T09:00:00Z",
        "performer": [{"reference": f"Patient/{patient}"}],
        "organization": [organisation("ZZC01")],
        "sourceReference": {"display": "A form, kept by the practice"},
        "policy": [{"uri": "https://shared-care-record.example/policy"}],
        "provision": provision,
        **more,
    }


def coded(system: str, code: str) -> Tree:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def organisation(ods: str) -> Tree:
    """A reference to an organisation."""
    return {"type": "Organization", "identifier": {"system": ODS_SYSTEM, "value": ods}}


def party(role: str, reference: Tree) -> Tree:
    """An actor of a provision: IRCP who is told, CST whose knowledge it is about."""
    return {"role": coded(PARTICIPATION, role), "reference": reference}


def asker(ods: str) -> Tree:
    """An organisation that asks."""
    return party("IRCP", organisation(ods))


def source(ods: str) -> Tree:
    """An organisation that knows something."""
    return party("CST", organisation(ods))


def author() -> Tree:
    """The organisation that an entry came from, whichever it is."""
    return party("IRCP", {"type": "Organization", "identifier": {"system": PARTY_SYSTEM, "value": "author"}})


def professional(user_id: str) -> Tree:
    """One professional."""
    return party("IRCP", {"type": "Practitioner", "identifier": {"system": USER_SYSTEM, "value": user_id}})


def role(code: str) -> Tree:
    """A job role."""
    return party("IRCP", {"type": "PractitionerRole", "identifier": {"system": ROLE_SYSTEM, "value": code}})


def carer(nhs_number: str) -> Tree:
    """Somebody who cares for the person, by their own number."""
    identifier = {"system": NHS_NUMBER_SYSTEM, "value": nhs_number}
    return party("IRCP", {"type": "RelatedPerson", "identifier": identifier})


def heading(code: str) -> Tree:
    """A heading of the record, as a class."""
    return {"system": HEADING_SYSTEM, "code": code}


def kind(code: str) -> Tree:
    """A resource type, as a class."""
    return {"system": "http://hl7.org/fhir/resource-types", "code": code}


def thing(reference: str) -> Tree:
    """One entry of the record."""
    return {"meaning": "instance", "reference": {"reference": reference}}
