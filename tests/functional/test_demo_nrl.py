"""The simulated record locator, asked over a socket as a source is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from tests.unit.sources import given

from scr.demo.people import population
from scr.demo.places import UNRELATED
from scr.demo.supplier import arguments
from scr.demo.suppliers.nrl import BASE, application, pointers
from scr.fhir.identifiers import NHSNumber
from scr.fhir.pointers import custodian
from scr.mapping.provider import FhirR4Connection
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.http import open_client
from scr.sources.nrl import NrlSource
from scr.sources.protocol import Outcome

SEED, SIZE = 7, 40


@pytest.mark.parametrize("address", [False, True])
async def test_the_simulator_is_asked_as_the_service_is(tmp_path: Path, address: bool) -> None:
    """By POST and by GET: the person's pointers and nobody else's, each with its custodian."""
    chosen = arguments(["nrl", "--folder", str(tmp_path), "--seed", str(SEED), "--size", str(SIZE)])
    runner = web.AppRunner(application(chosen), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{BASE}"
    how = FhirR4Connection(kind="fhir-r4", url=url, pointers=True, number_in="address" if address else "body")
    kept_by = set()
    try:
        async with open_client() as client:
            server = FhirRestSource(how, given.reader(tmp_path, "R4"), client, given.limits(), lambda: "")
            for person in population(SEED, SIZE)[:12]:
                asked = replace(given.question(known=None), nhs_number=NHSNumber(person.nhs_number))
                result = await NrlSource(server).ask(asked)
                expected = pointers(person)
                assert result.outcome is (Outcome.ANSWERED if expected else Outcome.EMPTY)
                assert len(result.entries) == len(expected)
                kept_by |= {kept.ods.value for entry in result.entries if (kept := custodian(entry))}
    finally:
        await runner.cleanup()
    assert UNRELATED in kept_by
    assert len(kept_by) > 1
