"""Pointers of a record locator: DocumentReferences that say who holds something about a person.

https://digital.nhs.uk/developer/api-catalogue/national-record-locator-fhir. A pointer names its person and
its custodian by identifiers, and holds nothing of the record itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.fhir.pages import Part, collection

POINTER = "DocumentReference"
_PERSON = "asked-for"


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who keeps what a pointer points at; the name is empty where the pointer has none."""

    ods: OdsCode
    name: str


def payload_of_pointers(parts: Iterable[Part], number: NHSNumber) -> bytes:
    """One Bundle of the pointers about a person, with a Patient to refer to, who has their number alone.

    Raises ValueError where one is about anybody else, or does not say whom it is about.
    """
    identifier = {"system": NHS_NUMBER_SYSTEM, "value": number.value}
    patient = orjson.dumps({"resourceType": "Patient", "id": _PERSON, "identifier": [identifier]})
    kept = [Part("Patient", _PERSON, "", "", patient)]
    for part in parts:
        if part.type != POINTER:
            kept.append(part)
            continue
        pointer: Any = orjson.loads(part.body)
        if _identified(pointer.get("subject")) != (NHS_NUMBER_SYSTEM, number.value):
            raise ValueError("a pointer is about somebody else")
        pointer["subject"] = {"reference": f"Patient/{_PERSON}"}
        kept.append(Part(part.type, part.id, part.mode, part.full_url, orjson.dumps(pointer)))
    return collection(kept)


def custodian(entry: Entry) -> Custodian | None:
    """The custodian of what a pointer points at; None for one that is not in force, or names none by code."""
    if entry.type != POINTER or entry.status not in (None, "current"):
        return None
    kept = orjson.loads(entry.body).get("custodian")
    _, code = _identified(kept)
    try:
        ods = OdsCode.parse(code)
    except ValueError:
        return None
    name = kept.get("display")
    return Custodian(ods, name if isinstance(name, str) else "")


def _identified(reference: Any) -> tuple[str, str]:
    """System and value of the identifier that a reference has; empty where it has none."""
    identifier = reference.get("identifier") if isinstance(reference, dict) else None
    if not isinstance(identifier, dict):
        return "", ""
    return str(identifier.get("system", "")), str(identifier.get("value", ""))
