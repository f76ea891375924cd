"""The pages of citizens and carers in a real browser, from sign-in to sign-out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.functional.browsing import NEEDS_CHROMIUM, come_in, come_in_as_citizen, fine
from tests.functional.deployment import message, pid

from scr.api.services import open_services
from scr.demo.deploy import Ports
from scr.demo.people import population
from scr.demo.person import Person
from scr.demo.run import plan, prepare, started
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.settings import load

pytestmark = NEEDS_CHROMIUM
HOSPITAL = OdsCode("ZZH01")
SIZE = 10
HOSTILE = "<b>Tariq</b> <script>document.title='x'</script>"
LONGEST_PAGE = 150_000


@dataclass(frozen=True)
class Site:
    """Where the record is, and two people of it."""

    ours: str
    gwilym: Person
    tariq: Person


async def _feed(home: Path, people: list[Person]) -> None:
    async with open_services(load({"home": home}).settings) as services:
        provider = services.providers[HOSPITAL]
        [feed] = [one for one in provider.feeds if one.adapter == "pas-adt"]
        for number, person in enumerate(people):
            born = person.birth_date.strftime("%Y%m%d")
            who = pid(NHSNumber(person.nhs_number), person.family, person.given, born, local=f"P{number}")
            receipt = await services.intake.receive(provider, feed, message("A28", f"P{number}", who))
            assert receipt.problems == ()
        await services.programme.declare_live(by="tests", evidence="a test")


def _break_glass(base: str, issuer: str, person: Person) -> None:
    """A practice that does not know somebody opens their record in an emergency."""
    with httpx.Client(trust_env=False) as client:
        told = client.post(f"{issuer}/token", data={"client_id": "gp-millrace"}).json()
        client.headers["Authorization"] = f"Bearer {told['access_token']}"
        identifier = {"system": NHS_NUMBER_SYSTEM, "value": person.nhs_number}
        parts = [
            {"name": "identifier", "valueIdentifier": identifier},
            {"name": "reason", "valueString": "Found at the roadside"},
            {"name": "purpose", "valueCoding": {"system": ACT_REASON, "code": "BTG"}},
        ]
        body = {"resourceType": "Parameters", "parameter": parts}
        assert client.post(f"{base}/Patient/$break-glass", json=body).status_code == 200
        query = {"identifier": f"{NHS_NUMBER_SYSTEM}|{person.nhs_number}"}
        assert client.get(f"{base}/Patient", params=query).status_code == 200


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two people's records; somebody has broken the glass for one of them."""
    folder = tmp_path_factory.mktemp("my") / "demo"
    ports = prepare(folder, Ports(0, 0, 0, 0, 0, 0))
    settings = folder / "home" / "scr.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('pds_mode = "live"', 'pds_mode = "off"'), encoding="utf-8")
    named = {person.persona: person for person in population(size=SIZE) if person.persona}
    people = [named["gwilym"], named["tariq"]]
    with ThreadPoolExecutor() as pool:  # the test runs in a loop of its own
        pool.submit(lambda: asyncio.run(_feed(folder / "home", people))).result()
    services = tuple(one for one in plan(folder, ports, size=SIZE) if one.name in {"issuer", "scr"})
    with started(folder, services) as supervisor:
        for service in services:
            supervisor.wait_until_ready(service.name)
        _break_glass(ports.base_url, ports.issuer_url, named["gwilym"])
        yield Site(ports.base_url.removesuffix("/fhir"), *people)


def _sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")


def _go(page: Page, name: str) -> None:
    """By the menu."""
    page.get_by_role("navigation", name="Menu").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert len(page.content()) < LONGEST_PAGE


