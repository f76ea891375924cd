"""People, places, organisations and appointments: nearly the same in STU3 and R4."""

from __future__ import annotations

from typing import Any

from scr.fhir.stu3.rules import Node, Place, TypeRules, parts, rename


def _eligibility(node: Node, value: Any, place: Place) -> None:
    node["eligibility"] = [{"code": value}]


def _eligibility_note(node: Node, value: Any, place: Place) -> None:
    node.setdefault("eligibility", [{}])[0]["comment"] = value


def _programme(node: Node, value: Any, place: Place) -> None:
    node["program"] = [{"text": name} for name in parts(value)]


PEOPLE: dict[str, TypeRules] = {
    "Patient": TypeRules("Patient"),
    "Practitioner": TypeRules("Practitioner"),
    "PractitionerRole": TypeRules("PractitionerRole"),
    "Organization": TypeRules("Organization"),
    "Location": TypeRules("Location"),
    "HealthcareService": TypeRules(
        "HealthcareService",
        {
            "eligibility": _eligibility,
            "eligibilityNote": _eligibility_note,
            "programName": _programme,
        },
    ),
    "Appointment": TypeRules(
        "Appointment",
        {
            "reason": rename("reasonCode"),
            "indication": rename("reasonReference"),
            "incomingReferral": rename("basedOn"),
        },
    ),
    "Schedule": TypeRules("Schedule"),
    "Slot": TypeRules("Slot"),
    "Binary": TypeRules("Binary", {"content": rename("data")}),
    "OperationOutcome": TypeRules("OperationOutcome"),
}
