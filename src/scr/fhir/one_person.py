"""Whether resources are about one person and nobody else, before they are mapped and after.

Mapping stamps the person who was asked for on every resource, so a resource about somebody else has
to be found while it still says so. In doubt it is somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.fhir.subjects import SUBJECT_FIELDS

_SUBJECT_FIELDS = ("subject", "patient", "beneficiary", "for")
"""The elements that name a resource's own patient, in the types of ``subjects.SUBJECT_FIELDS``."""


def patient_ids(resources: Iterable[Resource]) -> frozenset[str]:
    """The logical ids of the Patients among the resources."""
    return frozenset(str(r.get("id", "")) for r in resources if r.get("resourceType") == "Patient")


def all_about(resources: Sequence[Resource], patient: str, nhs_number: NHSNumber) -> bool:
    """Whether no resource is about, or refers to, a Patient other than the one with id ``patient``.

    A Patient's own links (to the records that it replaced) are not looked at. A subject may be left
    out, and may be named by NHS Number alone; a contained Patient counts as another one.
    """
    person = _Person(patient, nhs_number)
    return all(
        _about(resource, person) for resource in resources if resource.get("resourceType") != "Patient"
    )


def only_about(entries: Sequence[Entry], subject: str) -> bool:
    """Whether mapped entries are tied to the Patient with id ``subject``, and to no other.

    Each of a type that has a patient refers to that one; beside it only the source's own Patients,
    which are among the entries, may be referred to. A Patient's own links are not looked at.
    """
    own = f"Patient/{subject}"
    allowed = {own, *(entry.reference for entry in entries if entry.type == "Patient")}
    return all(
        (own in entry.references or entry.type not in SUBJECT_FIELDS)
        and all(r in allowed for r in entry.references if _patient_in(r))
        for entry in entries
        if entry.type != "Patient"
    )


@dataclass(frozen=True, slots=True)
class _Person:
    """Whom everything must be about."""

    id: str
    nhs_number: NHSNumber

    def named_by(self, target: str) -> bool | None:
        """Whether a literal reference names this Patient; None where it names no Patient at all."""
        found = _patient_in(target)
        return found == self.id if found else None


def _about(resource: Resource, person: _Person) -> bool:
    for name in _SUBJECT_FIELDS:
        subject = resource.get(name)
        for one in subject if isinstance(subject, list) else [subject]:
            if one is not None and not _is_subject(one, person):
                return False
    return all(_harmless(node, person) for node in _nodes(resource))


def _is_subject(reference: object, person: _Person) -> bool:
    """Whether a subject is the patient: by reference, or by number where there is no reference."""
    if not isinstance(reference, dict):
        return False
    target = reference.get("reference")
    if isinstance(target, str):
        return person.named_by(target) is True
    identifier = reference.get("identifier")
    if identifier is None:
        return set(reference) <= {"display", "type"}
    return isinstance(identifier, dict) and _number_fits(identifier, person.nhs_number)


def _harmless(node: dict[str, Any], person: _Person) -> bool:
    """Whether a node is no reference to, and no copy of, another Patient."""
    if node.get("resourceType") == "Patient":
        return False
    target = node.get("reference")
    if isinstance(target, str) and person.named_by(target) is False:
        return False
    return node.get("system") != NHS_NUMBER_SYSTEM or _number_fits(node, person.nhs_number)


def _number_fits(identifier: dict[str, Any], nhs_number: NHSNumber) -> bool:
    if identifier.get("system") != NHS_NUMBER_SYSTEM:
        return True
    value = identifier.get("value")
    return isinstance(value, str) and value.replace(" ", "") == nhs_number.value


def _patient_in(target: str) -> str:
    """The id in ``Patient/x``, ``https://host/Patient/x`` or ``Patient/x/_history/1``; empty if none."""
    parts = target.split("/")
    for at, part in enumerate(parts[:-1]):
        if part == "Patient":
            return parts[at + 1]
    return ""


def _nodes(resource: Resource) -> Iterator[dict[str, Any]]:
    stack: list[object] = list(resource.values())
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            yield at
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
