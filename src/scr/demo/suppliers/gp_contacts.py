"""Consultations, investigations, other observations, referrals and diary of a GP record (FHIR STU3)."""

from __future__ import annotations

from datetime import date, timedelta

from scr.demo.clinical import BLOOD_PRESSURE, DIASTOLIC, SNOMED, SYSTOLIC, Coded
from scr.demo.history import AS_OF
from scr.demo.laboratory import Analyte
from scr.demo.person import GP, Consultation, Measurement, Report, held
from scr.demo.suppliers.gp_areas import CARE_CONNECT, Parts
from scr.demo.suppliers.gp_record import (
    PROFILES,
    Chart,
    coded,
    concept,
    midnight,
    primary_list,
    references,
    stamp,
)
from scr.demo.suppliers.gp_request import Part
from scr.demo.suppliers.process import Resource

COMMENT = Coded("37331000000100", "Comment note")


def consultations(chart: Chart, parts: Parts) -> list[Resource]:
    """Encounters, newest first; each with its lists: consultation, topic, heading, and what was noted."""
    number = parts.get("includeNumberOfMostRecent", Part(""))
    most = number.value_positive_int or number.value_integer
    chosen = [
        (index, item)
        for index, item in reversed(list(enumerate(chart.person.consultations)))
        if _within(parts, "consultationSearchPeriod", item.at.date())
    ][:most]
    encounters = [_encounter(chart, index, item) for index, item in chosen]
    answer = [
        primary_list(chart, "1149501000000101", "List of consultations", references(encounters)),
        *encounters,
    ]
    for index, item in chosen:
        answer += _inside(chart, index, item)
    return answer


def _encounter(chart: Chart, index: int, item: Consultation) -> Resource:
    performer = coded("http://hl7.org/fhir/v3/ParticipationType", "PPRF", "primary performer")
    recorder = coded("https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-ParticipantType-1", "REC", "recorder")
    return {
        **chart.own("Encounter", index),
        "status": "finished",
        "type": [{"text": item.kind}],
        "subject": chart.subject,
        "participant": [
            {"type": [role], "individual": chart.clinician(item.clinician)} for role in (performer, recorder)
        ],
        "period": {"start": stamp(item.at), "end": stamp(item.at + timedelta(minutes=11))},
        "length": {"value": 11, "unit": "minutes", "system": "http://unitsofmeasure.org", "code": "min"},
        "location": [{"location": chart.place("Location")}],
        "serviceProvider": chart.place("Organization"),
    }


def _inside(chart: Chart, index: int, item: Consultation) -> list[Resource]:
    found = {
        **chart.own("Observation", "finding", index),
        "status": "final",
        "code": concept(item.about),
        **_noted(chart, index, item),
    }
    comment = {
        **chart.own("Observation", "comment", index),
        "status": "final",
        "code": concept(COMMENT),
        **_noted(chart, index, item),
        "comment": item.note,
    }
    topic = _nested(
        chart, index, item, "topic", "25851000000105", "Topic (EHR)", [chart.ref("List", index, "heading")]
    )
    if item.problem is not None:
        topic["extension"] = [
            {
                "url": f"{CARE_CONNECT}RelatedProblemHeader-1",
                "extension": [{"url": "target", "valueReference": chart.ref("Condition", item.problem)}],
            }
        ]
    return [
        _nested(
            chart,
            index,
            item,
            "consultation",
            "325851000000107",
            "Consultation",
            [chart.ref("List", index, "topic")],
        ),
        topic,
        _nested(
            chart, index, item, "heading", "24781000000107", "Category (EHR)", references([found, comment])
        ),
        found,
        comment,
    ]


def _noted(chart: Chart, index: int, item: Consultation) -> Resource:
    return {
        "subject": chart.subject,
        "context": chart.ref("Encounter", index),
        "effectiveDateTime": stamp(item.at),
        "issued": stamp(item.at),
        "performer": [chart.clinician(item.clinician)],
    }


def _nested(
    chart: Chart, index: int, item: Consultation, level: str, code: str, display: str, items: list[Resource]
) -> Resource:
    return {
        "resourceType": "List",
        "id": chart.id("List", index, level),
        "meta": {"profile": [f"{PROFILES}CareConnect-GPC-List-1"]},
        "status": "current",
        "mode": "snapshot",
        "title": {"consultation": item.kind, "topic": item.about.term, "heading": "History"}[level],
        "code": coded(SNOMED, code, display),
        "subject": chart.subject,
        "encounter": chart.ref("Encounter", index),
        "date": stamp(item.at),
        "orderedBy": coded("http://hl7.org/fhir/list-order", "system", "Sorted by System"),
        "entry": [{"item": reference} for reference in items],
    }


def investigations(chart: Chart, parts: Parts) -> list[Resource]:
    """Laboratory reports that the practice filed, each with its specimen and its results."""
    reports: list[Resource] = []
    others: list[Resource] = []
    for item in held(chart.person.reports, GP):
        if not _within(parts, "investigationSearchPeriod", item.taken.date()):
            continue
        results = [
            _result(chart, item, analyte, value)
            for analyte, value in zip(item.profile.analytes, item.values, strict=True)
        ]
        reports.append(_report(chart, item, references(results)))
        others += [_specimen(chart, item), *results]
    listed = primary_list(chart, "887191000000108", "Investigations and results", references(reports))
    return [listed, *reports, *others]


