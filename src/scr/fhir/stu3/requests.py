"""Requests for a service: two resource types of STU3 that are one, ServiceRequest, in R4."""

from __future__ import annotations

from typing import Any

from scr.fhir.stu3.rules import (
    Node,
    Place,
    Rule,
    TypeRules,
    keep_as_extension,
    note,
    parts,
    rename,
    requester,
    translate,
)

_REFERRAL = {"system": "http://snomed.info/sct", "code": "3457005", "display": "Patient referral"}

_COMMON: dict[str, Rule] = {
    "status": translate("status", {"suspended": "on-hold", "cancelled": "revoked"}),
    "context": rename("encounter"),
    "definition": keep_as_extension("Reference"),
    "requester": requester,
}


def _service_requested(node: Node, value: Any, place: Place) -> None:
    """The first service is R4's ``code``; more of them are details of the order."""
    first, *others = parts(value) or [None]
    node["code"] = first
    node["orderDetail"] = others


def _is_referral(node: Node) -> None:
    """A ReferralRequest says by its type that it is a referral; a ServiceRequest, by its category."""
    node["category"] = [*parts(node.get("category")), {"coding": [dict(_REFERRAL)]}]


REQUESTS: dict[str, TypeRules] = {
    "ProcedureRequest": TypeRules("ServiceRequest", _COMMON),
    "ReferralRequest": TypeRules(
        "ServiceRequest",
        {
            **_COMMON,
            "groupIdentifier": rename("requisition"),
            "type": rename("category"),
            "serviceRequested": _service_requested,
            "specialty": rename("performerType"),
            "recipient": rename("performer"),
            "description": note,
        },
        _is_referral,
    ),
}
