"""Clients that others wrote, over a real socket: they read, search, page, write and are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from fhirclient.client import FHIRClient
from fhirclient.models.fhirsearch import FHIRSearch
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound
from tests.functional import fhir_kit_client, node_package
from tests.functional.deployment import ADA, BASE, Deployment

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM

_HOP = {"host", "content-length", "transfer-encoding", "connection", "content-encoding"}


@pytest.fixture
async def base(deployment: Deployment, unused_tcp_port: int) -> AsyncIterator[str]:
    """The deployment on a socket of this machine, behind a proxy that knows its own address."""
    own = f"http://127.0.0.1:{unused_tcp_port}/fhir"

    async def handle(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        content = (await request.read()).replace(own.encode(), BASE.encode())
        url = BASE + request.path_qs.removeprefix("/fhir")
        answer = await deployment.client.request(request.method, url, headers=headers, content=content)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        body = answer.content.replace(BASE.encode(), own.encode())
        return web.Response(status=answer.status_code, headers=kept, body=body)

    app = web.Application()
    app.router.add_route("*", "/fhir{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield own
    await runner.cleanup()


async def test_fhirclient(deployment: Deployment, base: str) -> None:
    """SMART's own Python client, with its strict models."""
    subject = await deployment.subject()
    token = deployment.bearer().removeprefix("Bearer ")
    whole = len((await deployment.get("Observation", patient=subject)).ids)

    def ask() -> None:
        client = FHIRClient(settings={"app_id": "tests", "api_base": base})
        client.server.session.headers["Authorization"] = f"Bearer {token}"
        assert client.server.capabilityStatement.fhirVersion == "4.0.1"
        found = Patient.where({"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}).perform_resources_iter(
            client.server
        )
        assert [one.id for one in found if isinstance(one, Patient)] == [subject]
        assert Patient.read(subject, client.server).name[0].family == "O'Sample"
        search: FHIRSearch = Observation.where(
            {"patient": subject, "_count": "1", "_include": "Observation:subject"}
        )
        paged = list(search.perform_resources_iter(client.server))
        assert sum(isinstance(one, Observation) for one in paged) == whole
        assert any(isinstance(one, Patient) for one in paged)
        everything = client.server.request_json(f"Patient/{subject}/$everything")
        assert len(everything["entry"]) > whole
        with pytest.raises(FHIRNotFoundException):
            Patient.read("nobody", client.server)
        client.server.session.close()

    await asyncio.to_thread(ask)


async def test_fhirpy(deployment: Deployment, base: str) -> None:
    """A Python client that knows no models, with chains and includes."""
    subject = await deployment.subject()
    client = AsyncFHIRClient(base, authorization=deployment.bearer(scope="user/*.cruds"))
    [patient] = (
        await client.resources("Patient").search(identifier=f"{NHS_NUMBER_SYSTEM}|{ADA.value}").fetch()
    )
    assert patient.id == subject
    observations = client.resources("Observation").search(patient=subject).limit(1)
    seen = [one.id async for one in observations]
    bundle = (
        await client.resources("Observation")
        .search(patient=subject)
        .include("Observation", "subject")
        .fetch_raw()
    )
    assert bundle["total"] == len(seen) == len(set(seen))
    assert {entry["search"]["mode"] for entry in bundle["entry"]} == {"match", "include", "outcome"}
    everything: Any = await client.execute(f"Patient/{subject}/$everything", "get")
    assert len(everything["entry"]) > len(seen)
    flag = client.resource(
        "Flag", status="active", code={"text": "Two to lift"}, subject={"reference": f"Patient/{subject}"}
    )
    await flag.save()
    assert (await client.reference("Flag", flag.id).to_resource())["author"]["identifier"][
        "value"
    ] == "A81001"
    with pytest.raises(ResourceNotFound):
        await client.reference("Patient", "nobody").to_resource()
    with pytest.raises(OperationOutcome, match="not a search parameter"):
        await client.resources("Observation").search(patient=subject, nonsense="1").fetch()


async def test_fhir_kit_client(deployment: Deployment, base: str) -> None:
    """A client of node's, that posts searches, follows pages, sends a batch and writes."""
    try:
        folder = await asyncio.to_thread(fhir_kit_client.make)
    except node_package.NotMade as why:
        pytest.skip(str(why))
    subject = await deployment.subject()
    token = deployment.bearer(scope="user/*.cruds").removeprefix("Bearer ")
    what = {"base": base, "token": token, "patient": subject, "number": ADA.value}
    told = await asyncio.to_thread(fhir_kit_client.ask, folder, what)
    observations = (await deployment.get("Observation", patient=subject)).ids
    assert (told["version"], told["found"], told["read"]) == ("4.0.1", subject, subject)
    assert told["included"] == ["Patient"]
    assert [f"Observation/{one}" for one in told["seen"]] == observations
    assert told["pages"] >= len(observations)
    assert told["everything"] > len(observations)
    assert told["error"] == [404, "OperationOutcome"]
    assert told["batch"] == "200"
    assert (told["written"], told["versions"]) == (["active", "entered-in-error"], 2)
