"""What is written here by whoever may: alerts, tasks, messages, observations and letters of one person.

Its author and its source are those who sent it, whatever it says of them; its person is the one whose
record it goes onto, and nobody else stands in it. What it says must be all there is to it: no narrative,
nothing contained, nothing that turns its meaning round, and no address outside this record.
https://hl7.org/fhir/R4/http.html#create
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scr.errors import Unprocessable
from scr.fhir.canonical import CONTRIBUTION_SYSTEM
from scr.fhir.entry import Resource
from scr.fhir.identifiers import ODS_SYSTEM
from scr.fhir.one_person import patient_in
from scr.fhir.subjects import SUBJECT_FIELDS, subjects_of
from scr.fhir.validate import validate

_AUTHORS = {
    "Communication": ("sender", False),
    "DocumentReference": ("author", True),
    "Flag": ("author", False),
    "Observation": ("performer", True),
    "Task": ("requester", False),
}
"""By type the element that names the author, and whether it is a list."""
WRITTEN_TYPES = frozenset(_AUTHORS)
"""The types that can be written at all; who may is for the policy."""

MARK = "c-"
"""How the id of what was contributed here begins: no adapter gives such an id (they have no hyphen)."""
ENTERED_IN_ERROR = "entered-in-error"
_REFUSED = ("contained", "modifierExtension", "implicitRules", "text")
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: a name and a role for people, and the organisation that they write for."""

    name: str
    role: str
    organisation: str
    organisation_name: str

    def reference(self) -> Resource:
        """Who it is, by the organisation's code and in words; nobody's id of a sign-in."""
        parts = (self.name, self.role, self.organisation_name)
        return {
            "type": "Organization",
            "identifier": {"system": ODS_SYSTEM, "value": self.organisation},
            "display": ", ".join(part for part in parts if part),
        }


def is_contribution(logical: str) -> bool:
    """Whether an id is of something that was contributed here."""
    return logical.startswith(MARK)


def patient_of(kind: str, resource: Resource) -> str:
    """The logical id of the Patient that a contribution is about.

    Raises Unprocessable where it is about none, or about one that stands elsewhere.
    """
    found = [one.get("reference") for one in subjects_of(resource)]
    where = f"{kind}.{SUBJECT_FIELDS[kind]}"
    if len(found) != 1 or not isinstance(found[0], str) or not found[0].startswith("Patient/"):
        raise Unprocessable("give one Patient of here, as Patient/[id]", code="subject-needed", where=where)
    return patient_in(found[0])


def check_shape(kind: str, resource: Resource) -> None:
    """Raises Unprocessable for what is never taken, by place, and Invalid R4; no value is repeated."""
    if resource.get("resourceType") != kind:
        raise Unprocessable(f"must be {kind}, as the address says", code="other-type", where="resourceType")
    for place in _refused(resource, kind):
        raise Unprocessable("is not taken in a contribution", code="not-taken", where=place)
    problems = validate({**resource, "id": resource.get("id", "new")})
    if problems:
        told = "; ".join(f"{one.path}: {one.sentence}" for one in problems[:_MOST_PROBLEMS])
        raise Unprocessable(f"is not valid R4: {told}", code="not-valid")


def authored(kind: str, resource: Resource, logical: str, author: Author) -> Resource:
    """The contribution as it is kept: with its id, its author, and nothing of ``meta`` but its labels.

    A label only ever closes. What a client claims of source, tags and profiles is not kept.
    """
    meta: Resource = {
        "source": f"urn:ods:{author.organisation}#contributed",
        "tag": [{"system": CONTRIBUTION_SYSTEM, "code": "contributed", "display": "Contributed here"}],
    }
    labels = (resource.get("meta") or {}).get("security")
    if labels:
        meta["security"] = labels
    element, several = _AUTHORS[kind]
    named = author.reference()
    return {**resource, "id": logical, "meta": meta, element: [named] if several else named}


def references_beside(references: Sequence[str], patients: frozenset[str]) -> frozenset[str]:
    """What a contribution refers to beside its person. Raises Unprocessable for what stands elsewhere."""
    found = set()
    for reference in references:
        parts = reference.split("/")
        if len(parts) != 2 or not all(parts) or ":" in reference:
            raise Unprocessable("refer to what is in this record, as Type/[id]", code="reference-elsewhere")
        if parts[0] == "Patient" and parts[1] in patients:
            continue
        found.add(reference)
    return frozenset(found)


def _refused(node: object, path: str) -> Iterator[str]:
    """The places of what is never taken, anywhere below a node."""
    stack: list[tuple[object, str]] = [(node, path)]
    while stack:
        at, where = stack.pop()
        if isinstance(at, dict):
            for name in _REFUSED:
                if name in at and (where == path or name == "modifierExtension"):
                    yield f"{where}.{name}"
            if where.endswith("ttachment") and "url" in at:
                yield f"{where}.url"
            stack.extend((value, f"{where}.{name}") for name, value in at.items())
        elif isinstance(at, list):
            stack.extend((value, where) for value in at)
