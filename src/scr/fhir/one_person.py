"""Whether resources are about one person and nobody else, before they are mapped and after.

Mapping stamps the person who was asked for on every resource, so a resource about somebody else has
to be found while it still says so. In doubt it is somebody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson

from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.subjects import SUBJECT_FIELDS

_NUMBER_MARK = NHS_NUMBER_SYSTEM.encode()
_SUBJECT_FIELDS = ("subject", "patient", "beneficiary", "for")
"""The elements that name a resource's own patient, in the types of ``subjects.SUBJECT_FIELDS``."""


def patient_ids(resources: Iterable[Resource]) -> frozenset[str]:
    """The logical ids of the Patients among the resources."""
    return frozenset(str(r.get("id", "")) for r in resources if r.get("resourceType") == "Patient")


def all_about(resources: Iterable[Resource], patient: str, numbers: Collection[NHSNumber]) -> bool:
    """Whether the subject of every resource is the Patient with id ``patient``, before it is mapped.

    A subject may be left out, and may be named by NHS Number alone, which is one of the person's
    ``numbers``; a contained Patient counts as another one, and so does whatever is no Patient.
    """
    return all(_is_about(resource, patient, numbers) for resource in resources)


def only_about(entries: Sequence[Entry], subject: str, numbers: Collection[NHSNumber]) -> bool:
    """Whether mapped entries are tied to the Patient with id ``subject``, and to no other.

    Each of a type that has a patient refers to that one; beside it only the source's own Patients,
    which are among the entries, may be referred to, anywhere in a resource. No other NHS Number may
    stand in one, but a relative's own in their RelatedPerson. A Patient's own links (to the records that
    it replaced) are not looked at.
    """
    own = f"Patient/{subject}"
    allowed = {own, *(entry.reference for entry in entries if entry.type == "Patient")}
    for entry in entries:
        if entry.type != "Patient":
            if entry.type in SUBJECT_FIELDS and own not in entry.references:
                return False
            if any(patient_in(reference) and reference not in allowed for reference in entry.references):
                return False
        if _NUMBER_MARK in entry.body and not _numbers_fit(_without_relative(entry), numbers):
            return False
    return True


def patient_in(reference: str) -> str:
    """The id in ``Patient/x``, ``https://host/Patient/x`` or ``Patient/x/_history/1``; empty if none."""
    if "Patient/" not in reference:
        return ""
    parts = reference.split("/")
    for at, part in enumerate(parts[:-1]):
        if part == "Patient":
            return parts[at + 1]
    return ""


def _is_about(resource: Resource, patient: str, numbers: Collection[NHSNumber]) -> bool:
    if resource.get("resourceType") == "Patient":
        return True
    for name in _SUBJECT_FIELDS:
        subject = resource.get(name)
        for one in subject if isinstance(subject, list) else [subject]:
            if one is not None and not _is_subject(one, patient, numbers):
                return False
    contained = resource.get("contained")
    return not isinstance(contained, list) or all(
        isinstance(inner, dict)
        and inner.get("resourceType") != "Patient"
        and _is_about(inner, patient, numbers)
        for inner in contained
    )


def _is_subject(reference: object, patient: str, numbers: Collection[NHSNumber]) -> bool:
    """Whether a subject is the patient: by reference, or by number where there is no reference."""
    if not isinstance(reference, dict):
        return False
    target = reference.get("reference")
    if isinstance(target, str):
        return patient_in(target) == patient
    identifier = reference.get("identifier")
    if identifier is None:
        return set(reference) <= {"display", "type"}
    return isinstance(identifier, dict) and _fits(identifier, numbers)


def _without_relative(entry: Entry) -> object:
    """A resource without the identifiers of the relative whom it is there to name."""
    resource = orjson.loads(entry.body)
    if entry.type == "RelatedPerson":
        resource.pop("identifier", None)
    return resource


def _numbers_fit(node: object, numbers: Collection[NHSNumber]) -> bool:
    """Whether every NHS Number below a node is the person's."""
    stack = [node]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            if not _fits(at, numbers):
                return False
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
    return True


def _fits(identifier: dict[str, Any], numbers: Collection[NHSNumber]) -> bool:
    """Whether an Identifier is none of an NHS Number, or the person's."""
    value = identifier.get("value")
    return identifier.get("system") != NHS_NUMBER_SYSTEM or (
        isinstance(value, str) and any(value.replace(" ", "") == number.value for number in numbers)
    )
