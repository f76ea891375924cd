"""The review queue in a real browser: both sides of a doubt, the decision, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection
from tests.functional.browsing import NEEDS_CHROMIUM, come_in, fine
from tests.functional.deployment import message, pid
from tests.support.ports import demo_ports

from scr.api.services import now_ms, open_services
from scr.demo.run import plan, prepare, started
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index, otherwise
from scr.settings import load
from scr.store.engine import Database
from scr.store.trail import recent

pytestmark = NEEDS_CHROMIUM
HOSPITAL, PRACTICE, COUNCIL = OdsCode("ZZH01"), OdsCode("Z99001"), OdsCode("ZZC01")
SUSAN, JANE, OTHER = NHSNumber("9995100002"), NHSNumber("9995200007"), NHSNumber("9995300001")


@dataclass(frozen=True)
class Site:
    """Where the pages are, and the deployment's home."""

    address: str
    home: Path


def _doubts() -> list[bytes]:
    """Two people who are known, and something in doubt about each; a merge of the second with a third."""
    return [
        message("A28", "R1", pid(SUSAN, "Sample", "Susan", "19410705", local="S1")),
        message("A31", "R2", pid(SUSAN, "Example", "Sue<b>", "19410705", local="S1")),
        message("A28", "R3", pid(JANE, "Finch", "Jane", "19800517", local="J1")),
        message("A31", "R4", pid(JANE, "Finch", "Emma", "19800517", local="J1")),
        message("A28", "R5", pid(OTHER, "Finch", "J", "19800517", local="O1")),
        message("A40", "R6", pid(JANE, "Finch", "Jane", "19800517", local="J1"), "MRG|O1^^^PAS^MR"),
    ]


