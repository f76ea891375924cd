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
from tests.support.ports import demo_ports

from scr.api.misusing import judge
from scr.api.services import now_ms, open_keys, open_services
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.demo.run import plan, prepare, started
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.identity.misuse.imports import Importing
from scr.identity.misuse.watch import MisuseWatch
from scr.identity.oversight import Watcher
from scr.settings import load
from scr.store.engine import Database
from scr.store.misuse.findings import waiting
from scr.store.tables import ALERT
from scr.store.trail import recent

pytestmark = NEEDS_CHROMIUM
HOSPITAL = OdsCode("ZZH01")
SUSAN = NHSNumber("9995100002")
WHY = "Found <b>unconscious</b>, no notes with her"


@dataclass(frozen=True)
class Site:
    """Where the pages are, the deployment's home, and the token of a general practitioner's system."""

    address: str
    home: Path
    doctor: str


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
    ports = prepare(folder, demo_ports())
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
        yield Site(address, folder / "home", str(tokens["gp-millrace"]["access_token"]))


def sign_in(page: Page, site: Site, name: str = "Tamsin Arkwright") -> None:
    """Sign in as the privacy officer."""
    come_in(page, site.address, name)


def test_who_has_no_duty_here_sees_nothing(page: Page, site: Site) -> None:
    """Whoever broke a glass does not come to the list of them."""
    page.goto(site.address)
    fine(page, 1100, 320)
    page.get_by_role("link", name="Sign in with NHS CIS2").click()
    fine(page, 1100, 320)
    page.get_by_role("link", name="Imogen Farrant").click()
    expect(page.get_by_role("main")).to_contain_text("B0015")
    page.goto(f"{site.address}/claim/anything")
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot do this")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    fine(page)
    page.goto(f"{site.address}/claim/anything")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_was_looked_at_and_the_review(page: Page, site: Site) -> None:
    """From the list to the case, an error that keeps what was typed, the review, and its audit."""
    sign_in(page, site)
    expect(page.get_by_role("banner")).to_contain_text("Tamsin Arkwright, Privacy Officer")
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


def test_an_alert_that_has_not_gone_out_is_told_of(page: Page, site: Site) -> None:
    """At the head of the list, until somebody has taken it."""
    database = Database.open(load({"home": site.home}).settings.resolved_database_url)
    row = {
        "id": "a",
        "kind": "glass",
        "at": 1,
        "next": 1,
        "tries": 3,
        "taken": "",
        "problem": "webhook: status-503",
    }
    database.write_now(lambda conn: conn.execute(ALERT.insert(), row))
    sign_in(page, site)
    expect(page.get_by_role("region")).to_contain_text("1 alert has not gone out")
    expect(page.get_by_role("region")).to_contain_text("status-503")
    fine(page, 1100, 320)
    database.write_now(lambda conn: conn.execute(ALERT.update().values(done=2, taken="webhook", problem="")))
    page.reload()
    expect(page.get_by_role("region")).to_have_count(0)
    database.close()


def test_why_somebody_may_see_a_record(page: Page, site: Site) -> None:
    """The rules in order, by number or id that stand in no address; a slip keeps what was typed."""
    sign_in(page, site)
    page.get_by_role("link", name="Why somebody may see a record").click()
    fine(page, 1100, 320)
    page.get_by_label("Whom it is about").fill(SUSAN.spaced)
    page.get_by_label("Job role").select_option("R8000")
    page.get_by_label("Their organisation").fill("not one")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("alert")).to_contain_text("ODS code")
    expect(page.get_by_label("Whom it is about")).to_have_value(SUSAN.spaced)
    fine(page, 1100, 320)
    page.get_by_label("Their organisation").fill("z99002")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("status")).to_contain_text("no recorded care relationship")
    expect(page.locator("tr.fired")).to_have_count(1)
    expect(page.locator("tr.fired")).to_contain_text("Has the asking organisation to do with the person?")
    expect(page.get_by_role("listitem")).to_contain_text(
        ["A relationship of the organisation with the person", "Breaking the glass"]
    )
    fine(page, 1100, 320)
    page.get_by_label("Their organisation").fill("ZZH01")
    page.get_by_label("Purpose").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # by keyboard alone, on the button
    expect(page.get_by_role("status")).to_contain_text("Permitted")
    expect(page.get_by_role("table")).to_have_count(2)
    expect(page.get_by_role("table").last).to_contain_text("Problem list")
    fine(page, 1100, 320)
    assert page.url == f"{site.address}/explain"
    page.get_by_label("Whom it is about").fill("Patient/nobody")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("alert")).to_contain_text("none that you may ask about")
    assert "explain access" in _told(site)


