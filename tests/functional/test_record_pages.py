"""A record in a real browser: as a professional sees it, and as the person does, while a source is late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.functional.browsing import NEEDS_CHROMIUM, fine
from tests.functional.deployment import message, pid
from tests.functional.pdf_text import text_of

from scr.api.services import now_ms, open_keys, open_services
from scr.demo.deploy import HOST, Ports
from scr.demo.people import population
from scr.demo.run import plan, prepare, started
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.settings import load
from scr.store import launches
from scr.store.engine import Database
from scr.store.launches import Launch
from scr.store.trail import recent

pytestmark = NEEDS_CHROMIUM
HOSPITAL = OdsCode("ZZH01")
SIZE = 10
GWILYM = next(one for one in population(size=SIZE) if one.given == "Gwilym")
NUMBER = NHSNumber(GWILYM.nhs_number)
STRANGER = NHSNumber("9995100002")
HOSTILE = "<script>document.title='x'</script><img src=x onerror=alert(1)>"
DOCTOR = "Dr Everard Tolland"


@dataclass
class Late:
    """A live source that says nothing until it may; then that it cannot (``fails``), or knows nobody."""

    port: int
    may: Event = field(default_factory=Event)
    fails: bool = False

    def start(self) -> ThreadingHTTPServer:
        """Listen, beside the test."""
        late = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                late.may.wait(60)
                body = b'{"resourceType":"Bundle","type":"searchset","total":0}'
                self.send_response(503 if late.fails else 200)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):  # nobody waits any more
                    self.wfile.write(body)

            do_GET = do_POST  # noqa: N815 - the name that the server looks for

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer((HOST, self.port), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        return server


@dataclass(frozen=True)
class Site:
    """Where the pages are, the deployment's home, and the source that is late."""

    address: str
    home: Path
    late: Late


def report(control: str, day: str, value: str, *more: str) -> bytes:
    """A blood count of the hospital's laboratory."""
    who = pid(NUMBER, GWILYM.family, GWILYM.given, f"{GWILYM.birth_date:%Y%m%d}", "1", "G1")
    return "\r".join(
        [
            rf"MSH|^~\&|LAB|{HOSPITAL}|SCR|ICS|{day}120000||ORU^R01|{control}|T|2.4",
            who,
            f"OBR|1|P{control}|F{control}|FBC^Full blood count^EXLAB^26604007^Complete blood count^SCT|||"
            f"{day}0930|||||||||||||||{day}1200||LAB|F",
            "OBX|1|NM|HB^Haemoglobin^EXLAB^1022431000000105^Haemoglobin estimation^SCT||"
            f"{value}|g/L^^UCUM|120-150||||F|||{day}0930",
            *more,
            "",
        ]
    ).encode()


