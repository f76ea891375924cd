"""Processes over one PostgreSQL: two of the API, of which one is killed, and one that listens."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import ADA
from tests.functional.test_endpoint_server import issuer
from tests.functional.test_stopping import admission, arrange
from tests.support.patience import LONG
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer, role

from scr.api.services import now_ms
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.intake.mllp_client import connect
from scr.onboarding.register import declare_home_live

__all__ = ["issuer"]


@asynccontextmanager
async def process(
    home: Path, ready: int, *arguments: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the deployment, once it is ready; asked to stop at the end, if it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    environment |= {f"SCR_{name.upper()}": value for name, value in settings.items()}
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scr", "--home", str(home), *arguments, env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(timeout=LONG) as client, asyncio.timeout(LONG):
            while True:
                assert made.returncode is None
                try:
                    if (await client.get(f"http://127.0.0.1:{ready}/health/ready")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield made
    finally:
        if made.returncode is None:
            made.send_signal(signal.SIGTERM)
        await asyncio.wait_for(made.wait(), LONG)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
@pytest.mark.long
async def test_one_of_several_processes_is_killed_and_nobody_who_asks_again_sees_it(
    tmp_path: Path, database_url: str, issuer: TestIssuer
) -> None:
    """What one process takes in is asked of two others; one is killed amid it: each question has its answer,
    and each message that was acknowledged is in the record."""
    home, ports = tmp_path / "home", [free_port() for _ in range(4)]
    arrange(home, ports[0], ports[2], issuer)
    file = home / "scr.toml"
    file.write_text(f'database_url = "{database_url}"\nwriters = 1\n{file.read_text("utf-8")}', "utf-8")
    declare_home_live(home, by="tests", evidence="a test", now=now_ms())
    async with AsyncExitStack() as stack, httpx.AsyncClient(timeout=LONG) as client:
        both, listening = ports[:2], ports[3]
        started = await asyncio.gather(
            *(
                stack.enter_async_context(process(home, port, "serve", "--no-intake", http_port=str(port)))
                for port in both
            ),
            stack.enter_async_context(process(home, listening, "listen", metrics_port=str(listening))),
        )
        headers = {"Authorization": issuer.bearer(nhsid_nrbac_roles=[role("R8000", "RXX")])}
        form = {"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}

        async def ask(path: str, **data: str) -> httpx.Response:
            for port in (*both, *both):
                with suppress(httpx.TransportError):
                    url = f"http://127.0.0.1:{port}/fhir/{path}"
                    if data:
                        return await client.post(url, data=data, headers=headers)
                    return await client.get(url, headers=headers)
            raise AssertionError("no process answers")

        async with connect("127.0.0.1", ports[2], timeout=LONG) as exchange:
            for number in range(6):
                assert b"MSA|AA" in await exchange(admission(number))
                found = await ask("Patient/_search", **form)
                assert found.status_code == 200, found.text
                if number == 3:
                    os.killpg(started[0].pid, signal.SIGKILL)
                    await started[0].wait()
        subject = found.json()["entry"][0]["resource"]["id"]
        told = await ask(f"Encounter?patient={subject}")
        assert told.json()["total"] == 6
