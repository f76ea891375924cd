"""PDS asked over a real socket: the demonstration's own service, and servers that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from joserfc.jwk import KeySet, RSAKey
from tests.support.patience import LONG

from scr.api.services import now_ms, open_services
from scr.broker.query import Known
from scr.cli.config import init
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import Interaction, decide
from scr.demo.people import LARGEST, nhs_number, population
from scr.demo.suppliers import pds
from scr.demo.suppliers.process import Arguments, busy_file
from scr.fhir.dates import utc
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.identity.pds.access import AccessTokens, Application
from scr.identity.pds.client import Limits, PdsClient
from scr.identity.pds.facts import Found, Invalidated, NotKnown, Several, Superseded, Unreachable
from scr.identity.pds.search import Search
from scr.settings import load
from scr.sources.http import open_client

SEED, SIZE = 11, 30
KEY = RSAKey.generate_key(2048, {"kid": "test-1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "test-1"})
PEOPLE = population(SEED, SIZE)
RETAINED = PEOPLE[3]
FORMER = NHSNumber(nhs_number(SEED, LARGEST))
GONE = NHSNumber(nhs_number(SEED, LARGEST + 1))
NOBODY = NHSNumber("9990009996")
RESTRICTED = PEOPLE[7]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The process's client, over the real network."""
    async with open_client() as opened:
        yield opened


