"""Which organisations a resource involves in a person's care, and until when.

A visit and an episode of care involve whoever sent them; a referral, an appointment and a care team the
organisations that they name by ODS code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import orjson

from scr.fhir.entry import Entry, Resource
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode
from scr.fhir.privacy_consent import ALWAYS

Involves = Literal["encounter", "caseload", "referral", "care-team"]
_OPEN_ENDED = ALWAYS[1]
_MARK = ODS_SYSTEM.encode()
_OF_SENDER: dict[str, Involves] = {"Encounter": "encounter", "EpisodeOfCare": "caseload"}
_OF_NAMED: dict[str, Involves] = {
    "ServiceRequest": "referral",
    "Appointment": "referral",
    "CareTeam": "care-team",
}
_NEVER = frozenset({"entered-in-error", "cancelled", "revoked", "noshow", "unknown"})
"""Statuses of what did not come to pass, or nobody can tell."""
_OVER = frozenset({"finished", "completed", "inactive"})


@dataclass(frozen=True, slots=True)
class Involved:
    """That an organisation is involved. ``organisation`` None is whoever sent it.

    ``until`` is the end (ms UTC), None while there is none. ``called_off``: it will not come to pass.
    """

    kind: Involves
    organisation: OdsCode | None = None
    until: int | None = None
    called_off: bool = False


def involved(entry: Entry) -> Iterator[Involved]:
    """What an entry says of who is involved: for most types, nothing."""
    if entry.type in _OF_SENDER:
        off = entry.status in _NEVER
        yield Involved(_OF_SENDER[entry.type], until=_end(entry), called_off=off)
    elif entry.type in _OF_NAMED and _MARK in entry.body:
        off = entry.status in _NEVER
        for organisation in dict.fromkeys(_named(orjson.loads(entry.body))):
            yield Involved(_OF_NAMED[entry.type], organisation, _end(entry), off)


def _end(entry: Entry) -> int | None:
    """When it ended or will; of what is over without a word of when, the moment that it is told."""
    start, end = entry.when or (entry.last_updated, _OPEN_ENDED)
    if entry.type in ("Encounter", "EpisodeOfCare", "CareTeam", "Appointment") and end < _OPEN_ENDED:
        return end
    if entry.status in _OVER:
        return start if entry.type in ("Encounter", "EpisodeOfCare") else entry.last_updated
    return None


def _named(resource: Resource) -> Iterator[OdsCode]:
    """The organisations whom it is for, in the order in which they stand there."""
    for reference in _references(resource):
        identifier = reference.get("identifier")
        if isinstance(identifier, dict) and identifier.get("system") == ODS_SYSTEM:
            try:
                yield OdsCode.parse(str(identifier.get("value", "")))
            except ValueError:
                continue  # what is no ODS code gives nobody access


def _references(resource: Resource) -> Iterator[Resource]:
    yield from resource.get("performer", ())
    yield from resource.get("managingOrganization", ())
    for participant in resource.get("participant", ()):
        for name in ("actor", "member", "onBehalfOf"):
            if isinstance(participant.get(name), dict):
                yield participant[name]
