"""A person's choice about sharing as a FHIR Consent: what the access of citizens writes, element by element.

https://profiles.ihe.net/ITI/PCF/; ``fhir.privacy_consent`` reads it, as it reads what others write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from scr.fhir.canonical import AUTHOR, HEADING_SYSTEM, LABEL_SYSTEM, PARTY_SYSTEM
from scr.fhir.dates import instant_text
from scr.fhir.entry import Resource
from scr.fhir.identifiers import ODS_SYSTEM
from scr.fhir.privacy_consent import CATEGORY, SCOPE

_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ROLES: Final = "https://fhir.nhs.uk/England/CodeSystem/England-SDSJobRoleName"
_POLICY: Final = "https://profiles.ihe.net/ITI/PCF/"
Effect = Literal["deny", "permit", "seal"]
_SAID: Final = "Said by the person at the record's own pages"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chooses. Empty is: not narrowed by this; what is named together has to hold together.

    ``to`` are organisations (ODS codes), ``roles`` job role codes, ``carers`` subjects (``issuer|sub``) who
    are told; ``of`` are organisations whose knowledge it is about. ``headings`` and ``labels`` are ours,
    ``entries`` relative addresses. ``until`` is the last day (``YYYY-MM-DD``), in London. ``but`` are
    organisations to which a deny does not go. ``seal`` denies to everybody but who wrote it.
    """

    effect: Effect
    to: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    carers: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    until: str = ""
    but: tuple[str, ...] = ()


def consent_of(choice: Choice, patient: str, now: int) -> Resource:
    """The Consent of a choice; ``patient`` is the logical id of the Patient, ``now`` ms UTC."""
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": _concept(*SCOPE),
        "category": [_concept(*CATEGORY)],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": instant_text(now),
        "performer": [{"reference": f"Patient/{patient}"}],
        "organization": [{"display": "The shared care record"}],
        "sourceReference": {"display": _SAID},
        "policy": [{"uri": _POLICY}],
        "provision": _provision(choice),
    }


def withdrawn(consent: Resource, now: int) -> Resource:
    """The next version of a Consent, which has no effect any more."""
    kept = {name: value for name, value in consent.items() if name != "meta"}
    return {**kept, "status": "inactive", "dateTime": instant_text(now)}


def status_of(consent: Resource) -> str:
    """``active`` where it has an effect."""
    return str(consent.get("status", ""))


def as_if_active(consent: Resource) -> Resource:
    """A Consent as it would be in force: to tell what it says."""
    return {**consent, "status": "active"}


def _provision(choice: Choice) -> Resource:
    made: Resource = {"type": "permit" if choice.effect == "permit" else "deny"}
    if choice.until:
        made["period"] = {"end": choice.until}
    actors = list(_actors(choice))
    parts: tuple[tuple[str, Sequence[Any]], ...] = (
        ("actor", actors),
        ("securityLabel", [{"system": LABEL_SYSTEM, "code": one} for one in choice.labels]),
        ("class", [{"system": HEADING_SYSTEM, "code": one} for one in choice.headings]),
        ("data", [{"meaning": "instance", "reference": {"reference": one}} for one in choice.entries]),
    )
    made |= {name: value for name, value in parts if value}
    let = [_actor("IRCP", "Organization", ODS_SYSTEM, ods) for ods in choice.but]
    if choice.effect == "seal":
        let.append(_actor("IRCP", "Organization", PARTY_SYSTEM, AUTHOR))
    if let:
        made["provision"] = [{"type": "permit", "actor": let}]
    return made


def _actors(choice: Choice) -> Iterator[Resource]:
    for ods in choice.to:
        yield _actor("IRCP", "Organization", ODS_SYSTEM, ods)
    for role in choice.roles:
        yield _actor("IRCP", "PractitionerRole", _ROLES, role)
    for subject in choice.carers:
        issuer, _, sub = subject.partition("|")
        yield _actor("IRCP", "RelatedPerson", issuer, sub)
    for ods in choice.of:
        yield _actor("CST", "Organization", ODS_SYSTEM, ods)


def _actor(role: str, kind: str, system: str, value: str) -> Resource:
    reference = {"type": kind, "identifier": {"system": system, "value": value}}
    return {"role": _concept(_PARTICIPATION, role), "reference": reference}


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}