def test_who_looked_is_asked_about_and_answered(page: Page, site: Site) -> None:
    """An emergency stands out; the question goes to the privacy officer, and comes back answered."""
    page.goto(f"{site.ours}/signin")
    fine(page, 1100, keep="sign-in")
    come_in_as_citizen(page, f"{site.ours}/my", "Gwilym Prosser-Dane")
    expect(page.get_by_role("main")).to_contain_text("Somebody opened your record in an emergency")
    fine(page, 1100, keep="home")
    _go(page, "Who looked")
    expect(page.get_by_role("main")).to_contain_text("opened your record in an emergency")
    expect(page.get_by_role("table")).to_contain_text("Imogen Farrant")
    fine(page, 1100, keep="looked")
    page.get_by_role("table").get_by_role("link", name="Imogen Farrant").first.click()
    page.get_by_role("button", name="Send your question").click()
    expect(page.get_by_role("alert")).to_contain_text("Write what you want to know")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    fine(page, 1100, keep="look-error")
    page.get_by_label("What do you want to know?").fill("Why? <script>alert(1)</script>")
    page.get_by_role("button", name="Send your question").click()
    expect(page.get_by_role("status")).to_contain_text("Your question was sent")
    expect(page.get_by_role("main")).to_contain_text("Waiting for an answer")
    _sign_out(page)
    come_in(page, f"{site.ours}/privacy", "Tamsin Arkwright")
    page.get_by_role("link", name="Questions about looks").click()
    fine(page, 1100, keep="privacy-questions")
    page.get_by_role("link", name="Gwilym Prosser-Dane").click()
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("alert")).to_contain_text("Write the answer")
    fine(page, 1100, keep="privacy-question")
    page.get_by_label("Your answer").fill("They found you at the roadside.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("status")).to_contain_text("The person reads your answer")
    expect(page.get_by_role("main")).to_contain_text("Nothing waits for an answer")
    _sign_out(page)
    come_in_as_citizen(page, f"{site.ours}/my/looked", "Gwilym Prosser-Dane")
    expect(page.get_by_role("main")).to_contain_text("They found you at the roadside.")
    expect(page.get_by_role("main")).to_contain_text("Answered by Tamsin Arkwright")
    page.get_by_role("link", name="Show my own looks too").click()
    expect(page.get_by_role("table")).to_contain_text("Your own look")
    _sign_out(page)


def test_a_choice_is_tried_made_explained_and_taken_back(page: Page, site: Site) -> None:
    """What somebody would see, the same with a change, the change itself, and the way back."""
    come_in_as_citizen(page, f"{site.ours}/my/could", "Gwilym Prosser-Dane")
    page.get_by_role("button", name="Show me").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose who you want to ask about")
    fine(page, 1100, keep="could-error")

    def ask(trying: str) -> None:
        page.get_by_label("Someone who works in health or care").check()
        page.get_by_label("Where do they work?").select_option("ZZH01")
        page.get_by_label("What is their job?").select_option("R8000")
        page.get_by_label("Try a change").select_option(trying)
        page.get_by_role("button", name="Show me").click()

    medicines = page.get_by_role("row").filter(has_text="Medicines and devices")
    ask("")
    expect(medicines).to_contain_text("They see it")
    ask("medications")
    expect(medicines).to_contain_text("You chose not to share it with them.")
    fine(page, 1100, keep="could")
    page.get_by_role("link", name="Make this choice").click()
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose what this is about")
    page.get_by_label("Some parts of my record").check()
    page.get_by_label("Medicines and devices").check()
    page.get_by_label("Everybody").check()
    page.get_by_label("Year").fill("1999")
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a day that is still to come")
    expect(page.get_by_label("Medicines and devices")).to_be_checked()
    expect(page.get_by_label("Year")).to_have_value("1999")
    fine(page, 1100, keep="choice-error")
    page.get_by_label("Year").fill("")
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("main")).to_contain_text(
        "Nobody who cares for you can see “Medicines and devices”"
    )
    fine(page, 1100, keep="choice-ask")
    page.get_by_role("button", name="Yes, I want this").click()
    expect(page.get_by_role("status")).to_contain_text("in force from now on")
    fine(page, 1100, keep="choices")
    page.goto(f"{site.ours}/my/could")
    ask("")
    expect(medicines).to_contain_text("Closed")
    _go(page, "Your choices")
    page.get_by_role("link", name="What this means").click()
    fine(page, 1100, keep="choice")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("no effect any more")
    expect(page.get_by_role("main")).to_contain_text("You have hidden nothing.")
    page.get_by_role("link", name="Seal something").click()
    page.get_by_label("All that one place wrote").check()
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose an organisation")
    fine(page, 1100, keep="seal-error")
    page.get_by_label("Which one?").first.select_option("ZZH01")
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("main")).to_contain_text("Only the place that wrote it can see")
    fine(page, 1100, keep="seal-ask")
    page.get_by_role("button", name="Yes, I want this").click()
    fine(page, 1100, keep="sealed")
    page.get_by_role("link", name="What this means").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("no effect any more")
    _sign_out(page)


