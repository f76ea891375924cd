"""Two servers of one deployment, each a process of its own on a real socket, and an app between them."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.functional.deployment import make_home
from tests.support.patience import LONG
from tests.support.ports import free_port
from tests.unit.api.oauth.apps import HOME, VERIFIER, answered, hidden, request_of, staff

from scr.api.oauth.app_terms import AppTerms
from scr.api.oauth.registration import client_to_register
from scr.api.services import now_ms, open_database, open_keys
from scr.api.signin.kept import Keep, Visit
from scr.fhir.identifiers import OdsCode
from scr.settings import Settings
from scr.store import clients
from scr.store.clients import ClientKind

SCOPES = ["user/*.rs", "openid", "online_access"]


@asynccontextmanager
async def serving(home: Path, port: int, log: Path) -> AsyncIterator[str]:
    """`scr serve`, a process of its own; gives its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    environment |= {"SCR_HTTP_PORT": str(port), "SCR_MLLP_PORT": str(free_port())}
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scr", "--home", str(home), "serve",
            stdout=sink, stderr=sink, env=environment,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient() as client, asyncio.timeout(LONG):
            while True:
                assert process.returncode is None
                try:
                    if (await client.get(f"{address}/health/live")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield address
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), LONG)


async def arrange(home: Path, port: int) -> tuple[str, str]:
    """A deployment with an app, and a clinician who has signed in; its base, and the browser's cookie."""
    base = f"http://127.0.0.1:{port}/fhir"
    make_home(home)
    (home / "keys" / "cis2.secret").write_text("of these tests alone")
    (home / "scr.toml").write_text(
        f'base_url = "{base}"\n[[upstreams]]\nname = "cis2"\ntitle = "NHS CIS2"\npeople = "staff"\n'
        'url = "https://cis2.example"\nclient_id = "record"\nauthentication = "client_secret_basic"\n'
        'secret = "file:keys/cis2.secret"\nscopes = ["openid"]\n',
        encoding="utf-8",
    )
    settings = Settings(home=home, base_url=base)
    database, keys = open_database(settings), open_keys(settings)
    try:
        app = client_to_register(
            "chart", ClientKind.APP, "Growth chart", OdsCode("ZZS01"), SCOPES,
            app=AppTerms((HOME,), "staff", public=True), now=1,
        )  # fmt: skip
        await database.write(lambda connection: clients.register(connection, app))
        visit = Visit(staff(), "", secrets.token_urlsafe(16))
        return base, await Keep(database, keys, now_ms).put(visit)
    finally:
        database.close()


async def test_a_code_of_one_process_is_good_once_in_all(tmp_path: Path) -> None:
    """Asked at one server, redeemed at the other; shown again at the first, it ends what the other gave."""
    home, ports = tmp_path / "home", (free_port(), free_port())
    base, cookie = await arrange(home, ports[0])
    log = tmp_path / "log"
    async with (
        serving(home, ports[0], log) as one,
        serving(home, ports[1], log) as two,
        httpx.AsyncClient(cookies={"scr_visit": cookie}, timeout=LONG) as browser,
        httpx.AsyncClient(timeout=LONG) as app,
    ):
        told = (await app.get(f"{one}/fhir/.well-known/smart-configuration")).json()
        asked = request_of("chart", " ".join(SCOPES), aud=base)
        shown = await browser.get(told["authorization_endpoint"], params=asked)
        form = {**hidden(shown), "answer": "approve"}
        back = answered(await browser.post(f"{told['authorization_endpoint']}/answer", data=form))
        redeem = {
            "grant_type": "authorization_code", "client_id": "chart", "code": back["code"],
            "redirect_uri": HOME, "code_verifier": VERIFIER,
        }  # fmt: skip
        given = (await app.post(f"{two}/fhir/auth/token", data=redeem)).json()
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        asking = f"fhir/Patient/{'x' * 26}"
        assert (await app.get(f"{one}/{asking}", headers=headers)).status_code == 404
        again = await app.post(f"{one}/fhir/auth/token", data=redeem)
        assert again.json()["error"] == "invalid_grant"
        assert (await app.get(f"{two}/{asking}", headers=headers)).status_code == 401
        renew = {"grant_type": "refresh_token", "client_id": "chart", "refresh_token": given["refresh_token"]}
        assert (await app.post(f"{two}/fhir/auth/token", data=renew)).json()["error"] == "invalid_grant"
    logged = log.read_text("utf-8", "replace")
    for secret in (back["code"], given["refresh_token"], given["access_token"], cookie, "Nora"):
        assert secret not in logged
