"""Streams from the server as it is run: a process, sockets, and clients that are slow or go away."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
import yaml
from aiohttp import web
from tests.functional.deployment import ADA, REGISTRATIONS, Neighbour, make_home, observation
from tests.functional.test_endpoint_server import issuer, until_alive
from tests.support.patience import LONG
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer, role

from scr.api.services import open_services
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.settings import load

__all__ = ["issuer"]
SECONDS = 5.0
LARGE = [observation(f"l{n}", "1", "2025-01-01", note=[{"text": "x" * 100_000}]) for n in range(150)]


@dataclass
class Serving:
    """A server, and the neighbour that it asks, which answers when its gate is open."""

    port: int
    gate: asyncio.Event
    neighbour: Neighbour
    database: Path
    authorization: str
    subject: str = ""

    async def ask(
        self, kind: str = "application/fhir+ndjson"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ask for all of Ada's record as a stream; the head of the answer is read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
        path = f"/fhir/Patient/{self.subject}/$everything"
        head = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {kind}\r\nAuthorization: {self.authorization}\r\n\r\n"
        )
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        return reader, writer

    async def ended(self, how: str) -> None:
        """Wait until the audit says that a stream ended so."""
        query = "SELECT count(*) FROM audit WHERE person IS NULL AND details LIKE ?"
        limit = time.monotonic() + LONG
        while time.monotonic() < limit:
            with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as opened:
                if opened.execute(query, (f'%"stream":"{how}"%',)).fetchone()[0]:
                    return
            await asyncio.sleep(0.01)
        raise AssertionError(f"no stream ended {how}")


async def chunk(reader: asyncio.StreamReader) -> bytes:
    """The next chunk of a body; empty at its end. Raises IncompleteReadError where it breaks off."""
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def whole(reader: asyncio.StreamReader) -> bytes:
    """What is left of a body. Raises as ``chunk``."""
    found = bytearray()
    while part := await chunk(reader):
        found += part
    return bytes(found)


@pytest.fixture
async def serving(tmp_path: Path, issuer: TestIssuer) -> AsyncIterator[Serving]:
    """A server that knows Ada by her practice, and a neighbour that holds her."""
    home, port, beside = tmp_path / "home", free_port(), free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    make_home(home, base)
    file = home / "adapters/providers/QXX.yaml"
    provider = yaml.safe_load(file.read_text("utf-8"))
    provider["feeds"][0]["connection"]["url"] = f"http://127.0.0.1:{beside}/r4"
    file.write_text(yaml.safe_dump(provider), "utf-8")
    (home / "scr.toml").write_text(
        f'base_url = "{base}"\nhttp_port = {port}\nmllp_port = {free_port()}\nstream_seconds = {SECONDS}\n'
        f'[[issuers]]\nurl = "{issuer.url}"\naudience = "scr"\nalgorithms = ["ES256"]\n',
        encoding="utf-8",
    )
    async with open_services(load({"home": home}).settings) as services:
        await services.programme.declare_live(by="tests", evidence="a test")
        surgery = services.providers[OdsCode("A81001")]
        await services.intake.receive(surgery, surgery.feeds[0], REGISTRATIONS)
    authorization = issuer.bearer(nhsid_nrbac_roles=[role()])
    made = Serving(port, asyncio.Event(), Neighbour(), home / "scr.db", authorization)
    runner = await _neighbour(made, beside)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    with (tmp_path / "log").open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scr", "--home", str(home), "serve",
            stdout=sink, stderr=sink, env=environment,
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(timeout=LONG, headers={"Authorization": authorization}) as client:
            await until_alive(client, base, process)
            form = {"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}
            made.gate.set()
            found = await client.post(f"{base}/Patient/_search", data=form)
            made.subject = found.json()["entry"][0]["resource"]["id"]
            made.gate.clear()
        yield made
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), LONG)
        made.gate.set()
        await runner.cleanup()


async def _neighbour(made: Serving, port: int) -> web.AppRunner:
    async def answer(request: web.Request) -> web.Response:
        await made.gate.wait()
        body = await request.read()
        said = made.neighbour.respond(httpx.Request(request.method, str(request.url), content=body))
        return web.Response(body=said.content, content_type="application/fhir+json")

    app = web.Application()
    app.router.add_route("*", "/r4/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def test_streams_over_sockets(serving: Serving) -> None:
    """What is held comes while the neighbour says nothing; the rest when it does; a client that goes away,
    and one that does not read, end their streams and nobody else's."""
    reader, writer = await serving.ask("text/event-stream")
    first = await chunk(reader)
    assert first.startswith(b"event: entries\ndata: {")
    gone, going = await serving.ask()
    await chunk(gone)
    going.close()
    await serving.ended("gone")
    serving.gate.set()
    events = (first + await whole(reader)).removesuffix(b"\n\n").split(b"\n\n")
    writer.close()
    names = [event.split(b"\n")[0] for event in events]
    assert len(names) >= 4
    assert names == [b"event: entries"] * (len(names) - 1) + [b"event: ledger"]
    assert b'"Sample Neighbour answered.' in events[-1]
    await serving.ended("whole")
    await _slow(serving)


async def _slow(serving: Serving) -> None:
    """A client that does not read its fifteen megabytes is let go in time: its body never ends."""
    serving.neighbour.resources = LARGE
    lazy, writer = await serving.ask()
    await chunk(lazy)
    await serving.ended("slow")
    quick, other = await serving.ask()
    lines = await whole(quick)
    kinds = [orjson.loads(line)["resourceType"] for line in lines.splitlines()]
    assert (kinds.count("Observation"), kinds[-1]) == (len(LARGE), "OperationOutcome")
    with pytest.raises(asyncio.IncompleteReadError):
        await whole(lazy)
    writer.close()
    other.close()
