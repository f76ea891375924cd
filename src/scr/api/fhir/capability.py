"""CapabilityStatement: what this endpoint serves, from what is really there.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from scr import __version__
from scr.consent.policy import Policy
from scr.fhir.canonical import BASE
from scr.fhir.entry import Resource
from scr.fhir.search import links_of, parameters_of, searched_types
from scr.settings import Issuer

_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_WRITING = [{"code": code} for code in ("create", "update", "vread", "history-instance")]
_WRITTEN: Resource = {
    "documentation": "A person's own say of sharing (IHE PCF), written by those who record people's choices.",
    "versioning": "versioned-update",
    "conditionalCreate": False,
    "updateCreate": False,
}
_OWN = f"{BASE}/OperationDefinition"
_OPERATIONS = ("claim-relationship", "break-glass", "explain-access")
"""Why somebody must look at a person (``api/fhir/claims.py``; docs/break-glass.md), and why somebody may
(``api/fhir/explain.py``; docs/explaining.md)."""
_EVERYTHING = "http://hl7.org/fhir/OperationDefinition/Patient-everything"


def served_types(policy: Policy) -> tuple[str, ...]:
    """The resource types that at least one role of the policy opens."""
    return tuple(sorted({kind for role in policy.roles.values() for kind in policy.types_of(role)}))


def capability_statement(
    types: tuple[str, ...],
    issuers: tuple[Issuer, ...],
    *,
    base_url: str,
    date: str,
    more: Sequence[Resource] = (),
) -> Resource:
    """The statement of an endpoint at ``base_url`` that serves these types of a record, and ``more``."""
    trusted = ", ".join(issuer.url for issuer in issuers) or "none configured"
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "scr", "version": __version__},
        "implementation": {"description": "Shared care record", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Every answer holds an OperationOutcome (search.mode outcome) that says how each "
                    "source of the record answered, heading by heading. A reference is left out where "
                    "its target may not be seen, or is in no source."
                ),
                "security": {
                    "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "OAuth"}]}],
                    "description": f"Bearer tokens (JWT) from: {trusted}.",
                },
                "resource": [*(_resource(kind) for kind in types), *more],
                "interaction": [{"code": "search-system"}],
            }
        ],
    }


def _resource(kind: str) -> Resource:
    interactions = [{"code": "read"}, {"code": "search-type"}]
    if kind == "Patient":
        return {
            "type": kind,
            "interaction": interactions,
            "searchInclude": _included(kind),
            "searchRevInclude": _including(kind),
            "searchParam": [{"name": one.name, "type": one.type} for one in parameters_of(kind).values()],
            "operation": [
                {"name": "everything", "definition": _EVERYTHING},
                *({"name": name, "definition": f"{_OWN}/Patient-{name}"} for name in _OPERATIONS),
            ],
        }
    served: Resource = {
        "type": kind,
        "interaction": interactions,
        "searchInclude": _included(kind),
        "searchRevInclude": _including(kind),
        "searchParam": [{"name": name, "type": type_} for name, type_ in _parameters(kind)],
    }
    return {**served, **_WRITTEN, "interaction": interactions + _WRITING} if kind == "Consent" else served


def _included(kind: str) -> list[str]:
    return ["*", *links_of(kind)]


@cache
def _including(kind: str) -> list[str]:
    """What may stand in ``_revinclude``: every reference of the table that leads to the type."""
    references = (one for other in searched_types() for one in parameters_of(other).values())
    return ["*", *(f"{one.resource}:{one.name}" for one in references if one.leads_to(kind))]


def _parameters(kind: str) -> list[tuple[str, str]]:
    """Every parameter of a type, from the table that the search goes by; each type is searched by patient."""
    told = {one.name: one.type for one in parameters_of(kind).values() if one.type != "special"}
    return sorted({"patient": "reference", **told}.items())
