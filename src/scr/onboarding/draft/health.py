"""What is known of a person's health, as FHIR R4: one function a topic, from its slots to a template.

What is taken is a MedicationStatement, a support reason or diagnosis a Condition.
"""

from __future__ import annotations

from scr.onboarding.draft.elements import Body, Slots, code, ended, identified, notes, reading, reason
from scr.onboarding.draft.writing import Writer

_CODES = "http://hl7.org/fhir/"
EVENT_STATUS = ("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "unknown")
TAKEN_STATUS = ("active", "completed", "intended", "stopped", "on-hold", "not-taken", "unknown")
REPORT_STATUS = ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown")


def medication(slots: Slots, write: Writer, setting: str) -> Body:
    """MedicationStatement: what a person is said to take."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "MedicationStatement")
    body["status"] = write.status(
        slots.one("status"), "MedicationStatement.status", _CODES + "CodeSystem/medication-statement-status",
        TAKEN_STATUS, ended(write, end, "stopped", "unknown"),
    )  # fmt: skip
    body["medicationCodeableConcept"] = code(slots, write, "MedicationStatement.medication", "Medication")
    doses = [
        {"text": write.text(f, "MedicationStatement.dosage.text")} for f in slots.all("dose", "quantity")
    ]
    body |= {"dosage": doses} if doses else {}
    body["effectivePeriod"] = write.period(start, end, "MedicationStatement.effectivePeriod")
    body |= reason(slots, write, "MedicationStatement.reasonCode", many=True)
    return body | notes(slots, write, "MedicationStatement", "outcome")


def immunisation(slots: Slots, write: Writer, setting: str) -> Body:
    """Immunization: R4 wants to know when, or that nobody says so."""
    start = slots.one("start")
    body = identified(slots, write, "Immunization")
    body["status"] = "completed"
    body["vaccineCode"] = code(slots, write, "Immunization.vaccineCode", "Vaccine")
    if start is not None:
        body["occurrenceDateTime"] = write.when(start, "Immunization.occurrence")
        body["occurrenceString"] = write.leaf(
            start, "Immunization.occurrence", f"if({write.date_of(start)}, `null`, 'not known')"
        )
    else:
        body["occurrenceString"] = "not known"
    return body | notes(slots, write, "Immunization", "outcome")


def procedure(slots: Slots, write: Writer, setting: str) -> Body:
    """Procedure: what was done."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "Procedure")
    body["status"] = write.status(
        slots.one("status"), "Procedure.status", _CODES + "event-status", EVENT_STATUS, "unknown"
    )
    body["code"] = code(slots, write, "Procedure.code", "Procedure")
    body["performedPeriod"] = write.period(start, end, "Procedure.performed")
    body |= reason(slots, write, "Procedure.reasonCode", many=True)
    return body | notes(slots, write, "Procedure", "outcome")


def condition(slots: Slots, write: Writer, setting: str) -> Body:
    """Condition: a diagnosis, a problem, the reason for support."""
    start, end = slots.one("start"), slots.one("end")
    body = identified(slots, write, "Condition")
    body["code"] = code(slots, write, "Condition.code", "Condition")
    if start is not None:
        body["onsetDateTime"] = write.when(start, "Condition.onset")
    if end is not None:
        body["abatementDateTime"] = write.when(end, "Condition.abatement")
    return body | notes(slots, write, "Condition", "outcome")


def allergy(slots: Slots, write: Writer, setting: str) -> Body:
    """AllergyIntolerance: what a person reacts to, one a record."""
    start = slots.one("start")
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    body = identified(slots, write, "AllergyIntolerance")
    body["clinicalStatus"] = {"coding": [{"system": system, "code": "active"}]}
    body["code"] = code(slots, write, "AllergyIntolerance.code", "Allergy")
    if start is not None:
        body["recordedDate"] = write.when(start, "AllergyIntolerance.recordedDate")
    return body | notes(slots, write, "AllergyIntolerance", "outcome", "reason")


def observation(slots: Slots, write: Writer, setting: str) -> Body:
    """Observation: a result or reading with its name in one column and its value in another."""
    body = identified(slots, write, "Observation")
    body["status"] = write.status(
        slots.one("status"), "Observation.status", _CODES + "observation-status", REPORT_STATUS, "final"
    )
    if setting == "labs":
        system = "http://terminology.hl7.org/CodeSystem/observation-category"
        body["category"] = [{"coding": [{"system": system, "code": "laboratory"}]}]
    body["code"] = code(slots, write, "Observation.code", "Observation")
    start, value, unit = slots.one("start"), slots.one("value") or slots.one("quantity"), slots.one("unit")
    if start is not None:
        body["effectiveDateTime"] = write.when(start, "Observation.effective")
    if value is not None:
        body |= reading(value, unit, write)
    return body | notes(slots, write, "Observation", "outcome")
