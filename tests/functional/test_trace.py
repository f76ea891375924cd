"""``scr identity trace`` against the demonstration's PDS, as an operator runs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from joserfc.jwk import KeySet, RSAKey
from tests.support.patience import LONG
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.demo.people import LARGEST, nhs_number, population
from scr.demo.suppliers import pds
from scr.demo.suppliers.process import Arguments
from scr.store.keys import create_keys

SEED, SIZE = 11, 12
EDITH, RETAINED = population(SEED, SIZE)[0], population(SEED, SIZE)[3]
Trace = Callable[..., Result]

_SETTINGS = """
pds_mode = "live"
pds_url = "{origin}/personal-demographics/FHIR/R4"
pds_token_url = "{origin}/oauth2/token"
pds_client_id = "scr-demo"
pds_key = "file:keys/pds.pem"
pds_key_id = "k1"
pds_organisation = "ZZS01"
"""


@pytest.fixture
def trace(tmp_path: Path, unused_tcp_port: int) -> Iterator[Trace]:
    """The command, with a PDS in a thread of its own."""
    key = RSAKey.generate_key(2048, {"kid": "k1"})
    arguments = Arguments("pds", tmp_path, unused_tcp_port, SEED, SIZE, tmp_path, 0.0, 0.0)
    create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "pds.pem").write_bytes(key.as_pem(private=True))
    origin = f"http://127.0.0.1:{unused_tcp_port}"
    (tmp_path / "scr.toml").write_text(_SETTINGS.format(origin=origin), encoding="utf-8")
    ready, loop = threading.Event(), asyncio.new_event_loop()
    runner = web.AppRunner(pds.application(arguments, KeySet([key])), access_log=None)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
        ready.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(LONG)

    def run(*options: str, number: str = "") -> Result:
        line = ["--home", str(tmp_path), "identity", "trace", *options]
        return CliRunner().invoke(command_line(line), line, input=number + "\n")

    yield run
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_number_is_read_from_a_pipe_or_typed(trace: Trace) -> None:
    """Either way the person is shown, and what was typed is not echoed."""
    for result in (
        trace("--file", "-", number=EDITH.nhs_number),
        trace("--related", number=EDITH.nhs_number),
    ):
        assert result.exit_code == 0, result.output
        assert "Ashdown-Wray" in result.output
        assert "01 present and verified" in result.output
        assert EDITH.nhs_number not in result.output


def test_a_person_is_traced_by_what_is_known_of_them(trace: Trace) -> None:
    """Found by a beginning of the name: it says how well it matches. Nobody: it says so, and fails."""
    found = trace("--family", "Ashdown*", "--birth-date", EDITH.birth_date.isoformat())
    assert found.exit_code == 0, found.output
    assert "the score is 0.9 of 1" in found.output
    nobody = trace("--family", "Ashdown*", "--birth-date", "1938-03-15")
    assert (nobody.exit_code, nobody.output) == (1, "PDS knows nobody like that.\n")


def test_numbers_that_are_not_in_use_are_told_apart(trace: Trace) -> None:
    """One that gave way shows who has the other now; one that was taken out of use shows nobody."""
    former = trace("--file", "-", number=nhs_number(SEED, LARGEST))
    assert "gave way" in former.output
    assert RETAINED.family in former.output
    gone = trace("--file", "-", number=nhs_number(SEED, LARGEST + 1))
    assert gone.exit_code == 1
    assert "taken out of use" in gone.output