def _report(chart: Chart, item: Report, results: list[Resource]) -> Resource:
    report = chart.own("DiagnosticReport", item.order)
    return {
        **report,
        "identifier": [
            {"system": f"https://gp.demo.invalid/{chart.person.practice}", "value": report["id"]},
            {"system": "https://lab.demo.invalid/order", "value": item.order},
        ],
        "status": "final",
        "category": coded("http://hl7.org/fhir/v2/0074", "LAB", "Laboratory"),
        "code": concept(Coded(item.profile.code, item.profile.term)),
        "subject": chart.subject,
        "issued": stamp(item.taken + timedelta(hours=7)),
        "performer": [{"actor": chart.place("Organization")}],
        "specimen": [chart.ref("Specimen", item.order)],
        "result": results,
    }


def _specimen(chart: Chart, item: Report) -> Resource:
    return {
        **chart.own("Specimen", item.order),
        "accessionIdentifier": {"value": item.order},
        "type": {"text": "Venous blood"},
        "subject": chart.subject,
        "receivedTime": stamp(item.taken + timedelta(hours=2)),
        "collection": {"collectedDateTime": stamp(item.taken)},
    }


def _result(chart: Chart, item: Report, analyte: Analyte, value: float) -> Resource:
    result = {
        **chart.own("Observation", item.order, analyte.code),
        "status": "final",
        "category": [coded("http://hl7.org/fhir/observation-category", "laboratory", "Laboratory")],
        "code": concept(Coded(analyte.code, analyte.term)),
        "subject": chart.subject,
        "effectiveDateTime": stamp(item.taken),
        "issued": stamp(item.taken + timedelta(hours=7)),
        "performer": [chart.place("Organization")],
        "valueQuantity": _quantity(value, analyte.unit),
        "specimen": chart.ref("Specimen", item.order),
        "referenceRange": [
            {"low": _quantity(analyte.low, analyte.unit), "high": _quantity(analyte.high, analyte.unit)}
        ],
    }
    if not analyte.low <= value <= analyte.high:
        side = ("H", "High") if value > analyte.high else ("L", "Low")
        result["interpretation"] = coded("http://hl7.org/fhir/v2/0078", *side)
    return result


def _quantity(value: float, unit: str) -> Resource:
    return {"value": int(value) if float(value).is_integer() else value, "unit": unit}


def uncategorised(chart: Chart, parts: Parts) -> list[Resource]:
    """Blood pressures, weight, smoking: what belongs to no other area."""
    found = [
        _measurement(chart, index, item)
        for index, item in enumerate(held(chart.person.measurements, GP))
        if _within(parts, "uncategorisedDataSearchPeriod", item.on)
    ]
    return [primary_list(chart, "826501000000100", "Miscellaneous record", references(found)), *found]


def _measurement(chart: Chart, index: int, item: Measurement) -> Resource:
    observation = {
        **chart.own("Observation", "measured", index),
        "status": "final",
        "code": concept(item.what),
        "subject": chart.subject,
        "effectiveDateTime": midnight(item.on),
        "issued": f"{midnight(item.on)}T12:00:00.000+00:00",
        "performer": [chart.clinician(1)],
    }
    if item.what == BLOOD_PRESSURE:
        observation["component"] = [
            {"code": concept(what), "valueQuantity": _quantity(value, item.unit)}
            for what, value in zip((SYSTOLIC, DIASTOLIC), item.values, strict=True)
        ]
    elif item.values:
        observation["valueQuantity"] = _quantity(item.values[0], item.unit)
    return observation


def referrals(chart: Chart, parts: Parts) -> list[Resource]:
    """A referral to physiotherapy for those with joints that hurt."""
    found: list[Resource] = [
        {
            **chart.own("ReferralRequest", index),
            "status": "active",
            "intent": "order",
            "priority": "routine",
            "subject": chart.subject,
            "authoredOn": midnight(AS_OF - timedelta(days=40)),
            "requester": {"agent": chart.clinician(0), "onBehalfOf": chart.place("Organization")},
            "reasonCode": [coded(SNOMED, "308447003", "Referral to physiotherapist")],
            "description": f"Physiotherapy for {item.what.term.lower()}",
        }
        for index, item in enumerate(held(chart.person.problems, GP))
        if item.what.code == "396275006"
        and _within(parts, "referralSearchPeriod", AS_OF - timedelta(days=40))
    ]
    return [primary_list(chart, "792931000000107", "Outbound referrals", references(found)), *found]


def diary(chart: Chart, parts: Parts) -> list[Resource]:
    """The medication review that is due where anything is on repeat."""
    until = parts.get("diaryEntriesSearchDate", Part("")).value_date
    due = AS_OF + timedelta(days=90)
    found: list[Resource] = []
    if any(item.repeat for item in held(chart.person.medicines, GP)) and (
        not until or due <= date.fromisoformat(until)
    ):
        found.append(
            {
                **chart.own("ProcedureRequest", "review"),
                "status": "active",
                "intent": "plan",
                "code": coded(SNOMED, "182836005", "Review of medication"),
                "subject": chart.subject,
                "occurrenceDateTime": midnight(due),
                "authoredOn": midnight(AS_OF - timedelta(days=90)),
                "requester": {"agent": chart.clinician(0)},
            }
        )
    return [
        primary_list(chart, "714311000000108", "Patient recall administration", references(found)),
        *found,
    ]


def _within(parts: Parts, name: str, day: date) -> bool:
    """Whether a day is in the period that was asked for; no period asks for all."""
    period = parts.get(name, Part("")).value_period
    if period is None:
        return True
    return (not period.start or date.fromisoformat(period.start) <= day) and (
        not period.end or day <= date.fromisoformat(period.end)
    )