def test_looks_that_may_be_misuse_are_decided_on_by_keyboard(page: Page, site: Site) -> None:
    """From the list of claims to a finding, an error that keeps what was typed, and the decision."""
    _find(site)
    sign_in(page, site)
    link = page.get_by_role("link", name="Looks that may be misuse")
    expect(page.get_by_role("main")).to_contain_text("Looks that may be misuse: 1 to be decided")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Looks that may be misuse")
    expect(page.get_by_role("table")).to_contain_text("Own record")
    fine(page, 1100, 320)
    page.get_by_role("link", name="Imogen Farrant").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("Susan Sample")
    expect(page.get_by_role("listitem")).to_have_text("By the staff list it is the user's own record.")
    expect(page.get_by_role("row").last).to_contain_text("Patient")
    page.get_by_label("What you found").fill("Asked her.")
    page.get_by_role("button", name="Record the decision").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Say what it was")
    expect(page.get_by_label("What you found")).to_have_value("Asked her.")
    fine(page, 1100, 320)
    page.get_by_label("Explained").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Record the decision").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Decided: explained")
    page.get_by_role("link", name="Those that were decided on").click()
    expect(page.get_by_role("table")).to_contain_text("Explained")
    fine(page, 1100, 320)
    page.get_by_role("link", name="Imogen Farrant").click()
    expect(page.get_by_role("main")).to_contain_text("Asked her.")
    fine(page)
    assert {"misuse show", "misuse decide"} <= _told(site)


def _find(site: Site) -> None:
    """The general practitioner who looked is said to be the very person whom she looked at."""
    settings = load({"home": site.home}).settings
    database, keys = Database.open(settings.resolved_database_url), open_keys(settings)
    try:
        seen = [row for row in database.read_now(lambda conn: recent(conn, 1000)) if row.action == "query"]
        looker = next(row.actor for row in seen if "Imogen Farrant" in row.actor_name)
        told = f"user,nhs_number\n{looker},{SUSAN.value}\n".encode()
        with ThreadPoolExecutor(1) as beside:  # the browser's own event loop runs in this thread
            lists = Importing(database, keys, now_ms)
            beside.submit(asyncio.run, lists.staff(told, Watcher("Tamsin Arkwright"))).result()
        watch = MisuseWatch(database, keys, load_policy(DataFiles(site.home)), now_ms)
        with ThreadPoolExecutor(1) as beside:
            while not database.read_now(waiting):  # the server may be at it as well, and be first
                beside.submit(asyncio.run, judge(watch, database, lambda: False)).result()
    finally:
        database.close()


def test_why_ones_own_look_was_refused(page: Page, site: Site) -> None:
    """By the id of the request; another's look is not there, and nothing is said of the person."""
    headers = {"Authorization": f"Bearer {site.doctor}"}
    query = {"identifier": f"{NHS_NUMBER_SYSTEM}|9995400006"}
    base = site.address.removesuffix("/privacy")
    refused = httpx.get(f"{base}/fhir/Patient", params=query, headers=headers, trust_env=False)
    assert refused.status_code == 403
    correlation = refused.headers["x-correlation-id"]
    for name, own in (("Beatrix Szabo", False), ("Imogen Farrant", True)):
        page.context.clear_cookies()
        come_in(page, f"{base}/why", name)
        page.get_by_label("The id of the request").fill(correlation)
        page.get_by_role("button", name="Explain").click()
        if not own:
            expect(page.get_by_role("alert")).to_contain_text("No look of yours")
            fine(page, 1100, 320)
    expect(page.get_by_role("status")).to_contain_text("no-relationship")
    expect(page.locator("tr.fired")).to_contain_text("no recorded care relationship")
    fine(page, 1100, 320)


def _told(site: Site) -> set[str]:
    """What the audit tells of."""
    database = Database.open(load({"home": site.home}).settings.resolved_database_url)
    try:
        return {row.what for row in database.read_now(recent)}
    finally:
        database.close()