def test_a_carer_is_let_in_looks_and_is_shown_out(page: Page, browser: Browser, site: Site) -> None:
    """Invited, taken up by the code, both names shown; ended, it opens nothing at once. Markup is text."""
    come_in_as_citizen(page, f"{site.ours}/my/carers", "Gwilym Prosser-Dane")
    page.get_by_role("button", name="Invite someone").click()
    page.get_by_label("Only some parts").check()
    page.get_by_role("button", name="Make the code").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the name of the person")
    page.get_by_label("Who do you want to invite?").fill(HOSTILE)
    page.get_by_label("Allergies").check()
    page.get_by_role("button", name="Make the code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Your code for {HOSTILE}")
    fine(page, 1100, keep="invited")
    code = page.locator("#code").inner_text()

    other = browser.new_context().new_page()
    come_in_as_citizen(other, f"{site.ours}/my/accept", "Tariq Mahmood-Ellery")
    other.get_by_label("Tariq Mahmood-Ellery").check()
    other.get_by_role("button", name="Continue").click()
    other.get_by_label("The code you were given").fill("AAAA-AAAA")
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_role("alert")).to_contain_text("This code is not right")
    other.get_by_label("The code you were given").fill(code.lower())
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_role("main")).to_contain_text("Allergies")
    fine(other, 1100, keep="accept")
    other.get_by_role("button", name="Yes, I want to act for them").click()
    expect(other.get_by_role("region", name="Whose record this is")).to_contain_text("Gwilym")
    fine(other, 1100, keep="home-acting")
    other.goto(f"{site.ours}/my/choices")
    expect(other.get_by_role("heading", level=1)).to_have_text("You cannot do this")
    other.goto(f"{site.ours}/my/whose")

    _go(page, "People who act for you")
    page.get_by_role("link", name="Tariq Mahmood-Ellery").click()
    expect(page.get_by_role("main")).to_contain_text(HOSTILE)
    expect(page.get_by_role("table")).to_contain_text("On your behalf")
    fine(page, 1100, keep="carer")
    page.get_by_role("button", name="End this now").click()
    page.get_by_role("button", name="Yes, end it now").click()
    expect(page.get_by_role("status")).to_contain_text("can no longer see your record")
    other.goto(f"{site.ours}/my")
    expect(other.get_by_role("heading", level=1)).to_have_text("You cannot see this record here")
    page.goto(f"{site.ours}/my/choices/new?do=permit")
    page.get_by_label("Who do you want to let in again?").select_option(label="Tariq Mahmood-Ellery")
    page.get_by_label("Some parts of my record").check()
    page.get_by_label("Allergies").check()
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a day that is still to come")
    fine(page, 1100, keep="permit-error")
    for part, value in zip(("Day", "Month", "Year"), _ahead(), strict=True):
        page.get_by_label(part).fill(value)
    page.get_by_role("button", name="Show me what this does").click()
    expect(page.get_by_role("main")).to_contain_text("Tariq Mahmood-Ellery can see “Allergies”.")
    page.get_by_role("button", name="Yes, I want this").click()
    other.goto(f"{site.ours}/my/record")
    expect(other.get_by_role("region", name="Whose record this is")).to_contain_text("Gwilym")
    page.get_by_role("link", name="What this means").click()
    page.get_by_role("button", name="Take it back").click()
    other.goto(f"{site.ours}/my")
    expect(other.get_by_role("heading", level=1)).to_have_text("You cannot see this record here")
    other.context.close()
    assert page.title() != "x"
    _sign_out(page)


