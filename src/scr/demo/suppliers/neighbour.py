"""The neighbouring shared care record: FHIR R4 REST, behind a bearer token, paged, and slow on purpose.

`GET metadata`, `Patient?identifier=`, `[type]?patient=`, `[type]/[id]`, `Patient/[id]/$everything`.
It is slow where it collects a record; the further pages of what it has collected come at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from aiohttp import web

from scr.demo.people import known_to
from scr.demo.person import NEIGHBOUR, Person
from scr.demo.suppliers.neighbour_record import logical_id, patient, record
from scr.demo.suppliers.process import Arguments, Resource, fhir_response, now, serve
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

BASE = "/fhir"
PAGE, LARGEST_PAGE = 20, 50
TYPES = (
    "Patient", "Condition", "MedicationStatement", "AllergyIntolerance", "Immunization", "Observation",
    "Encounter", "CarePlan", "Flag", "Organization",
)  # fmt: skip


def outcome(code: str, text: str) -> Resource:
    """An OperationOutcome with one error."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def capability() -> Resource:
    """The CapabilityStatement: what this server can do."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2025-12-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "implementation": {"description": "Northfen Shared Care Record (a simulation)"},
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": name,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": [
                            {"name": "identifier", "type": "token"}
                            if name == "Patient"
                            else {"name": "patient", "type": "reference"}
                        ],
                    }
                    for name in TYPES
                    if name != "Organization"
                ],
            }
        ],
    }


def page(resources: Sequence[Resource], url: str, query: Mapping[str, str], base: str) -> Resource:
    """One page of a searchset, with its self and next links."""
    try:
        offset = max(0, int(query.get("_offset", "0")))
        count = max(1, min(LARGEST_PAGE, int(query.get("_count", str(PAGE)))))
    except ValueError:
        raise web.HTTPBadRequest from None
    kept = "".join(f"{name}={value}&" for name, value in query.items() if name not in {"_offset", "_count"})
    links = [{"relation": "self", "url": f"{url}?{kept}_count={count}&_offset={offset}"}]
    if offset + count < len(resources):
        links.append({"relation": "next", "url": f"{url}?{kept}_count={count}&_offset={offset + count}"})
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": now().isoformat(timespec="seconds"),
        "total": len(resources),
        "link": links,
        "entry": [
            {
                "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in resources[offset : offset + count]
        ],
    }


class Record:
    """The server's people, by NHS Number and by its own ids."""

    def __init__(self, arguments: Arguments) -> None:
        """Take those of the population that it knows."""
        self.by_number = known_to(NEIGHBOUR, arguments.seed, arguments.size)
        self.by_id = {logical_id(person, "Patient"): person for person in self.by_number.values()}
        self.resources: dict[tuple[object, object], Resource] = {
            (resource["resourceType"], resource["id"]): resource
            for person in self.by_number.values()
            for resource in record(person)
        }

    def of(self, query: Mapping[str, str]) -> Person | None:
        """The person whom a `patient` or `subject` parameter names, by id or by reference."""
        named = query.get("patient") or query.get("subject") or ""
        return self.by_id.get(named.removeprefix("Patient/"))


def application(arguments: Arguments) -> web.Application:
    """The web application."""
    store = Record(arguments)
    base = f"http://{arguments.host}:{arguments.port}{BASE}"

    async def metadata(request: web.Request) -> web.Response:
        return fhir_response(capability())

    async def search(request: web.Request) -> web.Response:
        if refusal := refused(request, arguments.token):
            return refusal
        kind = request.match_info["type"]
        if kind not in TYPES:
            return fhir_response(outcome("not-supported", "no such type here"), 404)
        if kind == "Patient":
            system, _, value = request.query.get("identifier", "").partition("|")
            person = store.by_number.get(value) if system == NHS_NUMBER_SYSTEM else None
            found = [patient(person)] if person else []
        else:
            person = store.of(request.query)
            await _collect(request, arguments)
            found = [item for item in record(person) if item["resourceType"] == kind] if person else []
        return fhir_response(page(found, f"{base}/{kind}", request.query, base))

    async def read(request: web.Request) -> web.Response:
        if refusal := refused(request, arguments.token):
            return refusal
        resource = store.resources.get((request.match_info["type"], request.match_info["id"]))
        if resource is None:
            return fhir_response(outcome("not-found", "nothing with this id here"), 404)
        return fhir_response(resource)

    async def everything(request: web.Request) -> web.Response:
        if refusal := refused(request, arguments.token):
            return refusal
        person = store.by_id.get(request.match_info["id"])
        if person is None:
            return fhir_response(outcome("not-found", "nobody with this id here"), 404)
        await _collect(request, arguments)
        url = f"{base}/Patient/{request.match_info['id']}/$everything"
        return fhir_response(page(record(person), url, request.query, base))

    app = web.Application()
    app.router.add_get(BASE + "/metadata", metadata)
    app.router.add_get(BASE + "/Patient/{id}/$everything", everything)
    app.router.add_get(BASE + "/{type}", search)
    app.router.add_get(BASE + "/{type}/{id}", read)
    return app


async def _collect(request: web.Request, arguments: Arguments) -> None:
    """Be slow, but for the further pages of what was collected already."""
    if request.query.get("_offset", "0") == "0":
        await arguments.pause()


def refused(request: web.Request, token: str) -> web.Response | None:
    """401 unless the bearer token is the right one."""
    given = request.headers.get("Authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return None
    answer = fhir_response(outcome("login", "a bearer token is needed"), 401)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="northfen"'
    return answer


async def run(arguments: Arguments) -> None:
    """Serve until asked to end."""
    await serve(application(arguments), arguments)
