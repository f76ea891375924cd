"""A terminology server behind the release: asked when it should be, and missed without harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.unit.terminology.operations.small import ASTHMA, SMALL

from scr.data import DataFiles
from scr.errors import Invalid, NotFound, UnknownCode
from scr.settings import Settings
from scr.sources.http import open_client
from scr.sources.terminology import TerminologyService, open_terminology
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.operations.library import Libraries
from scr.terminology.operations.question import from_pairs
from scr.terminology.systems import ICD_10, SNOMED_CT

ICD = {"system": ICD_10, "code": "J45.9"}
MINE = {"system": SNOMED_CT, "code": ASTHMA}
THEIRS = {"resourceType": "Parameters", "parameter": [
    {"name": "name", "valueString": "theirs"}, {"name": "display", "valueString": "Asthma, unspecified"},
]}  # fmt: skip
NOT_FOUND = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}


class Server:
    """A server of the network's other end, in the test's hand."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.status, self.body = 200, orjson.dumps(THEIRS)
        self.slow = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call, note it."""
        self.seen.append(request)
        if self.slow:
            await asyncio.sleep(30)
        return httpx.Response(
            self.status, content=self.body, headers={"content-type": "application/fhir+json"}
        )


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment's folder with the small release in force, and a token."""
    home = tmp_path_factory.mktemp("home")
    SMALL.put_in_force(home)
    (home / "token").write_text("t0ken\n")
    return home


@pytest.fixture
async def server() -> Server:
    """The other end."""
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose network is the server."""
    async with open_client(httpx.MockTransport(server)) as opened:
        yield opened


def service(
    home: Path, client: httpx.AsyncClient, clock: Clock | None = None, **more: Any
) -> TerminologyService:
    """The service of a deployment with a server behind."""
    given = {"terminology_server": "https://tx.test/fhir", "terminology_server_token": "file:token", **more}
    libraries = Libraries(DataFiles(home), ConceptMaps.load(DataFiles(home)), home)
    settings = Settings(home=home, **given)
    return open_terminology(settings, libraries, client, now=lambda: 0, clock=clock or Clock())


async def ask(to: TerminologyService, operation: str = "CodeSystem/$lookup", **query: str) -> dict[str, Any]:
    """An operation, whose answer is valid R4."""
    found = await to.answer(from_pairs(operation, list(query.items())))
    get_fhir_model_class(found["resourceType"]).model_validate(found)
    return found


def said(answer: dict[str, Any], name: str) -> Any:
    """A simple parameter of an answer."""
    parts = answer.get("parameter") or answer["expansion"].get("parameter", ())
    return next((v for part in parts if part["name"] == name for k, v in part.items() if k != "name"), None)


async def test_the_server_is_asked_for_what_is_not_here(
    home: Path, client: httpx.AsyncClient, server: Server
) -> None:
    """A code of another system goes out, with the token; one of the release does not."""
    asked = service(home, client)
    assert said(await ask(asked, **MINE), "display") == "Asthma"
    assert server.seen == []
    assert said(await ask(asked, **ICD), "display") == "Asthma, unspecified"
    [request] = server.seen
    assert (request.method, str(request.url)) == ("POST", "https://tx.test/fhir/CodeSystem/$lookup")
    assert request.headers["authorization"] == "Bearer t0ken"
    assert orjson.loads(request.content) == {
        "resourceType": "Parameters",
        "parameter": [{"name": "system", "valueUri": ICD_10}, {"name": "code", "valueCode": "J45.9"}],
    }


async def test_the_server_is_asked_first_where_it_is_set(
    home: Path, client: httpx.AsyncClient, server: Server
) -> None:
    """Its answer is the answer; where it has none, the release's is, and says so."""
    asked = service(home, client, terminology_server_first=True)
    assert said(await ask(asked, **MINE), "display") == "Asthma, unspecified"
    server.status, server.body = 404, orjson.dumps(NOT_FOUND)
    found = await ask(asked, **MINE)
    assert (said(found, "display"), said(found, "warning")) == (
        "Asthma",
        "the terminology server has no answer",
    )


