"""A server that is to stop: a process of its own, asked and sent to while it is told so."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from tests.functional.deployment import ADA, make_home, message, pid, visit
from tests.functional.test_endpoint_server import issuer, until_alive
from tests.support.patience import LONG, until
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer

from scr.api.draining import Drain
from scr.api.health import LATE_MS, Readiness
from scr.api.services import now_ms, open_database
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.errors import Unavailable
from scr.intake.mllp_client import connect
from scr.onboarding.register import declare_home_live
from scr.settings import Settings
from scr.store import feeds
from scr.store.engine import Database
from scr.store.messages import MessageState
from scr.store.migrations import downgrade
from scr.store.trail import AuditRow, append, recent

__all__ = ["issuer"]


def row(at: int) -> AuditRow:
    """Somebody who looked."""
    return AuditRow(
        at=at, actor="", action="read", what="Patient", outcome="refused", code="x", correlation="c"
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A deployment's database, its keys beside it."""
    make_home(tmp_path)
    opened = open_database(Settings(home=tmp_path))
    yield opened
    opened.close()


async def test_a_process_is_ready_only_while_all_that_it_needs_is_there(
    database: Database, tmp_path: Path
) -> None:
    """Seals that are late, older tables, a database that is away, a stop: each is named."""
    seconds, settings, drain = 0.0, Settings(home=tmp_path), Drain()
    ready = Readiness(database, settings, lambda: LATE_MS + 2, drain, lambda: seconds)
    assert await ready.problems() == ()
    await database.write(lambda connection: append(connection, row(1)))
    assert await ready.problems() == ()  # as it was a moment ago
    seconds += 10
    assert await ready.problems() == ("seals",)
    (tmp_path / "keys" / "audit.key").unlink()
    seconds += 10
    assert await ready.problems() == ()  # nothing is sealed, and nothing late
    downgrade(database, "-1")
    seconds += 10
    assert await ready.problems() == ("migrations",)
    database.close()
    seconds += 10
    assert await ready.problems() == ("database",)
    drain.begun.set()
    assert await ready.problems() == ("draining",)


async def test_what_does_not_end_in_its_time_is_broken_off() -> None:
    """A request that would hang for ever keeps no process from stopping."""
    drain, gone = Drain(), asyncio.Event()

    async def hang() -> object:
        try:
            return await asyncio.Event().wait()
        finally:
            gone.set()

    task = asyncio.create_task(hang())
    drain.under_way.add(task)
    await asyncio.sleep(0)
    await drain.empty(0.01)
    await asyncio.wait({task})
    assert task.cancelled()
    assert gone.is_set()


def admission(number: int) -> bytes:
    """One of many admissions of Ada."""
    return message("A01", f"S{number}", pid(ADA, "O'Sample", "Ada", "19410705"), visit(f"V{number}"))


async def test_what_was_acknowledged_is_there_after_a_stop(tmp_path: Path, issuer: TestIssuer) -> None:
    """SIGTERM amid HTTP and MLLP: ready says no, nothing new is taken, and what is under way is answered."""
    home, port, mllp = tmp_path / "home", free_port(), free_port()
    arrange(home, port, mllp, issuer)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scr", "--home", str(home), "serve", env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    logged: list[bytes] = []
    logging = asyncio.create_task(log(process, logged))
    acknowledged: list[bytes] = []
    server = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(timeout=LONG) as client, asyncio.TaskGroup() as both:
            await until_alive(client, f"{server}/fhir", process)
            assert (await client.get(f"{server}/health/ready")).json() == {"status": "ready"}
            await reload(process, home, logged)
            half, rest = asyncio.Event(), asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                whole = admission(0)
                yield whole[:100]
                half.set()
                await rest.wait()
                yield whole[100:]

            system = {"Authorization": issuer.bearer(nhsid_useruid=None, client_id="pas")}
            posting = both.create_task(client.post(f"{server}/intake/adt", content=slowly(), headers=system))
            sending = both.create_task(send_on(mllp, acknowledged))
            async with asyncio.timeout(LONG):
                await half.wait()
                await until(lambda: len(acknowledged) > 2)
                process.send_signal(signal.SIGTERM)
                while (said := await client.get(f"{server}/health/ready")).status_code == 200:
                    pass
                assert (said.status_code, said.json()["why"]) == (503, ["draining"])
                await sending  # MLLP has closed, while HTTP still answers
                rest.set()
                assert (await posting).status_code == 202
                acknowledged.append(admission(0))
        assert await asyncio.wait_for(process.wait(), LONG) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await logging
    assert states(home) >= len(acknowledged) > 3