async def _feed(home: Path) -> None:
    async with open_services(load({"home": home}).settings) as services:
        provider = services.providers[HOSPITAL]
        [feed] = [one for one in provider.feeds if one.adapter == "pas-adt"]
        for raw in _doubts():
            await services.intake.receive(provider, feed, raw)
        assert len(await services.review.queue()) == 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment with three doubts: a token issuer and the record, each in a process of its own."""
    folder = tmp_path_factory.mktemp("review") / "demo"
    ports = prepare(folder, demo_ports())
    settings = folder / "home" / "scr.toml"
    text = settings.read_text(encoding="utf-8")
    assert 'pds_mode = "live"' in text
    settings.write_text(text.replace('pds_mode = "live"', 'pds_mode = "off"'), encoding="utf-8")
    with ThreadPoolExecutor(1) as beside:  # the browser's own event loop runs in this thread
        beside.submit(asyncio.run, _feed(folder / "home")).result()
    services = tuple(one for one in plan(folder, ports, size=10) if one.name in {"issuer", "scr"})
    with started(folder, services) as supervisor:
        for service in services:
            supervisor.wait_until_ready(service.name)
        address = ports.base_url.removesuffix("/fhir") + "/review"
        yield Site(address, folder / "home")


def sign_in(page: Page, site: Site, name: str = "Sunniva Okoro") -> None:
    """Sign in as the records manager."""
    come_in(page, site.address, name)


def test_who_has_no_duty_here_sees_nothing(page: Page, site: Site) -> None:
    """A clinician opens no doubt about anybody; the role that was chosen counts, and no other."""
    sign_in(page, site, "Imogen Farrant")
    expect(page.get_by_role("main")).to_contain_text("B0825")
    page.goto(f"{site.address}/case/anything")
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot do this")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    for role, heading in (
        ("Privacy Officer", "You cannot do this"),
        ("Health Records Manager", "Whose is it?"),
    ):
        sign_in(page, site, "Rosalind Achterberg")
        fine(page)
        page.get_by_label(role).check()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")


def test_both_sides_a_form_sent_too_soon_and_the_decision(page: Page, site: Site) -> None:
    """From the queue to the case, an error that keeps what was typed, the decision, and its audit."""
    sign_in(page, site)
    expect(page.get_by_role("row")).to_have_count(4)
    fine(page, 1100, 320)
    page.get_by_role("link", name="since").first.click()
    expect(page.get_by_role("row", name="Family name")).to_contain_text("Example")
    expect(page.get_by_role("row", name="Family name")).to_contain_text("Sample")
    expect(page.get_by_role("row", name="Given names")).to_contain_text("Sue<b>")
    fine(page, 1100, 320)
    page.get_by_label("Why").fill("Rang the practice.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what you decide")
    expect(page.get_by_label("Why")).to_have_value("Rang the practice.")
    fine(page)
    page.get_by_label("The same person").check()
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("It is filed")
    expect(page.get_by_role("row")).to_have_count(3)
    assert "identity same" in _told(site)


def test_somebody_else_by_keyboard_alone(page: Page, site: Site) -> None:
    """A twin's message is dismissed without a mouse."""
    sign_in(page, site)
    page.get_by_role("link", name="since").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Given names")).to_contain_text("different")
    page.get_by_label("The same person").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("It is her sister's.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("dismissed")
    assert "identity other" in _told(site)


def test_a_merge_of_two_numbers_asks_what_it_means(page: Page, site: Site) -> None:
    """Both people are shown; what was filed under the prior record moves, and is told in the audit."""
    sign_in(page, site)
    page.get_by_role("link", name="since").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Two records, or one?")
    expect(page.get_by_role("columnheader", name="The record that gives way")).to_be_visible()
    fine(page, 1100, 320)
    page.get_by_label("One record of the sender gives way").check()
    page.get_by_label("Why").fill("The ward had her twice.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("the other person's now")
    assert "identity merge" in _told(site)


async def _answered(home: Path) -> None:
    """A practice that is asked live has told of Susan under another name."""
    async with open_services(load({"home": home}).settings) as services:

        def note(conn: Connection) -> None:
            person = index.find(conn, services.keys, SUSAN)
            assert person is not None
            told = Demographics("Heron", ("S",), "1941-07-05")
            otherwise.note(conn, services.keys, person.key, PRACTICE, told, now_ms(), contradicts=False)
            otherwise.note(conn, services.keys, person.key, COUNCIL, told, now_ms(), contradicts=True)

        await services.database.write(note)


async def _corrected(home: Path) -> None:
    """The council tells of Susan as she is known."""
    async with open_services(load({"home": home}).settings) as services:

        def over(conn: Connection) -> None:
            person = index.find(conn, services.keys, SUSAN)
            assert person is not None
            otherwise.over(conn, services.keys, person.key, COUNCIL)

        await services.database.write(over)


def test_what_a_live_source_answers_is_decided_here_too(page: Page, site: Site) -> None:
    """It stands in the same list; there is nothing to file, and the next answer is used."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, _answered(site.home)).result()
    sign_in(page, site)
    expect(
        page.get_by_role("cell", name="Tell it, so that it corrects them. It is Sallowshire")
    ).to_be_visible()
    page.get_by_role("link", name="what it answers").click()
    expect(page.get_by_role("row", name="Family name")).to_contain_text("Heron")
    expect(page.get_by_role("row", name="Family name")).to_contain_text("Sample")
    fine(page, 1100, 320)
    page.get_by_label("The same person: use what it answers").check()
    page.get_by_label("Why").fill("Rang the practice.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("used from the next answer on")
    expect(page.get_by_role("link", name="what it answers")).to_have_count(0)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, _corrected(site.home)).result()
    page.goto(site.address)
    expect(page.get_by_text("Sallowshire")).to_have_count(0)


def _told(site: Site) -> set[str]:
    """What the audit tells of."""
    database = Database.open(load({"home": site.home}).settings.resolved_database_url)
    try:
        return {row.what for row in database.read_now(recent)}
    finally:
        database.close()