@pytest.mark.leaping
@pytest.mark.parametrize(
    ("status", "body", "slow"),
    [
        (500, orjson.dumps(NOT_FOUND), False),
        (503, b"", False),
        (429, orjson.dumps(NOT_FOUND), False),
        (401, orjson.dumps(NOT_FOUND), False),
        (302, b"", False),
        (200, b"not JSON", False),
        (200, b"[]", False),
        (200, b'{"resourceType":"Patient"}', False),
        (200, orjson.dumps(THEIRS), True),
    ],
)
async def test_a_server_that_fails_is_answered_for(
    home: Path, client: httpx.AsyncClient, server: Server, status: int, body: bytes, slow: bool
) -> None:
    """Down, slow, refusing or making no sense: the release answers, with a warning; then it is left alone."""
    server.status, server.body, server.slow = status, body, slow
    clock = Clock()
    asked = service(home, client, clock, terminology_server_first=True, terminology_server_seconds=2.0)
    for _ in range(6):
        found = await ask(asked, **MINE)
        assert said(found, "display") == "Asthma"
        assert "the terminology server did not answer" in said(found, "warning")
    calls = len(server.seen)
    await ask(asked, **MINE)
    assert len(server.seen) == calls
    server.status, server.body, server.slow = 200, orjson.dumps(THEIRS), False
    clock.now += 1000
    assert said(await ask(asked, **MINE), "display") == "Asthma, unspecified"


async def test_what_nobody_can_answer_says_why(home: Path, client: httpx.AsyncClient, server: Server) -> None:
    """The release's own error, and that the server was asked or could not be."""
    asked = service(home, client)
    server.status, server.body = 404, orjson.dumps(NOT_FOUND)
    with pytest.raises(NotFound, match=r"not known here.*has no answer either"):
        await ask(asked, **ICD)
    with pytest.raises(UnknownCode, match=r"has no code.*has no answer either"):
        await ask(asked, system=SNOMED_CT, code="1234567")
    server.status = 500
    with pytest.raises(NotFound, match=r"not known here.*did not answer"):
        await ask(asked, **ICD)


async def test_a_no_for_want_of_knowledge_is_asked_elsewhere(
    home: Path, client: httpx.AsyncClient, server: Server
) -> None:
    """A system of which a part is here, and a code that no map has; down, the no stands with a warning."""
    asked = service(home, client)
    part = {"url": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ACUTEX"}
    yes = {"resourceType": "Parameters", "parameter": [{"name": "result", "valueBoolean": True}]}
    server.body = orjson.dumps(yes)
    assert said(await ask(asked, "CodeSystem/$validate-code", **part), "result") is True
    named = await ask(asked, "CodeSystem/$validate-code", **part, display="Something")
    assert "names are not sent" in said(named, "warning")
    assert said(await ask(asked, "ConceptMap/$translate", **ICD), "result") is True
    server.status = 500
    no = await ask(asked, "ConceptMap/$translate", **ICD)
    assert said(no, "result") is False
    assert "did not answer" in said(no, "warning")


async def test_a_question_that_may_name_somebody_is_not_sent(
    home: Path, client: httpx.AsyncClient, server: Server
) -> None:
    """It is answered here, and the answer says that nobody else was asked."""
    asked = service(home, client, terminology_server_first=True)
    found = await ask(asked, "ValueSet/$expand", url=f"{SNOMED_CT}?fhir_vs", filter="999 510 0002")
    assert server.seen == []
    assert "was not asked" in said(found, "warning")


async def test_a_token_that_is_not_there_stops_the_start(home: Path, client: httpx.AsyncClient) -> None:
    """The setting is told when the server starts, and not when somebody asks."""
    with pytest.raises(Invalid, match="file:nothing"):
        service(home, client, terminology_server_token="file:nothing")


@contextmanager
def listening() -> Iterator[str]:
    """A real HTTP server in a thread, which says what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            told = [{"name": "name", "valueString": "theirs"}, {"name": "display", "valueString": self.path}]
            body = orjson.dumps({"resourceType": "Parameters", "parameter": told})
            self.send_response(200)
            self.send_header("content-type", "application/fhir+json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/fhir"
        finally:
            running.shutdown()
            thread.join()


async def test_a_real_server_is_asked_and_missed_when_it_has_gone(home: Path) -> None:
    """Over a socket: its answer while it runs, the release's when nothing listens there any more."""
    async with open_client() as client:
        with listening() as url:
            asked = service(home, client, terminology_server=url, terminology_server_first=True)
            assert said(await ask(asked, **MINE), "display") == "/fhir/CodeSystem/$lookup"
        found = await ask(asked, **MINE)
        assert said(found, "display") == "Asthma"
        assert "did not answer" in said(found, "warning")
