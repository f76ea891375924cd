"""The neighbouring shared care record: FHIR R4 REST, behind a bearer token, paged, and slow on purpose.

`metadata`, `Patient?identifier=` and `[type]?patient=` (also as `POST [type]/_search`), `[type]/[id]`,
`Patient/[id]/$everything`.
It is slow where it collects a record; the further pages of what it has collected come at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from aiohttp import web

from scr.demo.people import known_to
from scr.demo.person import NEIGHBOUR
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


class Server:
    """The neighbour's people, by NHS Number and by its own ids, and the handlers that tell of them."""

    def __init__(self, arguments: Arguments) -> None:
        """Take those of the population that it knows."""
        self.arguments = arguments
        self.base = f"http://{arguments.host}:{arguments.port}{BASE}"
        self.by_number = known_to(NEIGHBOUR, arguments.seed, arguments.size)
        self.by_id = {logical_id(person, "Patient"): person for person in self.by_number.values()}
        self.resources: dict[tuple[object, object], Resource] = {
            (resource["resourceType"], resource["id"]): resource
            for person in self.by_number.values()
            for resource in record(person)
        }

    async def metadata(self, request: web.Request) -> web.Response:
        """The only thing that needs no token."""
        return fhir_response(capability())

    async def search(self, request: web.Request) -> web.Response:
        """A search in one type, by patient; Patients by identifier."""
        if refusal := refused(request, self.arguments.token):
            return refusal
        kind = request.match_info["type"]
        if kind not in TYPES:
            return fhir_response(outcome("not-supported", "no such type here"), 404)
        query = {
            name: str(value) for name, value in (*request.query.items(), *(await request.post()).items())
        }
        found = self._patients(query) if kind == "Patient" else await self._of_patient(query, kind)
        if kind == "Patient":  # the number that was searched for goes into no link
            query = {}
        return fhir_response(page(found, f"{self.base}/{kind}", query, self.base))

    def _patients(self, query: Mapping[str, str]) -> list[Resource]:
        system, _, value = query.get("identifier", "").partition("|")
        person = self.by_number.get(value) if system == NHS_NUMBER_SYSTEM else None
        return [patient(person)] if person else []

    async def _of_patient(self, query: Mapping[str, str], kind: str) -> list[Resource]:
        named = query.get("patient") or query.get("subject") or ""
        person = self.by_id.get(named.removeprefix("Patient/"))
        await self._collect(query)
        return [item for item in record(person) if item["resourceType"] == kind] if person else []

    async def read(self, request: web.Request) -> web.Response:
        """One resource by its id."""
        if refusal := refused(request, self.arguments.token):
            return refusal
        resource = self.resources.get((request.match_info["type"], request.match_info["id"]))
        if resource is None:
            return fhir_response(outcome("not-found", "nothing with this id here"), 404)
        return fhir_response(resource)

    async def everything(self, request: web.Request) -> web.Response:
        """The whole record of a person, page by page."""
        if refusal := refused(request, self.arguments.token):
            return refusal
        person = self.by_id.get(request.match_info["id"])
        if person is None:
            return fhir_response(outcome("not-found", "nobody with this id here"), 404)
        await self._collect(request.query)
        url = f"{self.base}/Patient/{request.match_info['id']}/$everything"
        return fhir_response(page(record(person), url, request.query, self.base))

    async def _collect(self, query: Mapping[str, str]) -> None:
        """Be slow, but for the further pages of what was collected already."""
        if query.get("_offset", "0") == "0":
            await self.arguments.pause()


def application(arguments: Arguments) -> web.Application:
    """The web application."""
    server = Server(arguments)
    app = web.Application()
    app.router.add_get(BASE + "/metadata", server.metadata)
    app.router.add_get(BASE + "/Patient/{id}/$everything", server.everything)
    app.router.add_get(BASE + "/{type}", server.search)
    app.router.add_post(BASE + "/{type}/_search", server.search)
    app.router.add_get(BASE + "/{type}/{id}", server.read)
    return app


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