@pytest.fixture
async def service(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[str]:
    """The demonstration's PDS, running; its origin."""
    arguments = Arguments("pds", tmp_path, unused_tcp_port, SEED, SIZE, tmp_path, 0.0, 0.0)
    runner = web.AppRunner(pds.application(arguments, KeySet([KEY])), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield f"http://127.0.0.1:{unused_tcp_port}"
    await runner.cleanup()


def asker(client: httpx.AsyncClient, origin: str, key: RSAKey = KEY) -> PdsClient:
    """Who asks there, with a key of ours."""
    application = Application(origin + pds.TOKEN, pds.CLIENT_ID, "test-1", lambda: key.as_pem(private=True))
    tokens = AccessTokens(client, application, time.time)
    return PdsClient(
        client, origin + pds.BASE, OdsCode("ZZS01"), tokens, clock=time.monotonic, limits=Limits(LONG, 4)
    )


async def test_numbers_are_answered_for(client: httpx.AsyncClient, service: str) -> None:
    """In use, given way, taken out of use, nobody's; and one who is restricted comes without whereabouts."""
    ask = asker(client, service)
    found = await ask.number(NHSNumber(PEOPLE[0].nhs_number))
    assert isinstance(found, Found)
    assert found.person.demographics.family == PEOPLE[0].family
    assert found.person.practice == OdsCode(PEOPLE[0].practice)
    superseded = await ask.number(FORMER)
    assert isinstance(superseded, Superseded)
    assert superseded.person.number.value == RETAINED.nhs_number
    assert await ask.number(GONE) == Invalidated(GONE)
    assert await ask.number(NOBODY) == NotKnown()
    hidden = await ask.number(NHSNumber(RESTRICTED.nhs_number))
    assert isinstance(hidden, Found)
    assert hidden.person.restricted
    assert (hidden.person.addresses, hidden.person.telecoms, hidden.person.practice) == ((), (), None)


async def test_a_person_is_found_by_demographics(client: httpx.AsyncClient, service: str) -> None:
    """Exactly, by a beginning, by what sounds alike; not by another birth date; several are nobody."""
    ask, one = asker(client, service), PEOPLE[0]
    born = one.birth_date.isoformat()
    exact = await ask.search(Search(one.family, (one.given,), born, exact=True))
    assert isinstance(exact, Found)
    assert (exact.person.number.value, exact.score) == (one.nhs_number, 1.0)
    wild = await ask.search(Search(one.family[:3] + "*", (), born))
    assert isinstance(wild, Found)
    assert wild.score < 1.0
    alike = await ask.search(Search(one.family[:-1], (one.given,), born, fuzzy=True))
    assert isinstance(alike, Found)
    assert await ask.search(Search(one.family, (), "1900-01-01")) == NotKnown()
    assert isinstance(await ask.search(Search("*", (), born)), Found | Several)
    hidden = Search(
        RESTRICTED.family, (), RESTRICTED.birth_date.isoformat(), postcode=RESTRICTED.address.postcode
    )
    assert await ask.search(hidden) == NotKnown()


async def test_who_is_related_is_told(client: httpx.AsyncClient, service: str) -> None:
    """The carer of somebody who has one, and nobody for those who have none."""
    ask = asker(client, service)
    with_carer = next(one for one in PEOPLE if one.carer)
    alone = next(one for one in PEOPLE if not one.carer)
    (carer,) = await ask.related(NHSNumber(with_carer.nhs_number))  # type: ignore[misc]
    assert carer.relationships == ("Agent",)
    assert await ask.related(NHSNumber(alone.nhs_number)) == ()


async def test_a_key_that_is_not_ours_is_not_let_in(client: httpx.AsyncClient, service: str) -> None:
    """The signature is checked; whoever cannot sign hears nothing, and that is no answer about anyone."""
    answer = await asker(client, service, OTHER_KEY).number(NHSNumber(PEOPLE[0].nhs_number))
    assert answer == Unreachable("denied")


async def test_too_busy_is_believed(client: httpx.AsyncClient, service: str, tmp_path: Path) -> None:
    """429 with a pause: nobody calls again before that, and the answer says how long it is."""
    busy_file(tmp_path, "pds").write_text("30", encoding="ascii")
    ask = asker(client, service)
    first = await ask.number(NHSNumber(PEOPLE[0].nhs_number))
    busy_file(tmp_path, "pds").unlink()
    second = await ask.number(NHSNumber(PEOPLE[0].nhs_number))
    assert isinstance(first, Unreachable)
    assert isinstance(second, Unreachable)
    assert (first.code, second.code) == ("http-429", "left-alone")
    assert 29 < (second.retry_after or 0) <= 30


_SETTINGS = """
pds_mode = "live"
pds_url = "{origin}{base}"
pds_token_url = "{origin}{token}"
pds_client_id = "{client}"
pds_key = "file:keys/pds.pem"
pds_key_id = "test-1"
pds_organisation = "ZZS01"
"""


async def test_a_look_finds_out_what_became_of_a_number(tmp_path: Path, service: str) -> None:
    """The first is answered by what is known; behind it PDS is asked, and the next goes by what it said."""
    home = tmp_path / "home"
    init(home)
    (home / "keys" / "pds.pem").write_bytes(KEY.as_pem(private=True))
    with (home / "scr.toml").open("a", encoding="utf-8") as file:
        file.write(_SETTINGS.format(origin=service, base=pds.BASE, token=pds.TOKEN, client=pds.CLIENT_ID))
    told = Demographics(RETAINED.family, (RETAINED.given,), RETAINED.birth_date.isoformat())
    actor = Actor(ActorKind.PROFESSIONAL, "x|1", role="R8000", organisation=OdsCode("ZZS01"))
    async with open_services(load({"home": home}).settings) as services:
        for number in (GONE, FORMER):
            await services.database.write(lambda c, n=number: index.register(c, services.keys, n, told, 1))  # type: ignore[misc]

        async def look(number: NHSNumber) -> Known:
            known = await services.broker.by_number(number, actor)
            assert known is not None
            return known

        first = await look(GONE)
        assert not first.person.standing.invalidated
        assert (await look(FORMER)).person.nhs_number == FORMER
        limit = time.monotonic() + LONG
        while time.monotonic() < limit:  # behind the answers
            gone, former = await look(GONE), await look(FORMER)
            if gone.person.standing.invalidated and former.person.nhs_number.value == RETAINED.nhs_number:
                break
            await asyncio.sleep(0.02)
        assert gone.person.standing.invalidated
        assert decide(gone.request(actor, Interaction.SEARCH), services.policy, utc(now_ms())).permit is False
        assert former.former == {former.person.key: frozenset({FORMER})}