def _ahead() -> tuple[str, str, str]:
    """A day some months ahead: day, month, year."""
    day = datetime.now(UTC).date() + timedelta(days=100)
    return str(day.day), str(day.month), str(day.year)


def test_staff_record_who_acts_for_somebody_and_read_what_is_wrong(page: Page, site: Site) -> None:
    """By number, in a form; on what they have seen; the code is shown once. Each page in both widths."""
    come_in(page, f"{site.ours}/proxies", "Caspian Threlfall")
    page.get_by_label("NHS Number of the person").fill("12")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("Ten digits")
    fine(page, 1100, keep="proxies-ask")
    page.get_by_label("NHS Number of the person").fill(site.tariq.nhs_number)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mahmood-Ellery")
    fine(page, 1100, keep="proxies-person")
    page.get_by_role("button", name="Record somebody").click()
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("alert")).to_be_focused()
    fine(page, 1100, keep="proxies-record")
    page.get_by_label("Who is to act for them?").fill(HOSTILE)
    page.get_by_label("Court-appointed").or_(page.get_by_label("deputy")).first.check()
    page.get_by_label("Which document have you seen?").fill("Order of the court, 12")
    page.get_by_label("Until which day?").fill("-".join(_ahead()[::-1][:1]) + "-12-31")
    page.get_by_role("button", name="Record it").click()
    expect(page.locator("#code")).to_contain_text("-")
    fine(page, 1100, keep="proxies-recorded")
    page.get_by_role("link", name="What was recorded").click()
    fine(page, 1100, keep="proxies-one")
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_role("status")).to_contain_text("The access has ended")
    assert site.tariq.nhs_number not in page.url
    page.goto(f"{site.ours}/disputes")
    fine(page, 1100, keep="disputes")
    _sign_out(page)


def test_without_a_script_in_welsh_and_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """The same journey; a form that another session made does nothing, and a page stands in no frame."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 900})
    page = context.new_page()
    come_in_as_citizen(page, f"{site.ours}/my/choices/new?lang=cy", "Gwilym Prosser-Dane")
    page.goto(f"{site.ours}/my/choices/new?lang=cy")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beth ydych chi eisiau ei guddio?")
    page.get_by_role("link", name="Neidio i'r prif gynnwys").focus()
    page.keyboard.press("Enter")
    for _ in range(40):  # by the tabulator, until the first answer has the focus
        page.keyboard.press("Tab")
        if page.locator("#what").evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Space")
    while not page.locator("#who").evaluate("each => each === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ai dyma beth rydych ei eisiau?")
    expect(page.get_by_role("main")).to_contain_text("Ni all neb sy'n gofalu amdanoch weld eich cofnod.")
    stolen = page.locator("input[name=csrf]").last.get_attribute("value")
    page.get_by_role("button", name="Allgofnodi").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rydych wedi allgofnodi")
    come_in_as_citizen(page, f"{site.ours}/my/choices", "Gwilym Prosser-Dane")
    sent: dict[str, str | float | bool] = {
        "csrf": stolen or "",
        "what": "all",
        "who": "everybody",
        "answer": "yes",
    }
    answer = context.request.post(f"{site.ours}/my/choices/new", form=sent)
    assert answer.status == 403
    assert answer.headers["x-frame-options"] == "DENY"
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Nid ydych wedi cuddio dim.")
    context.close()
