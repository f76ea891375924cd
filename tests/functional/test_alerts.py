"""Alerts that leave the house: at least once, whatever fails in between, and with nobody's data."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import BERT, Deployment, running
from tests.functional.test_endpoint_claims import GLASS, REASON, ask, granted, only, parameters

from scr.api.services import now_ms
from scr.errors import Invalid
from scr.sources.alerts import FIRST_MS, LEASE_MS, AlertPost, Delivery, signature, ways_of
from scr.sources.http import open_client
from scr.sources.workflows import open_workflows
from scr.store import alerts

SECRET = b"a secret of thirty-two characters or more"


@dataclass
class Receiver:
    """Whoever takes alerts: a real server, whose next answers are told beforehand; None is never given."""

    port: int = 0
    statuses: list[int | None] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in head[1:] if one)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.taken.append((headers, body))
        self.arrived.set()
        status = self.statuses.pop(0)
        if status is None:
            await reader.read()  # until whoever asked has gone
        else:
            writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def receiving(*statuses: int | None, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver that answers so, one request after the other."""
    made = Receiver(statuses=list(statuses))
    server = await asyncio.start_server(made.serve, "127.0.0.1", port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


@pytest.fixture
async def house(database_url: str, tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Deployment]:
    """A deployment that sends alerts to an address where nobody is yet, and into a folder."""
    where = f"http://127.0.0.1:{unused_tcp_port}/alerts"
    made = running(tmp_path / "home", database_url, alert_webhook=where, alert_folder="alerts")
    async with made as deployment:
        (tmp_path / "home" / "keys" / "alerts.key").write_bytes(SECRET)
        yield deployment


@dataclass
class Clock:
    """The time, which goes on only where a test says so (ms UTC)."""

    now: int = field(default_factory=now_ms)

    def __call__(self) -> int:
        """Now."""
        return self.now


def posted(house: Deployment, client: httpx.AsyncClient, clock: Clock) -> AlertPost:
    """What delivers for a deployment."""
    services, settings = house.services, house.services.settings
    return AlertPost(services.database, ways_of(settings, client, clock), settings.base_url, clock)


@asynccontextmanager
async def delivering(house: Deployment, client: httpx.AsyncClient, clock: Clock) -> AsyncIterator[Delivery]:
    """The same, with workflows."""
    settings = house.services.settings
    async with open_workflows(settings.resolved_database_url, settings.home) as workflows:
        yield posted(house, client, clock).by(workflows)


async def test_an_alert_arrives_whatever_failed_before(house: Deployment) -> None:
    """Nobody there, an error, a try that another process had begun; then it arrives, known by its key."""
    granted(await ask(house, GLASS, parameters(BERT)))
    claim, database, clock = await only(house), house.services.database, Clock()
    port = int(house.services.settings.alert_webhook.split(":")[2].split("/")[0])
    async with open_client(None) as client, delivering(house, client, clock) as delivery:
        assert await delivery.deliver()
        [stuck] = await database.read(alerts.stuck)
        assert (stuck.id, stuck.problem, stuck.taken) == (claim.id, "webhook: not-reached", "folder")
        assert not await delivery.deliver()  # not before its time
        async with receiving(503, 204, port=port) as receiver:
            clock.now += FIRST_MS
            assert await delivery.deliver()
            [stuck] = await database.read(alerts.stuck)
            assert (stuck.problem, stuck.tries) == ("webhook: status-503", 2)
            clock.now += 10 * FIRST_MS
            now = clock.now
            assert await database.write(lambda conn: alerts.take(conn, now, now + LEASE_MS)) is not None
            assert not await delivery.deliver()  # it was somebody's, who has died since
            clock.now += LEASE_MS + 1
            assert await delivery.deliver()
        await delivery.sweep()
    assert await database.read(alerts.waiting) == []
    assert {headers["x-scr-alert"] for headers, _ in receiver.taken} == {claim.id}
    assert {headers["idempotency-key"] for headers, _ in receiver.taken} == {f'"{claim.id}"'}
    assert len(receiver.taken) == 2
    for headers, body in receiver.taken:
        assert headers["x-scr-signature"] == signature(SECRET, headers["x-scr-timestamp"], body)
    [file] = (house.services.settings.home / "alerts").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(receiver.taken[-1][1])
    assert told == json.loads(file.read_bytes())
    assert told.keys() == {"id", "kind", "at", "link"}
    assert (told["id"], told["kind"]) == (claim.id, "break-glass")
    assert told["link"] == f"https://record.test/privacy/claim/{claim.id}"
    assert REASON not in file.read_text()


async def test_what_is_not_taken_in_its_time_is_given_up_and_told(house: Deployment) -> None:
    """After its days it is not tried any more, and an alert tells of that; it can be sent again."""
    granted(await ask(house, GLASS, parameters(BERT)))
    claim, database, clock = await only(house), house.services.database, Clock()
    port = int(house.services.settings.alert_webhook.split(":")[2].split("/")[0])
    async with open_client(None) as client, delivering(house, client, clock) as delivery:
        assert await delivery.deliver()
        clock.now += 8 * 24 * 3600 * 1000
        assert await delivery.deliver()
        given_up, told = await database.read(alerts.waiting)
        assert (given_up.id, given_up.given_up, given_up.tries) == (claim.id, True, 2)
        assert (told.kind, told.tries) == (alerts.UNDELIVERED, 0)
        async with receiving(204, 204, port=port) as receiver:
            assert await delivery.deliver()  # that of the other alone
            assert not await delivery.deliver()
            assert await database.write(lambda conn: alerts.again(conn, clock.now)) == 1
            assert await delivery.deliver()
    assert await database.read(alerts.waiting) == []
    kinds = [json.loads(body)["kind"] for _, body in receiver.taken]
    assert kinds == ["undelivered", "break-glass"]


async def test_an_alert_goes_out_by_itself_and_ends_with_the_process(house: Deployment) -> None:
    """What runs beside the server delivers, goes on after a failure, and stops when it is told to."""
    granted(await ask(house, GLASS, parameters(BERT)))
    stop = asyncio.Event()
    port = int(house.services.settings.alert_webhook.split(":")[2].split("/")[0])
    async with (
        receiving(200, port=port) as receiver,
        open_client(None) as client,
        delivering(house, client, Clock()) as delivery,
    ):
        runs = asyncio.create_task(delivery.run(stop))
        await receiver.arrived.wait()
        stop.set()
        await runs
    assert await house.services.database.read(alerts.waiting) == []


async def test_a_secret_that_would_not_hold_stops_the_start(house: Deployment) -> None:
    """A short one, or none, is told of before anything is served."""
    settings = house.services.settings
    for content in (b"short", b""):
        settings.path("keys/alerts.key").write_bytes(content)
        with pytest.raises(Invalid, match=r"alerts\.key"):
            ways_of(settings, house.services.client, now_ms)
