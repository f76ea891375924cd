"""An entry in one line, for people."""

from __future__ import annotations

import pytest

from scr.fhir.entry import Resource, pack
from scr.fhir.summary import Line, lines_of


def line(resource: Resource, *others: Resource) -> Line:
    """The line of a resource among others."""
    entries = [pack({"id": f"r{i}", **one}, source="RXX", now=0) for i, one in enumerate((resource, *others))]
    return lines_of(entries)["r0"]


@pytest.mark.parametrize(
    ("resource", "text", "detail"),
    [
        (
            {"resourceType": "Condition", "code": {"text": "Asthma", "coding": [{"display": "x"}]}},
            "Asthma",
            "",
        ),
        (
            {"resourceType": "Condition", "code": {"coding": [{"code": "1"}, {"display": "Asthma"}]}},
            "Asthma",
            "",
        ),
        ({"resourceType": "Condition", "code": {"coding": [{"code": "195967001"}]}}, "195967001", ""),
        ({"resourceType": "Condition"}, "Condition", ""),
        ({"resourceType": "AllergyIntolerance", "category": ["food"], "code": {"text": "Nuts"}}, "Nuts", ""),
        (
            {
                "resourceType": "Observation",
                "code": {"text": "Weight"},
                "valueQuantity": {"value": 71, "unit": "kg"},
            },
            "Weight",
            "71 kg",
        ),
        (
            {
                "resourceType": "Observation",
                "code": {"text": "CRP"},
                "valueQuantity": {"comparator": "<", "value": 5, "unit": "mg/L"},
            },
            "CRP",
            "<5 mg/L",
        ),
        (
            {"resourceType": "Observation", "code": {"text": "Lives"}, "valueString": "Alone"},
            "Lives",
            "Alone",
        ),
        (
            {
                "resourceType": "Observation",
                "code": {"text": "Smoker"},
                "valueCodeableConcept": {"text": "Never"},
            },
            "Smoker",
            "Never",
        ),
        (
            {
                "resourceType": "MedicationRequest",
                "medicationCodeableConcept": {"text": "Ramipril 5mg"},
                "dosageInstruction": [{"text": "One daily"}],
            },
            "Ramipril 5mg",
            "One daily",
        ),
        ({"resourceType": "Immunization", "vaccineCode": {"text": "MMR"}}, "MMR", ""),
        ({"resourceType": "CarePlan", "title": "Care at home"}, "Care at home", ""),
        (
            {
                "resourceType": "Patient",
                "name": [{"family": "Sample", "given": ["Ada", "Mary"]}],
                "address": [{"line": ["1 Row"], "city": "Town", "postalCode": "ZZ99 1AA"}],
            },
            "Sample, Ada Mary",
            "1 Row, Town, ZZ99 1AA",
        ),
        ({"resourceType": "Patient"}, "Patient", ""),
        ({"resourceType": "EpisodeOfCare", "type": [{"text": "Home support"}]}, "Home support", ""),
    ],
)
def test_a_line_says_what_it_is_and_how_much(resource: Resource, text: str, detail: str) -> None:
    """The clinical term, and the value, dose or address."""
    found = line(resource)
    assert (found.text, found.detail) == (text, detail)


def test_a_code_that_says_nothing_gives_way() -> None:
    """A concept of which only "unknown" is known is passed over for the next."""
    found = line(
        {"resourceType": "Procedure", "code": {"text": "Unknown"}, "category": {"text": "Physiotherapy"}}
    )
    assert found.text == "Physiotherapy"


def test_a_medicine_that_is_referred_to_is_named() -> None:
    """A request that names its medicine by reference reads like one that holds it."""
    medicine: Resource = {"resourceType": "Medication", "code": {"text": "Ramipril 5mg"}}
    request: Resource = {
        "resourceType": "MedicationRequest",
        "medicationReference": {"reference": "Medication/r1"},
    }
    assert line(request, medicine).text == "Ramipril 5mg"
    assert line(request).text == "MedicationRequest"


@pytest.mark.parametrize(
    ("when", "date"),
    [
        ({"onsetDateTime": "2020-05-06"}, "2020-05-06"),
        ({"onsetDateTime": "2020-01-06"}, "2020-01-06"),
        ({"onsetDateTime": "2020-05-06T23:30:00Z"}, "2020-05-07"),
        ({"onsetDateTime": "2020"}, "2020-01-01"),
        ({"onsetPeriod": {"end": "2020-01-06"}}, ""),
        ({}, ""),
    ],
)
def test_the_date_is_a_day(when: Resource, date: str) -> None:
    """The day that was written, in summer too; where a period has no start, no date is printed."""
    assert line({"resourceType": "Condition", **when}).date == date
