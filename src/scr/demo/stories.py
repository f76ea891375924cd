"""What has happened to people of the demonstration before anybody signs in: looks, carers, a choice.

So that each page of a citizen has something to show. Staff look over HTTP, as they would; what people did
about who sees their records is written as their pages would write it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
from sqlalchemy import Connection

from scr.access import choices, delegating
from scr.access.delegating import Wanted
from scr.api.services import Services, now_ms, open_services
from scr.broker.known import Known
from scr.consent.actor import Actor, ActorKind
from scr.demo.deploy import Ports
from scr.demo.people import population
from scr.demo.person import Person
from scr.demo.places import COUNCIL
from scr.demo.suppliers.issuer import NHS_LOGIN
from scr.demo.suppliers.logins import login_subject
from scr.errors import ScrError
from scr.fhir.choices import Choice
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.settings import load
from scr.store.delegations import Delegated

_TRIES = 120
_PAUSE_SECONDS = 0.5
_DAY_MS = 86_400_000
_LOOKS = (("gp-kestrel", "gwilym"), ("hospital-doctor", "gwilym"), ("receptionist", "gwilym"),
          ("gp-kestrel", "blessing"), ("gp-millrace", "tariq"), ("social-worker", "edith"))  # fmt: skip


def tell_stories(home: Path, ports: Ports, *, seed: int, size: int) -> None:
    """Let it happen, once the people are known here. Raises ScrError, httpx.HTTPError."""
    named = {person.persona: person for person in population(seed, size) if person.persona}
    asyncio.run(_write(home, ports, named))
    with httpx.Client(trust_env=False, timeout=30) as client:
        _break_glass(client, ports, "gp-millrace", named["gwilym"])
        for member, whom in _LOOKS:
            _look(client, ports, member, named[whom])


async def _write(home: Path, ports: Ports, named: Mapping[str, Person]) -> None:
    """Who acts for whom, whether one can decide for herself, and what another chose."""
    async with open_services(load({"home": home}).settings) as services:
        by = {name: _citizen(ports, person) for name, person in named.items()}
        known = {
            name: await _known(services, named[name], by[name]) for name in ("gwilym", "edith", "blessing")
        }
        now = now_ms()

        def write(connection: Connection) -> None:
            _let_in(connection, services, known["gwilym"], by["gwilym"], by["zofia"], now)
            ended = _let_in(connection, services, known["gwilym"], by["gwilym"], by["tariq"], now)
            delegating.end(connection, known["gwilym"].person, ended, by["gwilym"], now)
            evidence = "Assessed at Millrace Surgery: cannot decide on her record"
            doctor = Actor(ActorKind.PROFESSIONAL, "Dr Imogen Farrant", name="Dr Imogen Farrant")
            delegating.assess(connection, known["edith"].person, doctor, "absent", evidence, now)
            hidden = Choice("deny", to=(COUNCIL,), headings=("pregnancy", "family-history"))
            choices.create(connection, services.keys, known["blessing"], hidden, now)

        await services.database.write(write)


def _let_in(
    connection: Connection, services: Services, known: Known, person: Actor, carer: Actor, now: int
) -> Delegated:
    wanted = Wanted(carer.name, now + 180 * _DAY_MS)
    made = delegating.invite(connection, services.keys, services.policy, known.view, person, wanted, now)
    return delegating.accept(connection, services.keys, known.view, carer, made.delegated, now)


async def _known(services: Services, person: Person, actor: Actor) -> Known:
    """The person, as soon as a list of some practice has told of them."""
    for _ in range(_TRIES):
        found = await services.broker.by_number(NHSNumber(person.nhs_number), actor)
        if found is not None:
            return found
        await asyncio.sleep(_PAUSE_SECONDS)
    raise ScrError("nobody has told of a person of the stories", code="no-story")


def _citizen(ports: Ports, person: Person) -> Actor:
    return Actor(
        ActorKind.CITIZEN,
        f"{ports.issuer_url}{NHS_LOGIN}|{login_subject(person)}",
        name=f"{person.given} {person.family}",
        patient=NHSNumber(person.nhs_number),
    )


def _look(client: httpx.Client, ports: Ports, member: str, person: Person) -> None:
    """Somebody looks, and at the medicines if they are let."""
    headers = _signed_in(client, ports, member)
    query = {"identifier": f"{NHS_NUMBER_SYSTEM}|{person.nhs_number}"}
    found = client.get(f"{ports.base_url}/Patient", params=query, headers=headers)
    for entry in found.json().get("entry", [])[:1] if found.status_code == 200 else ():
        patient = {"patient": entry["resource"]["id"]}
        client.get(f"{ports.base_url}/MedicationRequest", params=patient, headers=headers)


def _break_glass(client: httpx.Client, ports: Ports, member: str, person: Person) -> None:
    parts = [
        {"name": "identifier", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": person.nhs_number}},
        {"name": "reason", "valueString": "Brought in after a fall, no notes with him"},
        {"name": "purpose", "valueCoding": {"system": ACT_REASON, "code": "BTG"}},
    ]
    body = {"resourceType": "Parameters", "parameter": parts}
    headers = _signed_in(client, ports, member)
    client.post(f"{ports.base_url}/Patient/$break-glass", json=body, headers=headers)
    _look(client, ports, member, person)


def _signed_in(client: httpx.Client, ports: Ports, member: str) -> dict[str, str]:
    told = client.post(f"{ports.issuer_url}/token", data={"client_id": member}).json()
    return {"Authorization": f"Bearer {told['access_token']}"}
