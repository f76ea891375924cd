"""``Patient/$match``: whom somebody asks for, and the answer. https://hl7.org/fhir/R4/patient-operation-match.html"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from scr.errors import Invalid, Unprocessable
from scr.fhir.dates import instant_text
from scr.fhir.demographics import Demographics, demographics_of
from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.parameters import Asked
from scr.fhir.validate import validate

_KNOWN = frozenset({"resource", "onlyCertainMatches", "count", "_format", "_pretty"})
_MOST = 5
_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
_BIRTH_DATE = 10


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """Whom somebody asks for: demographics, the NHS Number where they know it; how many at most."""

    told: Demographics = field(repr=False)
    number: NHSNumber | None = field(repr=False)
    only_certain: bool
    most: int


def read_match(asked: Asked) -> MatchRequest:
    """Read the request. Raises Invalid where it cannot be read, Unprocessable where it tells too little.

    Nobody is looked for by a name alone: a whole birth date is needed, with the NHS Number or with family
    and given name.
    """
    asked.only("match", _KNOWN)
    patient = asked.resources.get("resource") or asked.whole
    if patient is None or patient.get("resourceType") != "Patient":
        raise Invalid("a Patient has to stand in resource", code="parameter-needed", where="resource")
    if problems := validate(patient):
        raise Unprocessable(problems[0].sentence, code="bad-patient", where=problems[0].path)
    told, number = demographics_of(patient), _number(patient)
    named = bool(told.family and any(name.strip() for name in told.given))
    if len(told.birth_date or "") != _BIRTH_DATE or (number is None and not named):
        raise Unprocessable(
            "tell the birth date, and the NHS Number or family and given name", code="too-little-told"
        )
    most = asked.number("count", _MOST, _MOST)
    return MatchRequest(told, number, asked.truth("onlyCertainMatches"), most)


def _number(patient: Resource) -> NHSNumber | None:
    told = [one for one in patient.get("identifier", ()) if one.get("system") == NHS_NUMBER_SYSTEM]
    if not told:
        return None
    try:
        [number] = {NHSNumber.parse(str(one.get("value", ""))) for one in told}
    except ValueError:
        raise Unprocessable(
            "one valid NHS Number may stand there", code="bad-nhs-number", where="Patient.identifier"
        ) from None
    return number


def matches(found: Iterable[tuple[Entry, str, float]], *, bundle_id: str, base_url: str, now: int) -> bytes:
    """The Bundle: each Patient with its grade and score, the surest first."""
    entries = [
        {
            "fullUrl": f"{base_url}/{patient.reference}",
            "resource": orjson.Fragment(patient.body),
            "search": {
                "extension": [{"url": _GRADE, "valueCode": grade}],
                "mode": "match",
                "score": score,
            },
        }
        for patient, grade, score in found
    ]
    bundle: Resource = {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": instant_text(now)},
        "type": "searchset",
        "total": len(entries),
    }
    if entries:
        bundle["entry"] = entries
    return orjson.dumps(bundle)
