"""A whole deployment, and a PDS that is too busy for a while: what comes in waits, and is filed once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from joserfc.jwk import KeySet
from tests.support.patience import LONG
from typer.testing import CliRunner

from scr.api.services import Services, open_services
from scr.api.taking_in import recover, waiting_room
from scr.cli.app import command_line
from scr.demo.deploy import PDS_PUBLIC_KEYS, Ports, write_home
from scr.demo.people import population
from scr.demo.suppliers import pds
from scr.demo.suppliers.process import Arguments, busy_file
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.settings import Settings, load
from scr.store import messages
from scr.store.messages import MessageState
from scr.store.records import load_record

SEED, SIZE = 11, 12
SOMEBODY = population(SEED, SIZE)[0]
NUMBER = NHSNumber(SOMEBODY.nhs_number)
LIST = (
    "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On\n"
    f"{NUMBER.value},{SOMEBODY.family},{SOMEBODY.given},{SOMEBODY.birth_date},F,"
    f"{SOMEBODY.address.postcode},Z99001,1999-03-02\n"
).encode()


@pytest.fixture
async def settings(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Settings]:
    """The demonstration's deployment, with its PDS beside it on a real socket."""
    home = tmp_path / "home"
    write_home(home, Ports(pds=unused_tcp_port))
    keys = KeySet.import_key_set(json.loads((home / PDS_PUBLIC_KEYS).read_text(encoding="ascii")))
    arguments = Arguments("pds", tmp_path, unused_tcp_port, SEED, SIZE, tmp_path, 0.0, 0.0)
    runner = web.AppRunner(pds.application(arguments, keys), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield load({"home": home}).settings
    await runner.cleanup()


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Services]:
    """The deployment, as a server's process opens it."""
    async with open_services(settings) as services:
        await recover(services)
        async with waiting_room(services):
            yield services


def printed(settings: Settings, verb: str) -> str:
    """What `scr quarantine` prints."""
    line = ["--home", str(settings.home), "quarantine", verb]
    return CliRunner().invoke(command_line(line), line).output


async def test_a_message_waits_over_a_restart_and_is_filed_by_itself_once(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """PDS answers 429: kept, on nobody's record. It answers again: filed by the next process, unasked."""
    caplog.set_level(logging.DEBUG)
    busy_file(tmp_path, "pds").write_text("1", encoding="ascii")
    async with started(settings) as services:
        provider = services.providers[OdsCode("Z99001")]
        feed = next(one for one in provider.feeds if one.name == "registrations")
        receipt = await services.intake.receive(provider, feed, LIST)
        assert receipt.state is MessageState.WAITING
        held = await services.database.read(lambda conn: index.find(conn, services.keys, NUMBER))
        assert held is None
    assert "1 message waits for PDS" in printed(settings, "list")
    assert receipt.message in printed(settings, "waiting")
    busy_file(tmp_path, "pds").unlink()
    async with started(settings) as services, asyncio.timeout(LONG):
        while await services.database.read(messages.waiting):  # noqa: ASYNC110 - only the store tells
            await asyncio.sleep(0.1)
        again = await services.intake.receive(provider, feed, LIST)
        assert (again.duplicate, again.state, again.filed) == (True, MessageState.FILED, 1)
        person = await services.database.read(lambda conn: index.find(conn, services.keys, NUMBER))
        assert person is not None
        assert person.standing.verification == "01"
        entries = await services.database.read(lambda conn: load_record(conn, services.keys, person))
        assert {entry.version for entry in entries} == {"1"}
    assert printed(settings, "waiting") == "Nothing waits.\n"
    assert NUMBER.value not in caplog.text
