"""Whom a resource involves in a person's care, and until when: as a table."""

from __future__ import annotations

from typing import Any

import pytest

from scr.fhir.dates import interval
from scr.fhir.entry import pack
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode
from scr.fhir.involved import Involved, involved

NOW = 1_772_020_800_000
THERE = OdsCode("ZZH02")


def end(text: str) -> int:
    """When a day is over."""
    found = interval(text)
    assert found is not None
    return found[1]


def named(code: str = "zzh02", system: str = ODS_SYSTEM) -> dict[str, Any]:
    """A reference to an organisation by identifier."""
    return {"identifier": {"system": system, "value": code}}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Encounter", "status": "in-progress"}, [Involved("encounter")]),
        (
            {"resourceType": "Encounter", "period": {"start": "2026-01-01", "end": "2026-01-03"}},
            [Involved("encounter", until=end("2026-01-03"))],
        ),
        (
            {"resourceType": "Encounter", "status": "finished", "period": {"start": "2005-01-01"}},
            [Involved("encounter", until=end("2005-01-01") - 24 * 3600 * 1000)],
        ),
        ({"resourceType": "Encounter", "status": "finished"}, [Involved("encounter", until=NOW)]),
        ({"resourceType": "Encounter", "status": "cancelled"}, [Involved("encounter", called_off=True)]),
        ({"resourceType": "EpisodeOfCare", "status": "active"}, [Involved("caseload")]),
        ({"resourceType": "Condition"}, []),
        (
            {"resourceType": "ServiceRequest", "status": "active", "performer": [named(), named()]},
            [Involved("referral", THERE)],
        ),
        (
            {"resourceType": "ServiceRequest", "status": "completed", "performer": [named()]},
            [Involved("referral", THERE, NOW)],
        ),
        (
            {"resourceType": "ServiceRequest", "status": "revoked", "performer": [named()]},
            [Involved("referral", THERE, called_off=True)],
        ),
        ({"resourceType": "ServiceRequest", "status": "active", "performer": [named("?")]}, []),
        ({"resourceType": "ServiceRequest", "status": "active", "performer": [named(system="urn:x")]}, []),
        ({"resourceType": "ServiceRequest", "status": "active", "requester": named()}, []),
        (
            {"resourceType": "Appointment", "start": "2026-03-01", "participant": [{"actor": named()}]},
            [Involved("referral", THERE, end("2026-03-01"))],
        ),
        (
            {"resourceType": "CareTeam", "status": "active", "managingOrganization": [named()]},
            [Involved("care-team", THERE)],
        ),
        (
            {
                "resourceType": "CareTeam",
                "period": {"end": "2026-01-03"},
                "participant": [{"member": named()}, {"onBehalfOf": named("ZZH03")}],
            },
            [
                Involved("care-team", THERE, end("2026-01-03")),
                Involved("care-team", OdsCode("ZZH03"), end("2026-01-03")),
            ],
        ),
    ],
)  # fmt: skip
def test_whom_a_resource_involves(resource: dict[str, Any], expected: list[Involved]) -> None:
    """A visit involves its sender, a referral whom it names by ODS code; what is called off is marked."""
    entry = pack({"id": "a", **resource}, source="ZZH01", now=NOW)
    assert list(involved(entry)) == expected
