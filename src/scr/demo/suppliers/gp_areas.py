"""Allergies, medicines, problems and immunisations of a GP record (GP Connect Structured, FHIR STU3).

Each function takes the chart and the parts of its include parameter, and gives the area's List and all
that it refers to.
"""

from __future__ import annotations

from datetime import date, timedelta

from scr.demo.clinical import DRUG_ALLERGIES, FOOD_ALLERGIES
from scr.demo.person import GP, Allergy, Immunisation, Medicine, Problem, held
from scr.demo.suppliers.gp_record import (
    EXTENSIONS,
    Chart,
    coded,
    concept,
    midnight,
    primary_list,
    references,
)
from scr.demo.suppliers.gp_request import Part
from scr.demo.suppliers.process import Resource

CARE_CONNECT = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-"
Parts = dict[str, Part]


def allergies(chart: Chart, parts: Parts) -> list[Resource]:
    """Current allergies; those that ended stand *contained* in a list of their own, if asked for."""
    everything = held(chart.person.allergies, GP)
    current = [_allergy(chart, item) for item in everything if item.ended is None]
    answer = [primary_list(chart, "886921000000105", "Allergies and adverse reactions", references(current))]
    if parts["includeResolvedAllergies"].value_boolean:
        ended = [_allergy(chart, item) for item in everything if item.ended is not None]
        items: list[Resource] = [{"reference": f"#{resource['id']}"} for resource in ended]
        listed = primary_list(chart, "1103671000000101", "Ended allergies", items)
        if ended:
            listed["contained"] = ended
        answer.append(listed)
    return [*answer, *current]


def _allergy(chart: Chart, item: Allergy) -> Resource:
    code = item.what.code
    category = "food" if code in FOOD_ALLERGIES else "medication" if code in DRUG_ALLERGIES else "environment"
    allergy = {
        **chart.own("AllergyIntolerance", code),
        "clinicalStatus": "resolved" if item.ended else "active",
        "verificationStatus": "unconfirmed",
        "category": [category],
        "code": concept(item.what),
        "patient": chart.subject,
        "onsetDateTime": midnight(item.recorded),
        "assertedDate": midnight(item.recorded),
        "recorder": chart.clinician(0),
    }
    if item.reaction:
        allergy["type"] = "allergy"
        allergy["reaction"] = [{"manifestation": [concept(item.reaction)], "severity": item.severity}]
    if item.ended:
        reason: Resource = {"url": "reasonEnded", "valueString": "No information available"}
        end: Resource = {"url": "endDate", "valueDateTime": midnight(item.ended)}
        allergy["extension"] = [{"url": f"{EXTENSIONS}AllergyIntoleranceEnd-1", "extension": [end, reason]}]
    return allergy


def medication(chart: Chart, parts: Parts) -> list[Resource]:
    """Statements, each with its plan, and its issues as orders unless they are not wanted."""
    since = _from(parts, "medicationSearchFromDate")
    issues = parts.get("includePrescriptionIssues", Part("")).value_boolean is not False
    statements: list[Resource] = []
    others: list[Resource] = []
    for index, item in enumerate(held(chart.person.medicines, GP)):
        if since and item.ended and item.ended < since:
            continue
        statements.append(_statement(chart, index, item))
        drug = chart.own("Medication", item.what.code)
        del drug["identifier"]
        others += [{**drug, "code": concept(item.what)}, _request(chart, index, item, None)]
        if issues:
            others += [_request(chart, index, item, issue) for issue in item.issues]
    listed = primary_list(chart, "933361000000108", "Medications and medical devices", references(statements))
    return [listed, *statements, *_once(others)]


def _once(resources: list[Resource]) -> list[Resource]:
    """The same drug prescribed twice is one Medication."""
    return list({str(resource["id"]): resource for resource in resources}.values())


def _statement(chart: Chart, index: int, item: Medicine) -> Resource:
    agency = coded(
        "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescribingAgency-1",
        "prescribed-at-gp-practice",
        "Prescribed at GP practice",
    )
    extensions: list[Resource] = [{"url": f"{EXTENSIONS}PrescribingAgency-1", "valueCodeableConcept": agency}]
    if item.issues:
        extensions.append(
            {
                "url": f"{EXTENSIONS}MedicationStatementLastIssueDate-1",
                "valueDateTime": midnight(item.issues[-1]),
            }
        )
    return {
        **chart.own("MedicationStatement", index),
        "extension": extensions,
        "basedOn": [chart.ref("MedicationRequest", index, "plan")],
        "status": "completed" if item.ended else "active",
        "medicationReference": chart.ref("Medication", item.what.code),
        "effectivePeriod": _period(item.started, item.ended),
        "dateAsserted": midnight(item.started),
        "subject": chart.subject,
        "taken": "unk",
        "dosage": [{"text": item.dosage}],
    }