async def _feed(home: Path) -> None:
    async with open_services(load({"home": home}).settings) as services:
        provider = services.providers[HOSPITAL]
        feeds = {one.adapter: one for one in provider.feeds}
        who = pid(NUMBER, GWILYM.family, GWILYM.given, f"{GWILYM.birth_date:%Y%m%d}", "1", "G1")
        hostile = f"OBX|2|TX|COM^{HOSTILE.replace('&', '')}^EXLAB||{HOSTILE}||||||F"
        scan = "OBX|3|ED|REP^Report in full||EXLAB^^PDF^Base64^JVBERi0xLjQKJSBhbiBleGFtcGxl||||||F"
        for adapter, raw in (
            ("pas-adt", message("A28", "P1", who)),
            ("lab-oru", report("L1", "20260105", "131")),
            ("lab-oru", report("L2", "20260205", "118", hostile, scan)),
        ):
            receipt = await services.intake.receive(provider, feeds[adapter], raw)
            assert receipt.problems == ()
        await services.programme.declare_live(by="tests", evidence="a test")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A record with a patient of the hospital; the neighbour is there, and late."""
    folder = tmp_path_factory.mktemp("record") / "demo"
    ports = prepare(folder, Ports(0, 0, 0, 0, 0, 0))
    settings = folder / "home" / "scr.toml"
    text = settings.read_text(encoding="utf-8")
    waits = "deadline_seconds = 60\nstream_seconds = 300\n"  # however slow the machine is: the test says when
    text = waits + text.replace('pds_mode = "live"', 'pds_mode = "off"')
    settings.write_text(text, encoding="utf-8")
    with ThreadPoolExecutor(1) as beside:  # the browser's own event loop runs in this thread
        beside.submit(asyncio.run, _feed(folder / "home")).result()
    late = Late(ports.neighbour)
    server = late.start()
    services = tuple(one for one in plan(folder, ports, size=SIZE) if one.name in {"issuer", "scr"})
    try:
        with started(folder, services) as supervisor:
            for service in services:
                supervisor.wait_until_ready(service.name)
            yield Site(ports.base_url.removesuffix("/fhir"), folder / "home", late)
    finally:
        late.may.set()
        server.shutdown()
        server.server_close()


def find(page: Page, number: str) -> None:
    """Ask for a record by NHS Number."""
    page.get_by_label("NHS Number").fill(number)
    page.get_by_role("button", name="Open the record", exact=True).click(no_wait_after=True)


def seen(page: Page, text: str) -> Locator:
    """The first place where a text can be seen: what came later has taken the place of what came before."""
    return page.get_by_text(text).locator("visible=true").first


def fills(page: Page, site: Site, held: str) -> None:
    """What is held is there while a source is late; then the ledger says that it did not answer."""
    expect(seen(page, held)).to_be_visible()
    expect(seen(page, "1 source is still being asked.")).to_be_visible()
    site.late.fails = True
    site.late.may.set()
    expect(seen(page, "did not answer")).to_be_visible()  # the first time; later a kept copy is shown
    expect(seen(page, "1 source is still being asked.")).to_have_count(0)
    page.wait_for_load_state()
    site.late.fails = False


def test_a_professional_finds_reads_and_follows_a_record(page: Page, site: Site, browser: Browser) -> None:
    """From the number to the message that a result came in; and in an emergency, with a reason."""
    alerts: list[str] = []
    page.on("dialog", lambda dialog: alerts.append(dialog.message))
    page.goto(f"{site.address}/viewer")
    page.get_by_role("link", name=DOCTOR).click()
    find(page, "999 510 0003")
    expect(page.get_by_role("alert")).to_contain_text("Enter an NHS Number")
    expect(page.get_by_label("NHS Number")).to_have_value("999 510 0003")
    find(page, STRANGER.spaced)
    expect(page.get_by_role("alert")).to_contain_text("No record with this NHS Number is open to you")
    page.get_by_label("Why you must look").fill("Because")
    page.get_by_role("button", name="Break the glass").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why, in 10 to 500 characters")
    expect(page.get_by_label("Why you must look")).to_have_value("Because")
    fine(page, keep="viewer-find")
    find(page, NUMBER.value)
    fills(page, site, "Haemoglobin")
    assert NUMBER.value not in page.url
    record = page.url
    expect(seen(page, NUMBER.spaced)).to_be_visible()
    expect(seen(page, "Below the range given")).to_be_visible()
    fine(page, keep="viewer-record")
    page.get_by_role("link", name="Charts of results").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="Haemoglobin, g/L")).to_be_visible()
    page.get_by_text("The same numbers as a table").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("118 g/L")
    fine(page, keep="viewer-charts")
    page.goto(f"{record}/timeline")
    expect(page.get_by_role("heading", name="2026")).to_be_visible()
    page.goto(f"{record}/heading/results")
    expect(seen(page, "<script>")).to_be_visible()
    opened = page.request.get(
        site.address + str(page.get_by_role("link", name="Open").first.get_attribute("href"))
    )
    assert opened.headers["content-type"] == "application/pdf"
    assert opened.headers["content-security-policy"].startswith("sandbox")
    assert opened.body().startswith(b"%PDF")
    page.get_by_role("link", name="More about Full blood count").first.click()
    expect(page.get_by_role("main")).to_contain_text("lab-oru")
    expect(page.get_by_role("main")).to_contain_text("Harrowmere General Hospital")
    fine(page, keep="viewer-entry")
    page.goto(f"{record}/new")
    expect(page.get_by_role("main")).to_contain_text("everything is new to you")
    page.get_by_role("button", name="I have seen this record").click()
    expect(page.get_by_role("main")).to_contain_text("You last saw all of it on")
    page.goto(f"{record}?lang=cy")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cofnod")
    page.goto(f"{record.rpartition('/')[0]}/nobody?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert alerts == []
    _launched(page, site, record)
    _without_scripts(page, browser, site, record)
    _breaks_the_glass(page, site, record)
    assert {"viewer find", "viewer record", "viewer entry", "viewer document", "viewer seen"} <= _told(site)


def _breaks_the_glass(page: Page, site: Site, record: str) -> None:
    """Somebody of whom the record knows no relationship opens it in an emergency, with a reason: before that
    there is, to them, no such person."""
    page.goto(f"{site.address}/viewer")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.goto(f"{site.address}/viewer")
    page.get_by_role("link", name="Dr Imogen Farrant").click()
    expect(page.get_by_label("NHS Number")).to_be_visible()
    page.goto(record)
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    page.goto(f"{site.address}/viewer")
    find(page, NUMBER.spaced)
    expect(page.get_by_role("alert")).to_contain_text("No record with this NHS Number is open to you")
    page.get_by_label("Why you must look").fill("Found at the roadside, unconscious")
    page.get_by_role("button", name="Break the glass").click(no_wait_after=True)
    expect(seen(page, NUMBER.spaced)).to_be_visible()
    page.wait_for_load_state()
    fine(page, keep="viewer-glass")
    page.goto(record)
    expect(page.get_by_role("heading", level=1)).to_have_text("Record")


def _launched(page: Page, site: Site, record: str) -> None:
    """A clinician's system opens the viewer for its patient: once, and for this record."""
    settings = load({"home": site.home}).settings
    database, keys = Database.open(settings.resolved_database_url), open_keys(settings)
    launch = Launch("a-system", HOSPITAL, "viewer", record.rpartition("/")[2])
    until = now_ms() + 300_000
    database.write_now(lambda conn: launches.keep(conn, keys, "a-handle", launch, until))
    database.close()
    address = f"{site.address}/viewer/launch?launch=a-handle&iss="
    page.goto(f"{address}https://elsewhere.example/fhir")
    expect(page.get_by_role("main")).to_contain_text("for another record")
    page.goto(f"{address}{site.address}/fhir")
    assert page.url == record
    page.goto(f"{address}{site.address}/fhir")
    expect(page.get_by_role("main")).to_contain_text("was used")


