"""The loss report as a page, in a real browser: accessible, and dead to whatever a payload holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.functional.browsing import NEEDS_CHROMIUM, broken

from scr.cli.loss_report import write_page
from scr.data import DataFiles, packaged_root
from scr.mapping.adapter import load_adapter
from scr.mapping.report import report

pytestmark = NEEDS_CHROMIUM
ATTACK = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.mark.parametrize(
    ("adapter", "sample"),
    [
        ("pas-adt", "admission.hl7"),
        ("client-level-data", "oddities.csv"),
        ("fhir-r4-record", "broken-html.json"),
    ],
)
def test_the_page_is_accessible(browser: Browser, tmp_path: Path, adapter: str, sample: str) -> None:
    """No rule of WCAG 2.2 AA is broken, whether there is much to tell or nothing."""
    raw = (packaged_root() / "adapters" / adapter / "samples" / sample).read_bytes()
    path = tmp_path / "page.html"
    write_page(report(load_adapter(DataFiles(), adapter), raw), sample, path)
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(path.as_uri())
    assert broken(page) == ""
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= 320"), "it reflows to a phone"
    page.close()


def test_nothing_of_a_payload_runs(browser: Browser, tmp_path: Path) -> None:
    """Markup in a value, in a column's name and in the file's name stays text."""
    attack = f'"{ATTACK.replace(chr(34), chr(34) * 2)}"'
    known = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On"
    row = f"9990001014,{attack},Ada,1941-07-05,{attack},ZZ99 1AA,A81001,1999-03-02,{attack}"
    path = tmp_path / "page.html"
    adapter = load_adapter(DataFiles(), "gp-registrations")
    write_page(report(adapter, f"{known},{attack}\n{row}".encode()), ATTACK, path)
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() != "taken"
    assert page.locator("img, script").count() == 0
    assert page.get_by_text("onerror").count() >= 4
    page.close()
