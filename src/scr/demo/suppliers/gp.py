"""The GP system of both practices: GP Connect Access Record Structured over HTTP, and registration lists.

One operation, `POST [base]/Patient/$gpc.getstructuredrecord` (FHIR STU3). Each practice has its ASID and
answers for its own patients only. The registration lists are dropped as files, one for each practice.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
from collections.abc import Callable

from aiohttp import web

from scr.demo.people import known_to
from scr.demo.person import GP, Person
from scr.demo.places import PRACTICES, RECORD_ASID
from scr.demo.suppliers import gp_areas, gp_contacts
from scr.demo.suppliers.gp_areas import Parts
from scr.demo.suppliers.gp_record import PROFILES, Chart, administrative
from scr.demo.suppliers.gp_request import Question, Refused, outcome, read_question
from scr.demo.suppliers.process import Arguments, Resource, fhir_response, serve, whole_write

BASE = "/gpconnect/structured/fhir"
AREAS: dict[str, Callable[[Chart, Parts], list[Resource]]] = {
    "includeAllergies": gp_areas.allergies,
    "includeMedication": gp_areas.medication,
    "includeProblems": gp_areas.problems,
    "includeImmunisations": gp_areas.immunisations,
    "includeConsultations": gp_contacts.consultations,
    "includeInvestigations": gp_contacts.investigations,
    "includeUncategorisedData": gp_contacts.uncategorised,
    "includeReferrals": gp_contacts.referrals,
    "includeDiaryEntries": gp_contacts.diary,
}
REGISTRATION_COLUMNS = (
    "NHS_Number", "Family_Name", "Given_Name", "Date_of_Birth", "Sex", "Postcode", "Practice_Code",
    "Registered_On",
)  # fmt: skip


def structured_record(person: Person, question: Question) -> Resource:
    """The Bundle for a question; a parameter that is not known gives a warning inside it."""
    chart = Chart(person)
    resources: list[Resource] = []
    for name, parts in question.sections.items():
        resources += AREAS[name](chart, parts)
    resources += administrative(chart)
    resources += [
        outcome("warning", "NOT_IMPLEMENTED", "not-supported", f"{name} is not recognised by this system")
        for name in question.unknown
    ]
    unique = {
        (resource["resourceType"], resource.get("id", id(resource))): resource for resource in resources
    }
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PROFILES}GPConnect-StructuredRecord-Bundle-1"]},
        "type": "collection",
        "entry": [{"resource": resource} for resource in unique.values()],
    }


def find(people: dict[str, Person], question: Question) -> Person:
    """The person, if this practice may answer for him; raises Refused."""
    person = people.get(question.nhs_number)
    if person is None or person.died or person.practice != question.practice:
        raise Refused(404, "PATIENT_NOT_FOUND", "not-found", "no active patient with this NHS Number here")
    if person.dissents:
        raise Refused(403, "NO_PATIENT_CONSENT", "forbidden", "the patient does not consent to sharing")
    return person


def application(arguments: Arguments) -> web.Application:
    """The web application."""
    people = known_to(GP, arguments.seed, arguments.size)

    async def answer(request: web.Request) -> web.Response:
        await arguments.pause()
        try:
            question = read_question(request.headers, await request.read(), RECORD_ASID)
            return fhir_response(structured_record(find(people, question), question))
        except Refused as refused:
            return fhir_response(refused.outcome, refused.status)

    async def elsewhere(request: web.Request) -> web.Response:
        return fhir_response(outcome("error", "NOT_IMPLEMENTED", "not-supported", "no such interaction"), 501)

    app = web.Application(client_max_size=256 * 1024)
    app.router.add_post(BASE + "/Patient/$gpc.getstructuredrecord", answer)
    app.router.add_route("*", BASE + "/{rest:.*}", elsewhere)
    return app


def registrations(people: dict[str, Person], practice: str) -> bytes:
    """The list of a practice's registered patients, as CSV in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(REGISTRATION_COLUMNS)
    for number, person in people.items():
        if person.practice == practice and person.died is None:
            writer.writerow(
                (
                    number,
                    person.family_at(GP),
                    person.given,
                    person.birth_date.isoformat(),
                    "F" if person.female else "M",
                    person.address_at(GP).postcode,
                    practice,
                    person.registered.isoformat(),
                )
            )
    return text.getvalue().encode()


async def drop_registrations(arguments: Arguments) -> None:
    """Drop both practices' lists now and every night (as long as the demonstration's nights are)."""
    people = known_to(GP, arguments.seed, arguments.size)
    while True:
        for practice in PRACTICES:
            whole_write(arguments.drop / practice / "registrations.csv", registrations(people, practice))
        arguments.report(lists=len(PRACTICES))
        await asyncio.sleep(arguments.every)


async def run(arguments: Arguments) -> None:
    """Serve and drop until asked to end."""
    dropping = asyncio.create_task(drop_registrations(arguments))
    try:
        await serve(application(arguments), arguments)
    finally:
        dropping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dropping
