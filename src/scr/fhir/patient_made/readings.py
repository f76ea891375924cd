"""Readings taken at home, as vital signs. https://hl7.org/fhir/R4/observation-vitalsigns.html

They have the codes and units of any vital sign, and say of themselves that they were taken at home.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from scr.fhir.entry import Resource
from scr.fhir.patient_made.adding import KIND_SYSTEM, Added, own_code

_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_VITAL = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "vital-signs",
    "display": "Vital Signs",
}
READING = "home-reading"


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a reading. ``loinc`` is a code and its display; None for the reading's own value, or
    for a part that has none."""

    name: str
    label: str
    value: Decimal
    unit: str
    ucum: str
    loinc: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked beside it, and what was answered: codes and words."""

    name: str
    label: str
    code: str
    text: str


def reading(
    added: Added,
    kind: str,
    name: str,
    loinc: tuple[str, str],
    at: str,
    numbers: Sequence[Number],
    answers: Sequence[Answer] = (),
    *,
    text: str = "",
    corrected: bool = False,
) -> Resource:
    """An Observation of a reading taken ``at`` (FHIR dateTime). ``numbers`` has its own value first, where
    it has one."""
    value = numbers[0] if numbers and numbers[0].loinc is None else None
    made = added.resource(
        "Observation",
        READING,
        status="amended" if corrected else "final",
        category=[{"coding": [_VITAL]}],
        code={
            "coding": [
                {"system": _LOINC, "code": loinc[0], "display": loinc[1]},
                {"system": KIND_SYSTEM, "code": kind, "display": name},
            ],
            "text": name,
        },
        subject=added.person,
        effectiveDateTime=at,
        issued=added.recorded,
        performer=[added.author],
        method={"text": "Taken at home, by the person or their carer"},
    )
    if value is not None:
        made["valueQuantity"] = _quantity(value)
    parts: list[Resource] = [
        {"code": _part(one), "valueQuantity": _quantity(one)} for one in numbers if one is not value
    ]
    parts += [
        {"code": own_code(one.name, one.label), "valueCodeableConcept": own_code(one.code, one.text)}
        for one in answers
    ]
    if parts:
        made["component"] = parts
    if text:
        made["note"] = [{"text": text}]
    return made


def reading_of(resource: Resource) -> tuple[str, dict[str, str]]:
    """The kind of a reading, and what was typed of it; its own value under an empty name."""
    kind = next(one["code"] for one in resource["code"]["coding"] if one["system"] == KIND_SYSTEM)
    found = {"at": resource["effectiveDateTime"]}
    if "valueQuantity" in resource:
        found[""] = str(resource["valueQuantity"]["value"])
    for one in resource.get("component", ()):
        name = next(c["code"] for c in one["code"]["coding"] if c["system"] == KIND_SYSTEM)
        if "valueQuantity" in one:
            found[name] = str(one["valueQuantity"]["value"])
        else:
            found[name] = one["valueCodeableConcept"]["coding"][0]["code"]
    for one in resource.get("note", ()):
        found["note"] = one["text"]
    return kind, found


def _part(number: Number) -> Resource:
    own = own_code(number.name, number.label)
    if number.loinc is None:
        return own
    code, display = number.loinc
    return {**own, "coding": [{"system": _LOINC, "code": code, "display": display}, *own["coding"]]}


def _quantity(number: Number) -> Resource:
    whole = number.value == number.value.to_integral_value() and number.value.as_tuple().exponent == 0
    value = int(number.value) if whole else float(number.value)
    return {"value": value, "unit": number.unit, "system": _UCUM, "code": number.ucum}
