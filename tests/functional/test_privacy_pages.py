"""The privacy officer's pages in a real browser: what was claimed, what was looked at, and the review."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.functional.browsing import NEEDS_CHROMIUM, come_in, fine
from tests.functional.deployment import message, pid

from scr.api.services import open_services
from scr.demo.deploy import Ports
from scr.demo.run import plan, prepare, started
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.settings import load
from scr.store.engine import Database
from scr.store.trail import recent

pytestmark = NEEDS_CHROMIUM
HOSPITAL = OdsCode("ZZH01")
SUSAN = NHSNumber("9995100002")
WHY = "Found <b>unconscious</b>, no notes with her"


@dataclass(frozen=True)
class Site:
    """Where the pages are, and the deployment's home."""

    address: str
    home: Path


async def _feed(home: Path) -> None:
    async with open_services(load({"home": home}).settings) as services:
        provider = services.providers[HOSPITAL]
        [feed] = [one for one in provider.feeds if one.adapter == "pas-adt"]
        raw = message("A28", "P1", pid(SUSAN, "Sample", "Susan", "19410705", local="S1"))
        receipt = await services.intake.receive(provider, feed, raw)
        assert receipt.problems == ()
        await services.programme.declare_live(by="tests", evidence="a test")


def _break(base: str, token: str) -> None:
    """A general practitioner, whose practice does not know her, breaks the glass, and looks."""
    headers = {"Authorization": f"Bearer {token}"}
    parts = [
        {"name": "identifier", "valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": SUSAN.value}},
        {"name": "reason", "valueString": WHY},
        {"name": "purpose", "valueCoding": {"system": ACT_REASON, "code": "BTG"}},
    ]
    body = {"resourceType": "Parameters", "parameter": parts}
    with httpx.Client(trust_env=False, headers=headers) as client:
        said = client.post(f"{base}/Patient/$break-glass", json=body)
        assert said.status_code == 200, said.text
        looked = client.get(f"{base}/Patient", params={"identifier": f"{NHS_NUMBER_SYSTEM}|{SUSAN.value}"})
        assert looked.status_code == 200, looked.text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment with two broken glasses: a token issuer and the record, each a process of its own."""
    folder = tmp_path_factory.mktemp("privacy") / "demo"
    ports = prepare(folder, Ports(0, 0, 0, 0, 0, 0))
    settings = folder / "home" / "scr.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('pds_mode = "live"', 'pds_mode = "off"'), encoding="utf-8")
    with ThreadPoolExecutor(1) as beside:  # the browser's own event loop runs in this thread
        beside.submit(asyncio.run, _feed(folder / "home")).result()
    services = tuple(one for one in plan(folder, ports, size=10) if one.name in {"issuer", "scr"})
    with started(folder, services) as supervisor:
        for service in services:
            supervisor.wait_until_ready(service.name)
        tokens = {
            name: httpx.post(f"{ports.issuer_url}/token", data={"client_id": name}, trust_env=False).json()
            for name in ("gp-millrace", "gp-kestrel")
        }
        for told in tokens.values():
            _break(ports.base_url, str(told["access_token"]))
        address = ports.base_url.removesuffix("/fhir") + "/privacy"
        yield Site(address, folder / "home")


def sign_in(page: Page, site: Site, name: str = "Tamsin Arkwright") -> None:
    """Sign in as the privacy officer."""
    come_in(page, site.address, name)


def test_who_has_no_duty_here_sees_nothing(page: Page, site: Site) -> None:
    """Whoever broke a glass does not come to the list of them."""
    sign_in(page, site, "Imogen Farrant")
    expect(page.get_by_role("main")).to_contain_text("B0015")
    page.goto(f"{site.address}/claim/anything")
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot do this")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.goto(f"{site.address}/claim/anything")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_was_looked_at_and_the_review(page: Page, site: Site) -> None:
    """From the list to the case, an error that keeps what was typed, the review, and its audit."""
    sign_in(page, site)
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("table")).to_contain_text("Broken glass")
    fine(page, 1100, 320)
    page.get_by_role("link", name="Imogen Farrant").click()
    expect(page.get_by_role("main")).to_contain_text("Found <b>unconscious</b>")
    expect(page.get_by_role("main")).to_contain_text("Susan Sample")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("Patient")
    fine(page, 1100, 320)
    page.get_by_label("What you found").fill("Rang the surgery.")
    page.get_by_role("button", name="Record the review").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what it was")
    expect(page.get_by_label("What you found")).to_have_value("Rang the surgery.")
    fine(page, 1100, 320)
    page.get_by_label("To be followed up").check()
    page.get_by_role("button", name="Record the review").click()
    expect(page.get_by_role("status")).to_contain_text("stays on the list")
    expect(page.get_by_role("table")).to_contain_text("To be followed up")
    assert {"privacy show", "privacy review"} <= _told(site)


def test_withdrawn_and_reviewed_by_keyboard_alone(page: Page, site: Site) -> None:
    """It is ended and said to have been appropriate without a mouse; then it is among the others only."""
    sign_in(page, site)
    link = page.get_by_role("link", name="Beatrix Szabo")
    link.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Withdraw it now").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("opens nothing any more")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("withdrawn by Tamsin Arkwright")
    expect(page.get_by_role("button", name="Withdraw it now")).to_have_count(0)
    page.get_by_label("Appropriate").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("She came to the wrong surgery.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("off the list")
    expect(page.get_by_role("link", name="Beatrix Szabo")).to_have_count(0)
    page.get_by_role("link", name="Those that were reviewed").click()
    expect(page.get_by_role("link", name="Beatrix Szabo")).to_be_visible()
    fine(page, 1100, 320)
    assert "privacy withdraw" in _told(site)


def _told(site: Site) -> set[str]:
    """What the audit tells of."""
    database = Database.open(load({"home": site.home}).settings.resolved_database_url)
    try:
        return {row.what for row in database.read_now(recent)}
    finally:
        database.close()
