"""The processes of `deploy/compose.yaml` over one PostgreSQL, of which two are killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
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
from scr.errors import Unavailable
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.intake.mllp_client import connect
from scr.onboarding.register import declare_home_live

__all__ = ["issuer"]

MESSAGES, SENDERS = 120, 4
WORKER = "work"
"""What does neither: it sends what goes out, seals and judges."""


def environment_of(source: Path | None, **settings: str) -> dict[str, str]:
    """The environment of a process with these settings, of the version in a folder, or of this one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    environment |= {f"SCR_{name.upper()}": value for name, value in settings.items()}
    return environment | ({} if source is None else {"PYTHONPATH": str(source)})


@asynccontextmanager
async def process(
    home: Path, ready: int, *arguments: str, source: Path | None = None, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the deployment, once it is ready; asked to stop at the end, if it still runs."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scr", "--home", str(home), *arguments, env=environment_of(source, **settings),
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


@dataclass
class Clients:
    """Those who ask and send, each of whom turns to another process where one does not answer."""

    web: httpx.AsyncClient
    headers: dict[str, str]
    apis: list[int]
    intakes: list[int]
    acknowledged: set[int] = field(default_factory=set)
    answered: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def ask(self, path: str, **form: str) -> httpx.Response:
        """The answer of the first process that gives one."""
        for port in itertools.islice(itertools.cycle(self.apis), 4 * len(self.apis)):
            with suppress(httpx.TransportError):
                url = f"http://127.0.0.1:{port}/fhir/{path}"
                if form:
                    return await self.web.post(url, data=form, headers=self.headers)
                return await self.web.get(url, headers=self.headers)
        raise AssertionError("no process answers")

    async def send(self, numbers: Iterable[int]) -> None:
        """Send messages one after another; one whose acknowledgement does not come is sent again."""
        ports = itertools.cycle(self.intakes)
        left = list(numbers)
        for port in itertools.islice(ports, 50):
            with suppress(OSError, Unavailable):
                async with connect("127.0.0.1", port, timeout=LONG) as exchange:
                    while left:
                        assert b"MSA|AA" in await exchange(admission(left[0]))
                        self.acknowledged.add(left.pop(0))
                        async with self.progress:
                            self.progress.notify_all()
            if not left:
                return
        raise AssertionError("no process takes messages")

    async def look(self) -> None:
        """Ask for Ada, again and again, until all is sent: no answer is an error."""
        form = {"identifier": f"{NHS_NUMBER_SYSTEM}|{ADA.value}"}
        await self.sent(1)  # before that nobody knows her
        while not self.done.is_set():
            found = await self.ask("Patient/_search", **form)
            assert found.status_code == 200, found.text
            assert found.json()["entry"][0]["resource"]["resourceType"] == "Patient"
            self.answered += 1

    async def sent(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.acknowledged) >= count)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
@pytest.mark.long
async def test_of_all_processes_one_that_answers_and_one_that_listens_are_killed_under_load(
    tmp_path: Path, database_url: str, issuer: TestIssuer
) -> None:
    """Three that answer, two that listen and one that does the rest, over one PostgreSQL: one of each of the
    first is killed amid questions and messages. Whoever asks again has an answer, and no error; each message
    that was acknowledged is in the record, once."""
    home, mllp = tmp_path / "home", [free_port(), free_port()]
    apis, listeners, rest = [free_port() for _ in range(3)], [free_port() for _ in range(2)], free_port()
    arrange(home, apis[0], mllp[0], issuer)
    file = home / "scr.toml"
    file.write_text(f'database_url = "{database_url}"\nwriters = 1\n{file.read_text("utf-8")}', "utf-8")
    declare_home_live(home, by="tests", evidence="a test", now=now_ms())
    async with AsyncExitStack() as stack, httpx.AsyncClient(timeout=LONG) as web:
        started = await asyncio.gather(
            *(
                stack.enter_async_context(
                    process(home, port, "serve", "--no-intake", "--no-outbound", http_port=str(port))
                )
                for port in apis
            ),
            *(
                stack.enter_async_context(
                    process(home, port, "listen", metrics_port=str(port), mllp_port=str(taking))
                )
                for port, taking in zip(listeners, mllp, strict=True)
            ),
            stack.enter_async_context(process(home, rest, WORKER, metrics_port=str(rest))),
        )
        headers = {"Authorization": issuer.bearer(nhsid_nrbac_roles=[role("R8000", "RXX")])}
        clients = Clients(web, headers, apis, mllp)
        async with asyncio.TaskGroup() as tasks:
            looking = [tasks.create_task(clients.look()) for _ in range(3)]
            sending = [tasks.create_task(clients.send(range(n, MESSAGES, SENDERS))) for n in range(SENDERS)]
            for count, victim in ((MESSAGES // 4, started[0]), (MESSAGES // 2, started[len(apis)])):
                await clients.sent(count)
                os.killpg(victim.pid, signal.SIGKILL)
                await victim.wait()
            await asyncio.gather(*sending)
            clients.done.set()
            await asyncio.gather(*looking)
        found = await clients.ask("Patient/_search", identifier=f"{NHS_NUMBER_SYSTEM}|{ADA.value}")
        subject = found.json()["entry"][0]["resource"]["id"]
        told = await clients.ask(f"Encounter?patient={subject}&_count=500")
        assert told.json()["total"] == MESSAGES == len(clients.acknowledged)
        assert clients.answered
