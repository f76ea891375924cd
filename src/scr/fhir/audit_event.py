"""An act of the audit as an AuditEvent (https://hl7.org/fhir/R4/auditevent.html), in the shape of IHE BALP.

BALP has a profile for what is read, asked, created, updated and deleted of a patient, and succeeded; it is
claimed then alone. Client and server are told by the roles of DICOM, as BALP does: the client of a read is
the destination, that of a question the source. Of a question there is what was asked for, and not its
values: those may be a person's data, which the audit does not hold.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from scr.fhir.canonical import BASE
from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import ODS_SYSTEM

TYPE = "AuditEvent"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
ACTION_SYSTEM = f"{BASE}/CodeSystem/audit-action"
_SOURCE_TYPES = "http://terminology.hl7.org/CodeSystem/security-source-type"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
_ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_BALP_ENTITIES = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_ROLES = "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName"
_DESTINATION, _SOURCE = ("110152", "Destination Role ID"), ("110153", "Source Role ID")
_ACTIONS = {
    "read": ("R", "read", "PatientRead"),
    "query": ("E", "search", "PatientQuery"),
    "create": ("C", "create", "PatientCreate"),
    "update": ("U", "update", "PatientUpdate"),
    "delete": ("D", "delete", "PatientDelete"),
}
_OUTCOMES = {"success": "0", "refused": "4", "failed": "8"}


@dataclass(frozen=True, slots=True)
class Act:
    """What the audit has of an act. ``at`` is ms UTC, ``patient`` the logical id of the Patient it was about;
    ``outcome`` is success, refused or failed, ``code`` why. ``here`` is our FHIR base."""

    id: str
    at: int
    action: str
    what: str
    outcome: str
    here: str
    actor: str = ""
    name: str = ""
    role: str = ""
    organisation: str = ""
    patient: str = ""
    purpose: str = ""
    code: str = ""
    policy: str = ""
    correlation: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


def audit_event(act: Act) -> Entry:
    """The AuditEvent of an act."""
    code, interaction, profile = _ACTIONS.get(act.action, ("E", "", ""))
    made: Resource = {"resourceType": TYPE, "id": act.id}
    if profile and act.patient and act.outcome == "success":
        made["meta"] = {"profile": [f"{BALP}.{profile}"]}
    subtype = _coding(_INTERACTIONS, interaction) if interaction else _coding(ACTION_SYSTEM, act.action)
    made |= {
        "type": _coding(_TYPES, "rest", "Restful Operation"),
        "subtype": [subtype],
        "action": code,
        "recorded": instant_text(act.at),
        "outcome": _OUTCOMES.get(act.outcome, "8"),
    }
    if act.code and act.outcome != "success":
        made["outcomeDesc"] = act.code
    if act.purpose:
        made["purposeOfEvent"] = [{"coding": [_coding(_REASONS, act.purpose)]}]
    made["agent"] = _agents(act)
    made["source"] = {"observer": {"display": act.here}, "type": [_coding(_SOURCE_TYPES, "4")]}
    made["entity"] = _entities(act)
    return pack(made, source="scr", now=act.at)


@dataclass(frozen=True, slots=True)
class Told:
    """What the person whose record it is is told of a look: texts for people, and nothing of what came of it.

    ``at`` is ms UTC, ``patient`` the logical id of the Patient; ``through`` the neighbour or the app that
    asked for somebody.
    """

    id: str
    at: int
    patient: str
    here: str
    name: str
    role: str
    organisation: str
    through: str
    purpose: str
    what: str
    allowed: bool


def told_event(told: Told) -> Entry:
    """The AuditEvent of a look as the person is told of it: without an action and a profile."""
    user: Resource = {"who": {"display": told.name}, "name": told.name, "requestor": True}
    if told.role:
        user["role"] = [{"text": told.role}]
    others: list[Resource] = [
        {"who": {"display": one}, "requestor": False} for one in (told.organisation, told.through) if one
    ]
    made: Resource = {
        "resourceType": TYPE,
        "id": told.id,
        "type": _coding(_TYPES, "rest", "Restful Operation"),
        "recorded": instant_text(told.at),
        "outcome": _OUTCOMES["success" if told.allowed else "refused"],
        "purposeOfEvent": [{"text": told.purpose}] if told.purpose else None,
        "agent": [user, *others],
        "source": {"observer": {"display": told.here}, "type": [_coding(_SOURCE_TYPES, "4")]},
        "entity": [
            {
                "what": {"reference": f"Patient/{told.patient}"},
                "type": _coding(_ENTITY_TYPES, "1", "Person"),
                "role": _coding(_ENTITY_ROLES, "1", "Patient"),
            },
            {"type": _coding(_ENTITY_TYPES, "2", "System Object"), "description": told.what},
        ],
    }
    made = {name: value for name, value in made.items() if value is not None}
    return pack(made, source="scr", now=told.at)


def _agents(act: Act) -> list[Resource]:
    """Who asked; through what; and who answered."""
    mine, ours = (_DESTINATION, _SOURCE) if act.action == "read" else (_SOURCE, _DESTINATION)
    user: Resource = {"type": {"coding": [_coding(_PARTICIPATION, "IRCP", "information recipient")]}}
    if act.role:
        user["role"] = [{"coding": [_coding(_ROLES, act.role)]}]
    who: Resource = {"display": act.name or "somebody who was not known"}
    if act.actor:
        issuer, _, subject = act.actor.partition("|")
        who["identifier"] = {"system": issuer, "value": subject} if subject else {"value": issuer}
    user |= {"who": who, "requestor": True}
    if act.name:
        user["name"] = act.name
    if act.policy:
        user["policy"] = [f"urn:scr:policy:{act.policy}"]
    client: Resource = {"display": act.details.get("neighbour_name") or act.organisation or "not known"}
    if act.organisation:
        client["identifier"] = {"system": ODS_SYSTEM, "value": act.organisation}
    return [
        user,
        {"type": {"coding": [_coding(_DICOM, *mine)]}, "who": client, "requestor": False},
        {
            "type": {"coding": [_coding(_DICOM, *ours)]},
            "who": {"display": act.here},
            "requestor": False,
            "network": {"address": act.here, "type": "5"},
        },
    ]


def _entities(act: Act) -> list[Resource]:
    """The patient, what was read or asked for, and the id of the request."""
    found: list[Resource] = []
    if act.patient:
        found.append(
            {
                "what": {"reference": f"Patient/{act.patient}"},
                "type": _coding(_ENTITY_TYPES, "1", "Person"),
                "role": _coding(_ENTITY_ROLES, "1", "Patient"),
            }
        )
    part: Resource = {"type": _coding(_ENTITY_TYPES, "2", "System Object"), "name": act.what}
    if act.action == "query":
        part["role"] = _coding(_ENTITY_ROLES, "24", "Query")
        part.pop("name")
        part["query"] = base64.b64encode(act.what.encode()).decode()
    else:
        part["role"] = _coding(_ENTITY_ROLES, "4", "Domain Resource")
    told = [{"type": name, "valueString": value} for name, value in sorted(act.details.items()) if value]
    if told:
        part["detail"] = told
    found.append(part)
    if act.correlation:
        found.append(
            {
                "what": {"identifier": {"value": act.correlation}},
                "type": _coding(_BALP_ENTITIES, "XrequestId"),
            }
        )
    return found


def _coding(system: str, code: str, display: str = "") -> Resource:
    return {"system": system, "code": code} | ({"display": display} if display else {})
