"""Answers in the shape of PDS, about people who do not exist."""

from __future__ import annotations

from typing import Any

import orjson

from scr.fhir.identifiers import NHSNumber

ADA, BERT = NHSNumber("9990001014"), NHSNumber("9990001022")
FHIR = {"content-type": "application/fhir+json"}
_UK = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"

Tree = dict[str, Any]


def patient(number: NHSNumber = ADA, **more: object) -> Tree:
    """A Patient, with what a test gives it."""
    status = {"system": "x", "code": "01"}
    return {
        "resourceType": "Patient",
        "id": number.value,
        "identifier": [
            {
                "system": "https://fhir.nhs.uk/Id/nhs-number",
                "value": number.value,
                "extension": [
                    {
                        "url": f"{_UK}NHSNumberVerificationStatus",
                        "valueCodeableConcept": {"coding": [status]},
                    }
                ],
            }
        ],
        "meta": {"versionId": "3", "security": [level("U")]},
        "name": [{"use": "usual", "family": "Sample", "given": ["Ada"], "period": {"start": "1980-01-01"}}],
        "birthDate": "1941-07-05",
        "gender": "female",
        **more,
    }


def level(code: str) -> Tree:
    """A level of confidentiality."""
    return {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code}


def death(code: str) -> Tree:
    """The extension of a death notice."""
    status = {"url": "deathNotificationStatus", "valueCodeableConcept": {"coding": [{"code": code}]}}
    return {"url": f"{_UK}DeathNotificationStatus", "extension": [status]}


def searchset(*patients: Tree, score: float = 1.0) -> Tree:
    """What a search gives."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(patients),
        "entry": [{"search": {"score": score}, "resource": one} for one in patients],
    }


def problem(code: str) -> Tree:
    """An OperationOutcome with a code of the Spine."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "value", "details": {"coding": [{"code": code}]}}],
    }


def dumped(tree: Tree) -> bytes:
    """The bytes of it."""
    return orjson.dumps(tree)
