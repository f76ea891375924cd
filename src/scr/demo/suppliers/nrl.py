"""The National Record Locator: pointers to who holds something about a person.

`DocumentReference?subject:identifier=`, also as `POST DocumentReference/_search`. Everybody's practice has
an end of life or crisis plan to point at for some, and Farholt University Hospitals, which is connected to
nothing here, for others. It is not started with the demonstration:
`python -m scr.demo.supplier nrl --folder FOLDER --port PORT --token FILE`.
"""

from __future__ import annotations

from aiohttp import web

from scr.demo.people import population
from scr.demo.person import Person
from scr.demo.places import ORGANISATIONS, UNRELATED
from scr.demo.suppliers.neighbour import outcome, page, refused
from scr.demo.suppliers.process import Arguments, Resource, fhir_response, serve
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

BASE = "/record-locator/consumer/FHIR/R4"
_ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
_SNOMED = "http://snomed.info/sct"
_KINDS = {0: ("736253002", "Mental health crisis plan"), 1: ("861421000000109", "End of life care summary")}


def pointers(person: Person) -> list[Resource]:
    """The pointers about a person: none, one or two."""
    last = int(person.nhs_number[-1])
    kept_by = [ods for ods, there in ((UNRELATED, last % 2 == 0), (person.practice, last % 3 == 0)) if there]
    return [_pointer(person, ods, *_KINDS[number % 2]) for number, ods in enumerate(kept_by)]


def _pointer(person: Person, ods: str, code: str, display: str) -> Resource:
    keeper = {"identifier": {"system": _ODS, "value": ods}, "display": ORGANISATIONS[ods].name}
    number = {"system": NHS_NUMBER_SYSTEM, "value": person.nhs_number}
    return {
        "resourceType": "DocumentReference",
        "id": f"{ods}-{person.registered:%Y%m%d}-{code}",
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": _SNOMED, "code": code, "display": display}]},
        "category": [{"coding": [{"system": _SNOMED, "code": "734163000", "display": "Care plan"}]}],
        "subject": {"identifier": number},
        "date": f"{person.registered:%Y-%m-%d}T09:00:00Z",
        "author": [keeper],
        "custodian": keeper,
        "content": [{"attachment": {"contentType": "text/html", "url": f"https://records.example/{code}"}}],
    }


def application(arguments: Arguments) -> web.Application:
    """The web application."""
    people = {person.nhs_number: person for person in population(arguments.seed, arguments.size)}
    base = f"http://{arguments.host}:{arguments.port}{BASE}"

    async def search(request: web.Request) -> web.Response:
        """The pointers about the one person who is named."""
        if arguments.token and (refusal := refused(request, arguments.token)):
            return refusal
        if not request.headers.get("NHSD-End-User-Organisation-ODS"):
            return fhir_response(outcome("required", "the organisation that asks is not named"), 400)
        query = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        system, _, value = query.get("subject:identifier", "").partition("|")
        if system != NHS_NUMBER_SYSTEM or not value:
            return fhir_response(outcome("invalid", "subject:identifier names nobody"), 400)
        await arguments.pause()
        found = pointers(people[value]) if value in people else []
        return fhir_response(page(found, f"{base}/DocumentReference", {}, base))

    app = web.Application()
    app.router.add_get(BASE + "/DocumentReference", search)
    app.router.add_post(BASE + "/DocumentReference/_search", search)
    return app


async def run(arguments: Arguments) -> None:
    """Serve until asked to end."""
    await serve(application(arguments), arguments)
