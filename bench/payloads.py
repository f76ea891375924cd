"""Payloads to measure with: FHIR R4 records of a realistic mix, and ADT messages. All of it is invented."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from scr.demo.history import LONDON
from scr.demo.people import DEMO_SEED, nhs_number, population
from scr.demo.person import HOSPITAL, held
from scr.demo.suppliers.hospital_messages import attendance, registration
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

SUBJECTS = tuple(nhs_number(DEMO_SEED, 4999 - number) for number in range(20))
"""People whom the live sources know: each tells the same of all of them, under ids of each one's own."""
SUBJECT = SUBJECTS[0]
"""The person whose record is read; no other payload here is about them."""

_SNOMED = "http://snomed.info/sct"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
_TERMS = (
    ("75367002", "Blood pressure"), ("27113001", "Body weight"), ("1003671000000109", "Haemoglobin level"),
    ("38341003", "Hypertensive disorder, systemic arterial"), ("195967001", "Asthma"),
    ("44054006", "Diabetes mellitus type 2"), ("1000731000000107", "Serum creatinine level"),
    ("73761001", "Colonoscopy"), ("185349003", "Encounter for check up"),
    ("390906007", "Follow-up encounter"),
)  # fmt: skip
_NOTE = (
    "Reviewed with the patient, who is content with the plan. Advised to return if there is no improvement "
    "within two weeks, or sooner if symptoms get worse. Results were discussed and questions answered. "
)

Resource = dict[str, object]


def record(count: int, *, source: str, share: float = 0.2) -> bytes:
    """A collection Bundle: the Patient and ``count - 1`` resources about them, about 800 bytes each.

    ``source`` makes the ids and the contents of one source differ from another's; ``share`` is how much of a
    note each resource carries, and so how large it is.
    """
    rng = random.Random(f"bench:{source}")
    resources = [_patient(source)]
    kinds = [kind for kind, weight in _MIX for _ in range(weight)]
    for index in range(count - 1):
        kind = kinds[index % len(kinds)]
        resources.append(_MAKERS[kind](_Draft(rng, kind, f"{source}-{index}", share)))
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def sized_record(octets: int, *, source: str) -> bytes:
    """A record of about so many bytes."""
    each = len(record(101, source=source)) / 101
    return record(round(octets / each), source=source)


def patient_search(source: str) -> bytes:
    """The answer to a search for the person."""
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": _patient(source)}]}
    return json.dumps(bundle).encode()


def told_of(number: int, body: bytes, *, source: str) -> bytes:
    """What a source tells of the first of the people (``body``), told of another."""
    if not number:
        return body
    own = body.replace(SUBJECT.encode(), SUBJECTS[number].encode())
    return own.replace(f"{source}-".encode(), f"{source}p{number}-".encode())


def _patient(source: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": f"{source}-patient",
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": SUBJECT}],
        "name": [{"use": "official", "family": "Oakhanger", "given": ["Philippa"], "prefix": ["Mrs"]}],
        "gender": "female",
        "birthDate": "1951-03-08",
        "address": [
            {"use": "home", "line": ["4 Osier Lane"], "city": "Harrowmere", "postalCode": "ZZ99 1AB"}
        ],
    }


class _Draft:
    """The parts that resources of one record have in common."""

    def __init__(self, rng: random.Random, kind: str, local: str, share: float) -> None:
        self.rng = rng
        self.subject = {"reference": f"Patient/{local.rpartition('-')[0]}-patient"}
        self.note = [{"text": _NOTE[: round(len(_NOTE) * share * rng.uniform(0.6, 1.4))]}]
        self.day = (date(2012, 1, 1) + timedelta(days=rng.randrange(5000))).isoformat()
        self.moment = f"{self.day}T{rng.randrange(8, 18):02}:{rng.randrange(60):02}:00+00:00"
        self.own: Resource = {
            "resourceType": kind,
            "id": local,
            "meta": {"lastUpdated": self.moment, "profile": [f"{_UK_CORE}{kind}"]},
            "identifier": [
                {"system": "https://bench.demo.invalid/id", "value": f"{rng.getrandbits(96):024x}"}
            ],
        }

    def concept(self) -> Resource:
        code, display = self.rng.choice(_TERMS)
        return {"coding": [{"system": _SNOMED, "code": code, "display": display}], "text": display}

    def status(self, system: str, code: str) -> Resource:
        return {"coding": [{"system": f"{_TERMINOLOGY}{system}", "code": code}]}


def _observation(d: _Draft) -> Resource:
    return {
        **d.own, "status": "final", "category": [d.status("observation-category", "laboratory")],
        "code": d.concept(), "subject": d.subject, "effectiveDateTime": d.moment,
        "valueQuantity": {
            "value": round(d.rng.uniform(1, 200), 1), "unit": "g/L",
            "system": "http://unitsofmeasure.org", "code": "g/L",
        },
        "referenceRange": [{"low": {"value": 110, "unit": "g/L"}, "high": {"value": 165, "unit": "g/L"}}],
        "note": d.note,
    }  # fmt: skip