def _without_scripts(page: Page, browser: Browser, site: Site, record: str) -> None:
    """The page fills in a browser that runs no script."""
    site.late.may.clear()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(page.context.cookies())  # type: ignore[arg-type] # what it gives it takes
    plain = context.new_page()
    plain.goto(record, wait_until="commit")
    fills(plain, site, "Haemoglobin")
    context.close()


def test_a_person_reads_and_keeps_their_record(page: Page, site: Site) -> None:
    """In plain words, in Welsh too; printed, as a PDF whose text can be read back, and as a summary."""
    site.late.may.clear()
    page.goto(f"{site.address}/my/record")
    page.get_by_role("link", name=f"{GWILYM.given} {GWILYM.family}").click(no_wait_after=True)
    fills(page, site, GWILYM.family)
    expect(seen(page, "Not known, because a source did not answer")).to_be_visible()
    expect(seen(page, "This is wrong")).to_be_visible()
    fine(page, keep="record")
    page.goto(f"{site.address}/my/record/heading/demographics")
    sent = page.locator("li", has_text="Harrowmere General Hospital, received").first
    sent.get_by_role("link", name=f"More about {GWILYM.given}").click()
    expect(page.get_by_role("link", name="This is wrong")).to_be_visible()
    page.goto(f"{site.address}/my/record/print")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your record")
    expect(page.get_by_role("link", name="More")).to_have_count(0)
    page.emulate_media(media="screen")
    fine(page, keep="record-print")
    kept = text_of(page.request.get(f"{site.address}/my/record/pdf?lang=cy").body())
    assert f"Rhif GIG: {NUMBER.spaced}" in kept
    assert "Mae peth o'r cofnod hwn yn hen neu ar goll." in kept
    assert "Efallai nad dyma'r cyfan" in kept
    summary = page.request.get(f"{site.address}/my/record/summary").json()
    assert summary["type"] == "document"
    page.goto(f"{site.address}/my/record/entry/Observation/nobody?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert {"my record", "my record pdf", "my summary", "my entry"} <= _told(site)


def _told(site: Site) -> set[str]:
    """What the audit tells of."""
    database = Database.open(load({"home": site.home}).settings.resolved_database_url)
    try:
        return {row.what for row in database.read_now(recent)}
    finally:
        database.close()
