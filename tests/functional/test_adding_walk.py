"""One walk in a real browser: a reading and a picture; corrected, withdrawn; a notice."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.functional.browsing import NEEDS_CHROMIUM, come_in_as_citizen, fine
from tests.functional.test_contributing import picture
from tests.functional.test_my_pages import Site
from tests.functional.test_my_pages import site as site

pytestmark = NEEDS_CHROMIUM


def test_somebody_adds_to_their_record_by_keyboard_and_mouse(page: Page, site: Site, tmp_path: Path) -> None:
    """Each page without a violation, wide and narrow; an error has the focus, and what was typed stays."""
    come_in_as_citizen(page, f"{site.ours}/my/add", "Gwilym Prosser-Dane")
    fine(page, 1100, keep="add")
    page.get_by_role("link", name="Blood pressure").click()
    page.get_by_label("Top number (systolic)").fill("80")
    page.get_by_label("Bottom number (diastolic)").fill("120")
    page.keyboard.press("Enter")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    expect(page.get_by_label("Bottom number (diastolic)")).to_have_value("120")
    fine(page, 1100, keep="add-reading-error")
    page.get_by_label("Top number (systolic)").fill("225")
    page.get_by_role("button", name="Add it").click()
    page.get_by_label("Yes, it is right").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("main")).to_contain_text("Call 999 now if you have chest pain")
    fine(page, 1100, keep="added-advice")
    page.get_by_role("link", name=re.compile("Correct it ?: Blood")).click()
    page.get_by_label("Top number (systolic)").fill("135")
    page.get_by_role("button", name="Save the correction").click()
    expect(page.get_by_role("main")).to_contain_text("135 mmHg")
    page.goto(f"{site.ours}/my/add/about-me")
    fine(page, 1100, keep="add-about-me")
    file = tmp_path / "letter.exe"
    file.write_bytes(picture("PNG") + b"<html>")
    page.goto(f"{site.ours}/my/add/document")
    page.get_by_label("What is it?").fill("A scan")
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("alert")).to_contain_text("has something else inside")
    expect(page.get_by_label("What is it?")).to_have_value("A scan")
    fine(page, 1100, keep="add-document-error")
    page.get_by_role("link", name="What you added").click()
    page.get_by_role("link", name=re.compile("Withdraw it ?: Blood")).click()
    fine(page, 1100, keep="withdraw")
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_role("main")).to_contain_text("It was withdrawn")
    fine(page, 1100, keep="withdrawn")
    page.get_by_role("link", name="Notices").click()
    expect(page.get_by_role("main")).to_contain_text("Somebody opened your record in an emergency")
    fine(page, 1100, keep="notices")
    page.get_by_role("link", name="Something is wrong").click()
    fine(page, 1100, keep="challenges")
    page.goto(f"{site.ours}/my/notices?lang=cy")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hysbysiadau")
    page.goto(f"{site.ours}/my/notices?lang=en")
