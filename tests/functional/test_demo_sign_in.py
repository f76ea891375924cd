"""Who signs in at the demonstration: citizens, and those who act for others, as NHS login tells of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from tests.support.ports import demo_ports

from scr.api.services import open_services
from scr.api.signin.build import open_sign_in, sign_in_routes
from scr.demo.deploy import Ports
from scr.demo.people import population
from scr.demo.run import plan, prepare, started
from scr.settings import load

SIZE = 60
_PERSONA = re.compile(r'<a href="([^"]+/authorize/as/[^"]+)">([^<]+)</a>')
_OPTION = re.compile(r'name="option" type="radio" value="(\d+)"')
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Door:
    """The record's own address, the issuer's, and the way to both."""

    ours: str
    issuer: str
    app: FastAPI

    def browser(self) -> httpx.AsyncClient:
        """A browser that knows nothing yet."""
        mounts = {self.ours: httpx.ASGITransport(self.app)}
        return httpx.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False, verify=False)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ports]]:
    """The demonstration's issuer, a process; and the home of the record that it knows."""
    folder = tmp_path_factory.mktemp("door") / "demo"
    ports = prepare(folder, demo_ports())
    [service] = [one for one in plan(folder, ports, size=SIZE) if one.name == "issuer"]
    with started(folder, (service,)) as supervisor:
        supervisor.wait_until_ready("issuer")
        yield folder / "home", ports


@pytest.fixture
async def door(issuer: tuple[Path, Ports]) -> AsyncIterator[Door]:
    """The record, to which people sign in."""
    (home, ports), app = issuer, FastAPI()
    async with open_services(load({"home": home}).settings) as services:
        sign_in = open_sign_in(services)

        async def who(request: Request) -> dict[str, str]:
            person = await sign_in.current(request)
            if person is None:
                return {}
            actor = person.actor()
            return {"kind": actor.kind.value, "patient": actor.patient.value if actor.patient else ""}

        app.include_router(sign_in_routes(sign_in, services).router())
        app.add_api_route("/who", who)
        yield Door(ports.base_url.removesuffix("/fhir"), ports.issuer_url, app)


async def come_in(browser: httpx.AsyncClient, door: Door, name: str) -> httpx.Response:
    """Choose somebody at NHS login."""
    page = await browser.get(f"{door.ours}/signin/begin/citizens", params={"to": "/who"})
    people = {shown: unescape(address) for address, shown in _PERSONA.findall(page.text)}
    return await browser.get(people[name])


async def test_everybody_comes_in_as_their_story_says(door: Door) -> None:
    """A citizen, a mother for each of her children, an attorney, a carer; and one who is not let in."""
    people = {person.nhs_number: person for person in population(size=SIZE)}
    numbers = {person.persona: number for number, person in people.items() if person.persona}
    acting: dict[str, set[str]] = {}
    for persona, name in (("blessing", "Blessing Okonjo-Hart"), ("tariq", "Tariq Mahmood-Ellery"),
                          ("zofia", "Zofia Lindqvist-Marek")):  # fmt: skip
        async with door.browser() as browser:
            page = await come_in(browser, door, name)
            assert page.url.path == "/signin/choose"
            [csrf] = _CSRF.findall(page.text)
            options = _OPTION.findall(page.text)
        for option in options:
            async with door.browser() as browser:
                page = await come_in(browser, door, name)
                [csrf] = _CSRF.findall(page.text)
                await browser.post(f"{door.ours}/signin/choose", data={"csrf": csrf, "option": option})
                told = (await browser.get(f"{door.ours}/who")).json()
                if option == "0":
                    assert told == {"kind": "citizen", "patient": numbers[persona]}
                else:
                    assert told["kind"] == "carer"
                    acting.setdefault(persona, set()).add(told["patient"])
    born = sorted(people[number].birth_date.year for number in acting.pop("blessing"))
    assert len(born) > 1
    assert len(set(born)) == len(born)
    assert acting == {"tariq": {numbers["edith"]}, "zofia": {numbers["harjit"]}}
    async with door.browser() as browser:
        told = (await come_in(browser, door, "Gwilym Prosser-Dane")).json()
        assert told == {"kind": "citizen", "patient": numbers["gwilym"]}
        refused = await come_in(browser, door, "Harjit Sandhu-Cole")
        assert (refused.status_code, "surely enough" in refused.text) == (403, True)


async def test_the_issuer_takes_its_own_client_alone(door: Door) -> None:
    """Another client, another way back, no verifier, a code of nobody: no code, and no token."""
    async with door.browser() as browser, httpx.AsyncClient(trust_env=False) as plain:
        page = await browser.get(f"{door.ours}/signin/begin/staff", params={"to": "/who"})
        for name, value in (("client_id", "x"), ("redirect_uri", "https://x.example"), ("scope", "profile"),
                            ("response_type", "token"), ("code_challenge_method", "plain")):  # fmt: skip
            said = await plain.get(page.url.copy_set_param(name, value))
            assert said.status_code == 400
        cancelled = unescape(re.findall(r'<a href="([^"]+)">Do not sign in', page.text)[0])
        page = await browser.get(cancelled)
        assert (page.status_code, "signed nobody in" in page.text) == (401, True)
        form = {"grant_type": "authorization_code", "code": "x", "client_assertion": "x"}
        for path in ("/token", "/nhs-login/token"):
            said = await plain.post(f"{door.issuer}{path}", data=form)
            assert (said.status_code, said.json()) == (401, {"error": "invalid_client"})
        assert (await plain.get(f"{door.issuer}/userinfo")).status_code == 401
