"""What may be told of a person whose whereabouts are restricted, to whoever must not learn them.

The national register marks such a person ``R``: somebody may be looking for them. An address is not
all that would tell where they are: so would their practice, the ward, a carer, a letter, the system that
an identifier is of, a note. So this is a list of what may go, and all else stays: the clinical core,
coded, without any reference but to the person and to medicines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from scr.fhir.entry import Entry, Resource, pack, stamp_as, unstamped
from scr.fhir.headings import ADDED
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.fhir.person import PERSON_SOURCE

_CODED = frozenset({"clinicalStatus", "verificationStatus", "status", "category", "code", "severity"})
_CORE: dict[str, frozenset[str]] = {
    "AllergyIntolerance": _CODED
    | {"type", "criticality", "patient", "onset", "recordedDate", "lastOccurrence", "reaction"},
    "Condition": _CODED | {"bodySite", "subject", "onset", "abatement", "recordedDate"},
    "DiagnosticReport": _CODED | {"subject", "effective", "issued", "conclusionCode"},
    "Flag": _CODED | {"subject", "period"},
    "Immunization": _CODED
    | {"statusReason", "vaccineCode", "patient", "occurrence", "recorded", "primarySource", "site", "route"}
    | {"doseQuantity", "reasonCode", "protocolApplied"},
    "Medication": _CODED | {"form", "ingredient"},
    "MedicationRequest": _CODED
    | {"statusReason", "intent", "priority", "medication", "subject", "authoredOn", "reasonCode"}
    | {"courseOfTherapyType", "dosageInstruction", "substitution", "doNotPerform"},
    "MedicationStatement": _CODED
    | {"statusReason", "medication", "subject", "effective", "dateAsserted", "reasonCode", "dosage"},
    "Observation": _CODED
    | {"subject", "effective", "issued", "value", "dataAbsentReason", "interpretation", "bodySite", "method"}
    | {"referenceRange", "component"},
    "Patient": frozenset({"identifier", "active", "name", "gender", "birthDate", "deceased"}),
    "Procedure": _CODED | {"statusReason", "subject", "performed", "reasonCode", "bodySite", "outcome"},
}
"""Elements by type; a choice such as ``onset`` stands for ``onsetDateTime`` and all its kind."""

_CHOICES = ("onset", "abatement", "effective", "occurrence", "performed", "medication", "value", "deceased")
_FREE_TEXT = frozenset(
    {"valueString", "onsetString", "abatementString", "performedString", "occurrenceString"}
)
_NOT_TOLD = "not told"
_NOT_HERE = frozenset({"social-context", "safeguarding", ADDED})
"""Headings whose entries say how and with whom somebody lives, or what they say of themselves."""
_NEVER = frozenset({"extension", "reference", "identifier", "display", "note", "description", "authority"})
"""Nowhere below an element that may go; ``display`` of a coding may."""

SHOWN_HEADINGS = frozenset(
    {"demographics", "risks", "allergies", "medications", "problems", "procedures", "immunisations"}
    | {"results", "findings", "pregnancy"}
)
"""The headings under which anything can be told; of every other one it is told that it is withheld."""


def core(entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they may go, those that may; done again, it changes nothing."""
    shown = (_core(entry) for entry in entries)
    return [entry for entry in shown if entry is not None]


def may_go(entry: Entry) -> bool:
    """Whether anything of an entry may go, by its head."""
    return entry.type in _CORE and entry.heading not in _NOT_HERE


def _core(entry: Entry) -> Entry | None:
    if not may_go(entry):
        return None
    allowed = _CORE[entry.type]
    if entry.type == "Patient" and entry.source != PERSON_SOURCE:
        return None
    resource: Resource = orjson.loads(unstamped(entry).body)
    if "modifierExtension" in resource:  # what is left might mean the opposite
        return None
    made: Resource = {
        "resourceType": entry.type,
        "id": entry.id,
        "meta": {name: value for name, value in resource["meta"].items() if name == "security"},
    }
    for name, value in resource.items():
        if name not in _FREE_TEXT and (name in allowed or _choice(name) in allowed):
            made[name] = _told(name, value)
    if entry.type == "Patient":
        made["identifier"] = [
            {"system": one["system"], "value": one["value"]}
            for one in resource.get("identifier", ())
            if one.get("system") == NHS_NUMBER_SYSTEM
        ]
    if "occurrenceString" in resource:  # an Immunization needs an occurrence
        made["occurrenceString"] = _NOT_TOLD
    packed = pack(made, source=entry.source, now=entry.last_updated)
    return stamp_as(packed, entry)


def _choice(name: str) -> str:
    return next((choice for choice in _CHOICES if name.startswith(choice)), "")


def _told(name: str, value: Any) -> Any:
    """An element without what could tell more than it is for."""
    if name in {"subject", "patient", "medicationReference"}:
        return {"reference": value["reference"]} if "reference" in value else {}
    if isinstance(value, list):
        return [_told(name, one) for one in value]
    if not isinstance(value, dict):
        return value
    coding = "system" in value or "code" in value
    kept = {
        key: _told(key, inner)
        for key, inner in value.items()
        if key not in _FREE_TEXT
        and not key.startswith("_")  # extensions of a primitive
        and (key not in _NEVER or (coding and key == "display"))
    }
    if value.get("coding"):  # a source's own words beside a code are not needed to read it
        kept.pop("text", None)
    return kept
