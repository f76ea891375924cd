"""The programme lead's pages in a real browser, against a server in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.functional.browsing import NEEDS_CHROMIUM, fine
from tests.support.ports import demo_ports

from scr.demo.run import plan, prepare, started
from scr.fhir.identifiers import OdsCode
from scr.onboarding.register import write_undoing
from scr.settings import load
from scr.store.engine import Database
from scr.store.onboarding import Stage

pytestmark = NEEDS_CHROMIUM
COUNCIL, HOSPITAL, NEIGHBOUR = "ZZC01", "ZZH01", "ZZN01"
BACK = {COUNCIL: Stage.CONFIGURED, NEIGHBOUR: Stage.LIVE_FOR_TESTERS, "Z99002": Stage.CONFIGURED}
"""Gates that are undone before the tests begin."""


@dataclass(frozen=True)
class Site:
    """Where the pages are, and a token that opens them."""

    home: str
    token: str
    outsider: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demonstration's deployment, where nobody signs in through an upstream, and so with a token."""
    folder = tmp_path_factory.mktemp("pages") / "demo"
    ports = prepare(folder, demo_ports())
    settings = folder / "home" / "scr.toml"
    settings.write_text(settings.read_text(encoding="utf-8").partition("[[upstreams]]")[0], encoding="utf-8")
    _undo(folder / "home")
    services = tuple(one for one in plan(folder, ports, size=10) if one.name in {"issuer", "scr"})
    with started(folder, services) as supervisor:
        for service in services:
            supervisor.wait_until_ready(service.name)
        tokens = [
            httpx.post(f"{ports.issuer_url}/token", data={"client_id": name}, trust_env=False).json()
            for name in ("programme-lead", "gp-millrace")
        ]
        home = ports.base_url.removesuffix("/fhir") + "/onboarding"
        yield Site(home, *(str(told["access_token"]) for told in tokens))


def _undo(home: Path) -> None:
    database = Database.open(load({"home": home}).settings.resolved_database_url)
    now = time.time_ns() // 1_000_000
    for ods, gate in BACK.items():
        database.write_now(
            lambda conn, ods=ods, gate=gate: write_undoing(  # type: ignore[misc]
                conn, OdsCode(ods), "for the tests", "Ann Lee", now, actor="tests", gate=gate
            )
        )
    database.close()


def sign_in(page: Page, site: Site) -> None:
    """Sign in as the programme lead."""
    page.goto(site.home)
    page.get_by_label("Access token").fill(site.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Providers")


def test_every_page_is_accessible(page: Page, site: Site) -> None:
    """Sign-in, a refused sign-in, the list, a provider at each kind of gate, refused forms, nothing there."""
    page.goto(site.home)
    expect(page).to_have_title("Sign in – Shared care record onboarding")
    fine(page)
    page.get_by_label("Access token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    fine(page)
    sign_in(page, site)
    fine(page, 1100, 320)
    page.goto(f"{site.home}/view/{HOSPITAL}")
    fine(page)
    page.goto(f"{site.home}/view/{COUNCIL}")
    fine(page, 1100, 320)
    page.goto(f"{site.home}/view/{NEIGHBOUR}")
    page.get_by_role("button", name="Pass this gate").click()
    expect(page.get_by_label("Evidence")).to_have_attribute("aria-invalid", "true")
    fine(page)
    page.locator("summary", has_text="Undo a gate").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why it is undone")
    fine(page)
    page.goto(f"{site.home}/view/ZZ999")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    fine(page)


def test_each_provider_has_its_bar_and_its_days(page: Page, site: Site) -> None:
    """One row each, the live ones last; the bar says how many gates are passed."""
    sign_in(page, site)
    rows = page.get_by_role("row").filter(has=page.get_by_role("rowheader"))
    assert rows.count() == 5
    council = rows.filter(has_text="Sallowshire Council")
    expect(council.get_by_role("progressbar")).to_have_attribute(
        "aria-label", "Sallowshire Council: gates passed"
    )
    expect(council).to_contain_text("days left")
    neighbour = rows.filter(has_text="Northfen").get_by_role("progressbar")
    assert neighbour.evaluate("bar => [bar.value, bar.max]") == [4, 6]
    expect(rows.last).to_contain_text("live in time")
    expect(rows.last).to_contain_text("None: it is live")


def test_a_gate_is_passed_and_undone_by_keyboard_alone(page: Page, site: Site) -> None:
    """From sign-in to the undoing: every control is reached by Tab, and shows that it has the focus."""
    page.goto(site.home)
    _to(page, "Access token")
    page.keyboard.insert_text(site.token)
    _enter(page)
    _to(page, "Kestrel Hill Practice")
    _enter(page)
    _to(page, "Check and pass")
    _enter(page)
    expect(page.get_by_role("status")).to_contain_text("Configured: passed by Halcyon Drewe")
    _to(page, "Undo a gate of this provider")
    page.keyboard.press("Enter")
    _to(page, "Why")
    page.keyboard.type("The wrong practice <b>")
    _to(page, "Undo")
    _enter(page)
    expect(page.get_by_role("status")).to_contain_text("Configured: undone by Halcyon Drewe")
    assert page.get_by_text("The wrong practice <b>").count() >= 1
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_in_viewport()


def _enter(page: Page) -> None:
    """Press Enter, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _to(page: Page, name: str) -> None:
    """Press Tab until the control of a name has the focus, which must be seen."""
    focused = (
        "() => { const one = document.activeElement; const style = getComputedStyle(one);"
        " return [(one.labels?.[0] ?? one).innerText.trim(), style.boxShadow != 'none'] }"
    )
    for _ in range(60):
        page.keyboard.press("Tab")
        text, seen = page.evaluate(focused)
        assert seen, f"nothing shows that {text!r} has the focus"
        if text == name:
            return
    raise AssertionError(f"{name!r} is not reached by Tab")


def test_it_works_without_scripts(browser: Browser, site: Site) -> None:
    """Signing in, passing a gate by evidence, undoing it, signing out: afterwards the pages are closed."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site)
    page.get_by_role("link", name="Northfen Shared Care Record").click()
    page.get_by_label("Evidence").fill("Test plan 3")
    page.get_by_label("Testers").fill("issuer|t1\n999000000101")
    page.get_by_role("button", name="Pass this gate").click()
    expect(page.get_by_role("status")).to_contain_text("Live for named testers: passed")
    expect(page.locator(".summary")).to_contain_text("999000000101, issuer|t1")
    page.locator("summary", has_text="Undo a gate").click()
    page.get_by_label("Why").fill("Not yet")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Live for named testers: undone")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{site.home}/view/{NEIGHBOUR}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()


def test_a_refused_form_comes_back_as_it_was(page: Page, site: Site) -> None:
    """The report of a check that failed is told, and what was typed is still there."""
    sign_in(page, site)
    page.goto(f"{site.home}/view/{NEIGHBOUR}")
    page.get_by_label("Evidence").fill("Test plan 4")
    page.get_by_role("button", name="Pass this gate").click()
    expect(page.get_by_role("alert")).to_contain_text("Name at least one tester")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Evidence")).to_have_value("Test plan 4")
    page.get_by_role("link", name="Name at least one tester").click()
    expect(page.get_by_label("Testers")).to_be_focused()


def test_another_role_is_not_let_in(page: Page, site: Site) -> None:
    """A good token of a doctor opens nothing here."""
    page.goto(site.home)
    page.get_by_label("Access token").fill(site.outsider)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("B0062")
    page.goto(site.home)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
