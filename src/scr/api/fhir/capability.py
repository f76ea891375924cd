"""CapabilityStatement: what this endpoint serves, from what is really there.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from fastapi import FastAPI

from scr import __version__
from scr.api.directory import methods_of, routes_of
from scr.api.fhir.operations.table import OPERATIONS
from scr.consent.policy import Policy
from scr.fhir.canonical import BASE
from scr.fhir.entry import Resource
from scr.fhir.search import links_of, parameters_of, searched_types
from scr.settings import Issuer
from scr.store.sharing import CONSENT

_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_OAUTH = ("authorize", "token", "register", "introspect", "revoke")
_INTERACTIONS = (
    ("read", "GET", "/{kind}/{logical}"),
    ("vread", "GET", "/{kind}/{logical}/_history/{version}"),
    ("history-instance", "GET", "/{kind}/{logical}/_history"),
    ("search-type", "GET", "/{kind}"),
    ("create", "POST", "/{kind}"),
    ("update", "PUT", "/{kind}/{logical}"),
)
_SYSTEM = (("search-system", "GET", ""), ("batch", "POST", ""))
_CONSENTS = "A person's own say of sharing (IHE PCF), written by those who record people's choices."
_OPERATION = re.compile(r"/([A-Z][A-Za-z]+)(?:/\{logical\})?/\$([a-z-]+)\Z")
_DEFINED = {
    "Patient-everything": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    **{f"{one.kind}-{one.name}": one.definition for one in OPERATIONS},
}
Offered = frozenset[tuple[str, str]]
"""Method and path, below the FHIR base, of every route that there is."""


def offered(app: FastAPI, base: str = "/fhir") -> Offered:
    """What the routes of an application offer below the FHIR base."""
    return frozenset(
        (method, route.path.removeprefix(base))
        for route in routes_of(app)
        if route.path is not None and route.path.startswith(base)
        for method in methods_of(route)
    )


def served_types(policy: Policy) -> tuple[str, ...]:
    """The resource types that at least one role of the policy opens."""
    return tuple(sorted({kind for role in policy.roles.values() for kind in policy.types_of(role)}))


def capability_statement(
    types: tuple[str, ...],
    issuers: tuple[Issuer, ...],
    routes: Offered,
    *,
    base_url: str,
    date: str,
    more: Sequence[Resource] = (),
) -> Resource:
    """The statement of an endpoint at ``base_url`` that serves these types of a record, and ``more``.

    Interactions, operations and the addresses of the authorisation server are those of its ``routes``.
    """
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
                    "its target may not be seen, or is in no source. Transactions are not served (501); "
                    "nothing is deleted (405): what was a mistake becomes entered-in-error. "
                    "Patient/[id]/$everything comes as its sources answer where it is accepted as "
                    "application/fhir+ndjson or text/event-stream; what is asked with "
                    "Prefer: respond-async is fetched later."
                ),
                "security": _security(issuers, routes, base_url),
                "resource": [
                    *(_resource(kind, routes) for kind in types),
                    *({**one, **_operations(one["type"], routes, one)} for one in more),
                ],
                "interaction": [{"code": code} for code, method, path in _SYSTEM if (method, path) in routes],
            }
        ],
    }


def _security(issuers: tuple[Issuer, ...], routes: Offered, base_url: str) -> Resource:
    """How to be let in: SMART where this server gives tokens itself."""
    trusted = ", ".join(issuer.url for issuer in issuers) or "none configured"
    own = [name for name in _OAUTH if ("POST", f"/auth/{name}") in routes]
    told: Resource = {
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR" if own else "OAuth"}]}],
        "description": f"Bearer tokens (JWT) from: {trusted}.",
    }
    if "token" not in own:
        return told
    uris = [{"url": name, "valueUri": f"{base_url}/auth/{name}"} for name in own]
    return {"extension": [{"url": _OAUTH_URIS, "extension": uris}], **told}


def _resource(kind: str, routes: Offered) -> Resource:
    codes = [
        code
        for code, method, path in _INTERACTIONS
        if {(method, path), (method, path.replace("{kind}", kind))} & routes
    ]
    written = "update" in codes
    told: Resource = {
        "type": kind,
        **({"documentation": _CONSENTS} if kind == CONSENT else {}),
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update" if written else "versioned",
        "readHistory": "vread" in codes,
        "updateCreate": False,
        "conditionalCreate": "create" in codes and kind != CONSENT,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchInclude": _included(kind),
        "searchRevInclude": _including(kind),
        "searchParam": [{"name": name, "type": type_} for name, type_ in _parameters(kind)],
    }
    return {**told, **_operations(kind, routes)}


def _operations(kind: str, routes: Offered, told: Resource | None = None) -> Resource:
    """The operations on a type; what is ``told`` of one already stays."""
    found = {one["name"]: one["definition"] for one in (told or {}).get("operation", ())}
    for _, path in sorted(routes):
        match = _OPERATION.match(path)
        if match and match.group(1) == kind and match.group(2) not in found:
            name = f"{kind}-{match.group(2)}"
            found[match.group(2)] = _DEFINED.get(name, f"{BASE}/OperationDefinition/{name}")
    if not found:
        return {}
    return {"operation": [{"name": name, "definition": at} for name, at in sorted(found.items())]}


def _included(kind: str) -> list[str]:
    return ["*", *links_of(kind)]


@cache
def _including(kind: str) -> list[str]:
    """What may stand in ``_revinclude``: every reference of the table that leads to the type."""
    references = (one for other in searched_types() for one in parameters_of(other).values())
    return ["*", *(f"{one.resource}:{one.name}" for one in references if one.leads_to(kind))]


def _parameters(kind: str) -> list[tuple[str, str]]:
    """Every parameter of a type, from the table that the search goes by; each type is searched by patient."""
    if kind == "Patient":
        return [(one.name, one.type) for one in parameters_of(kind).values()]
    told = {one.name: one.type for one in parameters_of(kind).values() if one.type != "special"}
    return sorted({"patient": "reference", **told}.items())