def _condition(d: _Draft) -> Resource:
    return {
        **d.own, "clinicalStatus": d.status("condition-clinical", "active"),
        "category": [d.status("condition-category", "problem-list-item")], "code": d.concept(),
        "subject": d.subject, "onsetDateTime": d.day, "recordedDate": d.day, "note": d.note,
    }  # fmt: skip


def _medication_request(d: _Draft) -> Resource:
    return {
        **d.own, "status": "active", "intent": "order", "medicationCodeableConcept": d.concept(),
        "subject": d.subject, "authoredOn": d.moment, "note": d.note,
        "dosageInstruction": [{"text": "One to be taken each morning", "patientInstruction": "With food"}],
        "dispenseRequest": {"quantity": {"value": 28, "unit": "tablet"}},
    }  # fmt: skip


def _encounter(d: _Draft) -> Resource:
    return {
        **d.own, "status": "finished", "class": {"system": f"{_TERMINOLOGY}v3-ActCode", "code": "AMB"},
        "type": [d.concept()], "subject": d.subject, "period": {"start": d.moment, "end": d.moment},
        "reasonCode": [d.concept(), {"text": d.note[0]["text"]}],
    }  # fmt: skip


def _immunization(d: _Draft) -> Resource:
    return {
        **d.own, "status": "completed", "vaccineCode": d.concept(), "patient": d.subject,
        "occurrenceDateTime": d.day, "lotNumber": "BX1234", "note": d.note,
    }  # fmt: skip


def _allergy(d: _Draft) -> Resource:
    return {
        **d.own, "clinicalStatus": d.status("allergyintolerance-clinical", "active"), "code": d.concept(),
        "patient": d.subject, "recordedDate": d.day, "reaction": [{"manifestation": [d.concept()]}],
        "note": d.note,
    }  # fmt: skip


def _procedure(d: _Draft) -> Resource:
    return {
        **d.own, "status": "completed", "code": d.concept(), "subject": d.subject,
        "performedDateTime": d.moment, "reasonCode": [d.concept()], "note": d.note,
    }  # fmt: skip


def _service_request(d: _Draft) -> Resource:
    return {
        **d.own, "status": "completed", "intent": "order", "code": d.concept(), "subject": d.subject,
        "authoredOn": d.moment, "reasonCode": [d.concept()], "note": d.note,
    }  # fmt: skip


def _report(d: _Draft) -> Resource:
    return {
        **d.own, "status": "final", "category": [d.status("v2-0074", "LAB")], "code": d.concept(),
        "subject": d.subject, "effectiveDateTime": d.moment, "issued": d.moment,
        "conclusion": d.note[0]["text"],
    }  # fmt: skip


_MIX = (
    ("Observation", 9), ("MedicationRequest", 4), ("Encounter", 4), ("Condition", 3), ("ServiceRequest", 2),
    ("DiagnosticReport", 2), ("Procedure", 1), ("Immunization", 1), ("AllergyIntolerance", 1),
)  # fmt: skip
_MAKERS: dict[str, Callable[[_Draft], Resource]] = {
    "AllergyIntolerance": _allergy,
    "Condition": _condition,
    "DiagnosticReport": _report,
    "Encounter": _encounter,
    "Immunization": _immunization,
    "MedicationRequest": _medication_request,
    "Observation": _observation,
    "Procedure": _procedure,
    "ServiceRequest": _service_request,
}


def adt_messages(count: int, *, senders: int, seed: int) -> list[list[bytes]]:
    """ADT messages for each sender: people are registered, admitted, changed and discharged in turn.

    Each sender has its own people, so that theirs come in order.
    """
    streams = [_adt_stream(sender, senders, seed) for sender in range(senders)]
    each = -(-count // senders)
    return [[next(stream) for _ in range(each)] for stream in streams]


def _adt_stream(sender: int, senders: int, seed: int) -> Iterator[bytes]:
    people = [
        person
        for person in population(DEMO_SEED, 1200)
        if HOSPITAL in person.sources and held(person.visits, HOSPITAL) and not person.dissents
    ][sender::senders]
    number = 0
    at = datetime(2026, 1, 5, 8, 0, tzinfo=LONDON)
    while True:
        for person in people:
            visit = held(person.visits, HOSPITAL)[0]
            for event in ("A28", "A01", "A08", "A03"):
                number += 1
                at += timedelta(minutes=1)
                control = f"B{seed}S{sender}N{number}"
                made = (
                    registration(person, event, at, control, person.address_at(HOSPITAL))
                    if event == "A28"
                    else attendance(person, visit, event, at, control)
                )
                yield made.text.encode()
