"""The server as it is run: a process of its own, a real socket, a real token issuer, files in a folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from aiohttp import web
from joserfc.jwk import ECKey, KeySet
from tests.functional.deployment import (
    ADA,
    ADMISSION,
    EVENTS,
    KEY,
    REGISTRATIONS,
    SECRETS,
    checked,
    make_home,
)
from tests.functional.smuggling import check_smuggling
from tests.support.patience import LONG
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer, role

from scr.api.services import now_ms
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.onboarding.register import declare_home_live


@pytest.fixture
async def issuer() -> AsyncIterator[TestIssuer]:
    """An issuer on a real socket."""
    port = free_port()
    made = TestIssuer(KEY, url=f"http://127.0.0.1:{port}", audience="scr")

    async def discovery(_request: web.Request) -> web.Response:
        return web.json_response({"issuer": made.url, "jwks_uri": f"{made.url}/jwks"})

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(KeySet([KEY]).as_dict(private=False))

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", discovery)
    app.router.add_get("/jwks", jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield made
    await runner.cleanup()


async def test_files_dropped_are_a_record_over_http_and_no_number_is_logged(
    tmp_path: Path, issuer: TestIssuer
) -> None:
    """`scr serve`: what lies in the drop folder becomes a record that a clinician's system can ask for."""
    home, port = tmp_path / "home", free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    make_home(home)
    (home / "adapters/providers/QXX.yaml").unlink()
    (home / "scr.toml").write_text(
        f'base_url = "{base}"\nhttp_port = {port}\nmllp_port = {free_port()}\nlog_level = "debug"\n'
        f'[[issuers]]\nurl = "{issuer.url}"\naudience = "scr"\nalgorithms = ["ES256"]\n',
        encoding="utf-8",
    )
    declare_home_live(home, by="tests", evidence="a test", now=now_ms())
    for ods, name, content in (("A81001", "list.csv", REGISTRATIONS), ("C99", "events.csv", EVENTS)):
        folder = home / "drop" / ods
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
    log = tmp_path / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scr", "--home", str(home), "serve",
            stdout=sink, stderr=sink, env=environment,
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(timeout=LONG) as client:
            await until_alive(client, base, process)
            await _ask(client, base, issuer)
        await asyncio.to_thread(check_smuggling, port)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), LONG)
    logged = log.read_text("utf-8", "replace")
    assert '"event": "look"' in logged or '"event":"look"' in logged
    assert not any(number in logged for number in SECRETS)
    assert "O'Sample" not in logged


async def until_alive(client: httpx.AsyncClient, base: str, process: asyncio.subprocess.Process) -> None:
    limit = time.monotonic() + LONG
    while time.monotonic() < limit and process.returncode is None:
        try:
            if (await client.get(f"{base}/metadata")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise AssertionError("the server does not answer")


async def _ask(client: httpx.AsyncClient, base: str, issuer: TestIssuer) -> None:
    form = {"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}
    headers = {"Authorization": issuer.bearer(nhsid_nrbac_roles=[role()])}
    limit = time.monotonic() + LONG
    while True:  # the files are taken some moments after the start
        found = checked(await client.post(f"{base}/Patient/_search", data=form, headers=headers))
        if found.status == 200 or time.monotonic() > limit:
            break
        assert (found.status, found.code) == (403, "no-relationship")
        await asyncio.sleep(0.1)
    system = {"Authorization": issuer.bearer(nhsid_useruid=None, client_id="pas")}
    sent = await client.post(base.replace("/fhir", "/intake/adt"), content=ADMISSION, headers=system)
    assert checked(sent).status == 202
    subject = found.matches[0]["id"]
    limit = time.monotonic() + LONG
    while True:
        said = checked(await client.get(f"{base}/Patient/{subject}/$everything", headers=headers))
        kinds = {one["resourceType"] for one in said.matches}
        if {"Encounter", "EpisodeOfCare"} <= kinds or time.monotonic() > limit:
            break
        await asyncio.sleep(0.1)
    assert {"Patient", "Encounter", "EpisodeOfCare", "AllergyIntolerance"} <= kinds
    assert said.headers["x-scr-ledger"] == "3/3 answered"
    stranger = ECKey.generate_key("P-256", {"kid": "ec-1"})
    forged = {"Authorization": f"Bearer {issuer.token(key=stranger)}"}
    assert checked(await client.get(f"{base}/Patient/{subject}", headers=forged)).status == 401
    unread = await client.get(f"{base}/Patient", params=form, headers={**headers, "Accept": "text/html"})
    assert (unread.status_code, orjson.loads(unread.content)["resourceType"]) == (406, "OperationOutcome")