def _request(chart: Chart, index: int, item: Medicine, issue: date | None) -> Resource:
    """The plan (the authorisation), or one issue against it: an order."""
    kind = ("repeat", "Repeat") if item.repeat else ("acute", "Acute")
    days = 28 if item.repeat else 7
    extensions: list[Resource] = [
        {
            "url": f"{EXTENSIONS}PrescriptionType-1",
            "valueCodeableConcept": coded(
                "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescriptionType-1", *kind
            ),
        }
    ]
    if issue is None and item.repeat:
        issued: Resource = {
            "url": "numberOfRepeatPrescriptionsIssued",
            "valueUnsignedInt": len(item.issues),
        }
        extensions.append({"url": f"{EXTENSIONS}MedicationRepeatInformation-1", "extension": [issued]})
    request = {
        **chart.own("MedicationRequest", index, issue.isoformat() if issue else "plan"),
        "extension": extensions,
        "groupIdentifier": {"value": chart.id("group", index).lower()},
        "status": "completed" if issue or item.ended else "active",
        "intent": "order" if issue else "plan",
        "medicationReference": chart.ref("Medication", item.what.code),
        "subject": chart.subject,
        "authoredOn": midnight(issue or item.started),
        "recorder": chart.clinician(index % 2),
        "requester": {"agent": chart.clinician(index % 2), "onBehalfOf": chart.place("Organization")},
        "dosageInstruction": [{"text": item.dosage}],
        "dispenseRequest": {
            "validityPeriod": _period(
                issue or item.started, issue + timedelta(days=days) if issue else item.ended
            ),
            "quantity": {"value": item.quantity, "unit": item.unit},
            "expectedSupplyDuration": {
                "value": days,
                "unit": "day",
                "system": "http://unitsofmeasure.org",
                "code": "d",
            },
        },
    }
    if issue:
        request["basedOn"] = [chart.ref("MedicationRequest", index, "plan")]
    return request


def _period(start: date, end: date | None) -> Resource:
    return {"start": midnight(start), **({"end": midnight(end)} if end else {})}


def problems(chart: Chart, parts: Parts) -> list[Resource]:
    """Problem headers, each with the observation that it is about."""
    wanted = parts.get("filterStatus", Part("")).value_code
    found: list[Resource] = []
    actual: list[Resource] = []
    for index, item in enumerate(chart.person.problems):
        status = "inactive" if item.ended else "active"
        if GP in item.held_by and wanted in {None, status}:
            found.append(_problem(chart, index, item, status))
            actual.append(_actual(chart, index, item))
    return [primary_list(chart, "717711000000103", "Problems", references(found)), *found, *actual]


def _problem(chart: Chart, index: int, item: Problem, status: str) -> Resource:
    related: list[Resource] = [
        {
            "url": f"{CARE_CONNECT}RelatedClinicalContent-1",
            "valueReference": chart.ref("Encounter", number),
        }
        for number, contact in enumerate(chart.person.consultations)
        if contact.problem == index
    ]
    problem = {
        **chart.own("Condition", index, profile="ProblemHeader-Condition"),
        "extension": [
            {
                "url": f"{CARE_CONNECT}ActualProblem-1",
                "valueReference": chart.ref("Observation", "problem", index),
            },
            *related,
            {
                "url": f"{CARE_CONNECT}ProblemSignificance-1",
                "valueCode": "major" if item.major else "minor",
            },
        ],
        "clinicalStatus": status,
        "category": [
            coded(
                "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1",
                "problem-list-item",
                "Problem List Item",
            )
        ],
        "code": concept(item.what, item.read),
        "subject": chart.subject,
        "onsetDateTime": midnight(item.onset),
        "assertedDate": midnight(item.onset),
        "asserter": chart.clinician(0),
    }
    if item.ended:
        problem["abatementDateTime"] = midnight(item.ended)
    return problem


def _actual(chart: Chart, index: int, item: Problem) -> Resource:
    return {
        **chart.own("Observation", "problem", index),
        "status": "final",
        "code": concept(item.what, item.read),
        "subject": chart.subject,
        "effectiveDateTime": midnight(item.onset),
        "issued": f"{midnight(item.onset)}T09:00:00.000+00:00",
        "performer": [chart.clinician(0)],
    }


def immunisations(chart: Chart, parts: Parts) -> list[Resource]:
    """Vaccines given; those declined only where `includeNotGiven` asks for them."""
    declined = bool(parts.get("includeNotGiven", Part("")).value_boolean)
    found = [
        _immunisation(chart, index, item)
        for index, item in enumerate(held(chart.person.immunisations, GP))
        if item.given or declined
    ]
    return [primary_list(chart, "1102181000000102", "Immunisations", references(found)), *found]


def _immunisation(chart: Chart, index: int, item: Immunisation) -> Resource:
    administering = coded("http://hl7.org/fhir/v2/0443", "AP", "Administering Provider")
    immunisation: Resource = {
        **chart.own("Immunization", index),
        "extension": [
            {
                "url": f"{CARE_CONNECT}VaccinationProcedure-1",
                "valueCodeableConcept": concept(item.what),
            },
            {"url": f"{CARE_CONNECT}DateRecorded-1", "valueDateTime": midnight(item.on)},
        ],
        "status": "completed",
        "notGiven": not item.given,
        "vaccineCode": coded("http://hl7.org/fhir/v3/NullFlavor", "UNK", "unknown"),
        "patient": chart.subject,
        "date": midnight(item.on),
        "primarySource": True,
        "practitioner": [{"role": administering, "actor": chart.clinician(1)}],
    }
    if item.given:
        immunisation["lotNumber"] = item.lot
        immunisation["location"] = chart.place("Location")
    else:
        refused = coded("http://snomed.info/sct", "105480006", "Refusal of treatment by patient")
        immunisation["explanation"] = {"reasonNotGiven": [refused]}
    return immunisation


def _from(parts: Parts, name: str) -> date | None:
    part = parts.get(name)
    return date.fromisoformat(part.value_date) if part and part.value_date else None
