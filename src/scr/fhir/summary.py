"""An entry in one line, for people: when, what, how much, in which state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scr.fhir.dates import day_text
from scr.fhir.entry import Entry, Resource

_SAYS_NOTHING = frozenset({"unknown", "unk"})
_CONCEPTS = (
    "code",
    "medicationCodeableConcept",
    "vaccineCode",
    "type",
    "serviceType",
    "category",
    "relationship",
    "specialty",
)


@dataclass(frozen=True, slots=True)
class Line:
    """``date`` is ``YYYY-MM-DD`` or empty; ``text`` the clinical term; ``detail`` value, dose or reason."""

    date: str
    text: str
    detail: str
    status: str


def lines_of(entries: Iterable[Entry]) -> dict[str, Line]:
    """The one line of each entry, by its id; a medicine that is referred to is named."""
    parsed: list[tuple[Entry, Resource]] = [(entry, orjson.loads(entry.body)) for entry in entries]
    medicines = {e.reference: _concept(r.get("code")) for e, r in parsed if e.type == "Medication"}
    return {entry.id: _line(entry, resource, medicines) for entry, resource in parsed}


def _line(entry: Entry, resource: Resource, medicines: Mapping[str, str]) -> Line:
    date = day_text(entry.when[0]) if entry.when and entry.when[0] > _ANCIENT else ""
    reference = (resource.get("medicationReference") or {}).get("reference", "")
    text = medicines.get(reference) or _text(resource)
    return Line(date, text, _detail(resource), entry.status or "")


_ANCIENT = -5_364_662_400_000  # 1800-01-01: an open start is not a date to print


def _text(resource: Resource) -> str:
    if resource["resourceType"] in {"Patient", "RelatedPerson", "Practitioner"}:
        return _name(resource)
    for name in ("title", "name", "description"):
        if isinstance(resource.get(name), str):
            return str(resource[name])
    for name in _CONCEPTS:
        text = _concept(resource.get(name))
        if text and text.casefold() not in _SAYS_NOTHING:
            return text
    for extension in resource.get("extension", ()):
        if "VaccinationProcedure" in str(extension.get("url")):  # how GP systems name a vaccine
            return _concept(extension.get("valueCodeableConcept"))
    return str(resource["resourceType"])


def _detail(resource: Resource) -> str:
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict):
        return (
            f"{quantity.get('comparator', '')}{quantity.get('value', '')} {quantity.get('unit', '')}".strip()
        )
    for name in ("valueString", "patientInstruction", "detail"):
        if isinstance(resource.get(name), str):
            return str(resource[name])
    concept = _concept(resource.get("valueCodeableConcept"))
    if concept:
        return concept
    for name in ("dosageInstruction", "dosage"):
        for dosage in resource.get(name, ()):
            if isinstance(dosage, dict) and dosage.get("text"):
                return str(dosage["text"])
    return _address(resource)


def _address(resource: Resource) -> str:
    for address in resource.get("address", ()):
        if isinstance(address, dict):
            parts = [*address.get("line", ()), address.get("city"), address.get("postalCode")]
            return ", ".join(part for part in parts if part)
    return ""


def _name(resource: Resource) -> str:
    for name in resource.get("name", ()):
        if isinstance(name, dict):
            given = " ".join(name.get("given", ()))
            return name.get("text") or f"{name.get('family', '')}, {given}".strip(", ")
    return str(resource["resourceType"])


def _concept(value: Any) -> str:
    """The text of a CodeableConcept, or of the first of several."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ""
    displays = [coding.get("display") for coding in value.get("coding", ()) if isinstance(coding, dict)]
    codes = [coding.get("code") for coding in value.get("coding", ()) if isinstance(coding, dict)]
    return str(value.get("text") or next((text for text in (*displays, *codes) if text), ""))