async def log(process: asyncio.subprocess.Process, logged: list[bytes]) -> None:
    """Keep the lines of a process's log."""
    assert process.stderr is not None
    async for line in process.stderr:
        logged.append(line)


def told(logged: list[bytes], said: bytes) -> bool:
    """Whether a line of the log has it."""
    return any(said in line for line in logged)


async def reload(process: asyncio.subprocess.Process, home: Path, logged: list[bytes]) -> None:
    """SIGHUP: a policy with a mistake changes nothing; another is in force, which the audit trail says, and
    the former worker is gone."""
    policy = home / "consent/labels.yaml"
    policy.parent.mkdir(exist_ok=True)
    rules = DataFiles().find("consent", "labels.yaml").read_text("utf-8")

    def governed() -> list[AuditRow]:
        database = open_database(Settings(home=home))
        try:
            return [one for one in database.read_now(lambda conn: recent(conn, 1000)) if one.what == "policy"]
        finally:
            database.close()

    [first] = governed()
    for wrong in (True, False):
        policy.write_text("rules: [" if wrong else f"{rules}\n# said another way\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        said = b'"reload.refused"' if wrong else b'"reloaded"'
        await until(partial(told, logged, said))
    [now, _] = governed()
    assert now.details == {"before": first.details["now"], "now": load_policy(DataFiles(home)).hash}
    assert first.details["now"] != now.policy == now.details["now"]


def arrange(home: Path, port: int, mllp: int, issuer: TestIssuer) -> None:
    """A deployment with a hospital that sends by MLLP and over HTTP, and is live."""
    described(home, port, mllp, issuer)
    declare_home_live(home, by="tests", evidence="a test", now=now_ms())


def described(home: Path, port: int, mllp: int, issuer: TestIssuer) -> None:
    """Its folder, before there is a database."""
    make_home(home)
    file = home / "adapters/providers/RXX.yaml"
    hospital = yaml.safe_load(file.read_text(encoding="utf-8"))
    feed = {"name": "mllp", "adapter": "pas-adt", "connection": {"kind": "mllp", "sending_facility": "RXX"}}
    hospital["feeds"].append(feed)
    file.write_text(yaml.safe_dump(hospital), encoding="utf-8")
    (home / "adapters/providers/QXX.yaml").unlink()
    (home / "scr.toml").write_text(
        f'base_url = "http://127.0.0.1:{port}/fhir"\nhttp_port = {port}\nmllp_port = {mllp}\n'
        "drain_notice_seconds = 2\n"
        f'[[issuers]]\nurl = "{issuer.url}"\naudience = "scr"\nalgorithms = ["ES256"]\n',
        encoding="utf-8",
    )


async def send_on(port: int, acknowledged: list[bytes]) -> None:
    """Message after message, until the server hangs up; what it took is noted."""
    try:
        async with connect("127.0.0.1", port, timeout=LONG) as exchange:
            while True:
                raw = admission(1 + len(acknowledged))
                assert b"MSA|AA" in await exchange(raw)
                acknowledged.append(raw)
    except (OSError, Unavailable):
        return


def states(home: Path) -> int:
    """How many messages are filed; none is left unfinished."""
    database = open_database(Settings(home=home))
    try:
        found = database.read_now(feeds.feed_states)
    finally:
        database.close()
    assert not any(state is not MessageState.FILED for one in found for state in one.counts)
    return sum(one.counts[MessageState.FILED] for one in found)
