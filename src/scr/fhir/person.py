"""The one Patient that stands for a person, composed from what each source says of them.

The sources' own Patients stay in the record, each linked with this one. Nothing is merged away: this
Patient takes each element whole from the first source that has it, in the order that they are given.
https://hl7.org/fhir/R4/patient.html#linking
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from scr.fhir.entry import Entry, Resource, pack, stamp_by_content, unstamped
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.standing import NOT_HEARD, Standing

_TAKEN = (
    "name",
    "telecom",
    "gender",
    "birthDate",
    "deceasedBoolean",
    "deceasedDateTime",
    "address",
    "maritalStatus",
    "communication",
    "generalPractitioner",
    "extension",
)
VERIFICATION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
DEATH = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DeathNotificationStatus"
DEATH_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-DeathNotificationStatus"
PERSON_SOURCE = "scr"
"""The ``source`` of the composed Patient: nobody's system but this one."""
ADDED_SOURCE = "CITIZEN"
"""The ``source`` of what the person, or who acts for them, has added here; no organisation has this code."""
WITHDRAWN_SOURCE = "WITHDRAWN"
"""The ``source`` of what they have withdrawn: no answer is made of it, and its versions are kept."""


def composed_patient(
    subject: str,
    nhs_number: NHSNumber,
    patients: Sequence[Entry],
    *,
    now: int,
    standing: Standing = NOT_HEARD,
) -> Entry:
    """The person's Patient with logical id ``subject``; ``patients`` are the sources', best first.

    What the national register says of the number and of a death (``standing``) leads what sources say.
    """
    parsed = [orjson.loads(entry.body) for entry in patients]
    made: Resource = {
        "resourceType": "Patient",
        "id": subject,
        "meta": {"source": f"urn:{PERSON_SOURCE}"},
        "identifier": [_nhs_identifier(nhs_number, parsed)],
        "active": True,
    }
    for name in _TAKEN:
        if name.startswith("deceased") and any(key.startswith("deceased") for key in made):
            continue
        for patient in parsed:
            if patient.get(name):
                made[name] = patient[name]
                break
    if patients:
        made["link"] = [{"other": {"reference": entry.reference}, "type": "seealso"} for entry in patients]
    _put_standing(made, standing)
    updated = max((entry.last_updated for entry in patients), default=now)
    return stamp_by_content(pack(made, source=PERSON_SOURCE, now=updated))


def _put_standing(made: Resource, standing: Standing) -> None:
    if standing.verification:
        number = made["identifier"][0]
        others = [one for one in number.get("extension", ()) if one.get("url") != VERIFICATION]
        number["extension"] = [*others, _coded(VERIFICATION, VERIFICATION_SYSTEM, standing.verification)]
    made["identifier"] += [
        {"use": "old", "system": NHS_NUMBER_SYSTEM, "value": former} for former in standing.former
    ]
    if standing.deceased:
        made.pop("deceasedBoolean", None)
        made.pop("deceasedDateTime", None)
        told = (
            {"deceasedDateTime": standing.deceased_on} if standing.deceased_on else {"deceasedBoolean": True}
        )
        made.update(told)
        others = [one for one in made.get("extension", ()) if one.get("url") != DEATH]
        status = _coded(
            "deathNotificationStatus", DEATH_SYSTEM, "2" if standing.deceased == "formal" else "1"
        )
        made["extension"] = [*others, {"url": DEATH, "extension": [status]}]


def _coded(url: str, system: str, code: str) -> Resource:
    return {"url": url, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


@dataclass(frozen=True, slots=True)
class Former:
    """Another number of the same human being: its Patient's logical id, and the ``use`` of the identifier."""

    patient_id: str
    nhs_number: NHSNumber
    use: Literal["old", "secondary"]


def replacing(patient: Entry, former: Sequence[Former]) -> Entry:
    """The composed Patient of somebody who had other numbers and Patients before."""
    links = [{"other": {"reference": f"Patient/{one.patient_id}"}, "type": "replaces"} for one in former]
    numbers = [{"use": one.use, "system": NHS_NUMBER_SYSTEM, "value": one.nhs_number.value} for one in former]
    return _with_links(patient, patient.id, links, numbers=numbers)


def replaced(patient: Entry, former: str) -> Entry:
    """The Patient ``former`` that gave way to the composed one: inactive, and it says to which.

    https://hl7.org/fhir/R4/valueset-link-type.html
    """
    link = {"other": {"reference": patient.reference}, "type": "replaced-by"}
    return _with_links(patient, former, [link], active=False)


def _with_links(
    patient: Entry,
    logical: str,
    links: Sequence[Resource],
    *,
    active: bool = True,
    numbers: Sequence[Resource] = (),
) -> Entry:
    made: Resource = orjson.loads(unstamped(patient).body)
    seealso = [link for link in made.get("link", ()) if link["type"] == "seealso"]
    made |= {"id": logical, "active": active, "link": [*links, *seealso]}
    known = {one.get("value") for one in made["identifier"]}
    made["identifier"] = [*made["identifier"], *(one for one in numbers if one["value"] not in known)]
    return stamp_by_content(pack(made, source=PERSON_SOURCE, now=patient.last_updated))


def _nhs_identifier(nhs_number: NHSNumber, patients: Sequence[Resource]) -> Resource:
    """The identifier with its verification status, where a source gave one for this very number."""
    for patient in patients:
        for identifier in patient.get("identifier", ()):
            if identifier.get("system") == NHS_NUMBER_SYSTEM and identifier.get("value") == nhs_number.value:
                return dict(identifier)
    return {"system": NHS_NUMBER_SYSTEM, "value": nhs_number.value}
