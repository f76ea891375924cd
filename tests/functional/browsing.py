"""A real browser, and what every page has to be in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect
from tests.support.patience import LONG

CHROMIUM = shutil.which("chromium")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here: apt-get install chromium"
)
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

expect.set_options(timeout=LONG * 1000)

SCREENSHOTS = os.environ.get("SCR_SCREENSHOTS", "")
"""The folder where what the walks saw is kept, for whoever wants to look at it; none where it is empty."""


def come_in(page: Page, address: str, name: str) -> None:
    """Sign in to a site of the demonstration as somebody: through the upstream, and back."""
    page.goto(address)
    page.get_by_role("link", name="Sign in with NHS CIS2").click()
    page.get_by_role("link", name=name).click()


def come_in_as_citizen(page: Page, address: str, name: str) -> None:
    """Sign in to the pages of citizens, as somebody whom NHS login knows."""
    page.goto(address)
    page.get_by_role("link", name=name).click()


def broken(page: Page) -> str:
    """What axe finds on a page against WCAG 2.2 AA or best practice, in words; empty where it finds nothing.

    It says so of what is broken alone: to write down each element of a page that is as it should be took most
    of its time.
    """
    page.evaluate(AXE_SCRIPT)
    asked = {"runOnly": _RULES, "resultTypes": ["violations"]}
    found = AxeResults(
        page.evaluate("async asked => ({violations: (await axe.run(asked)).violations})", asked)
    )
    return str(found.generate_report()) if found.violations_count else ""


def fine(page: Page, *widths: int, keep: str = "") -> None:
    """No violation of WCAG 2.2 AA or best practice that axe knows; at 320 px nothing to scroll sideways.

    ``keep``: the name under which pictures of the page are kept, wide and narrow. 320 px is what a window of
    1280 shows when it is enlarged to 400 %.
    """
    for width in widths or (1100,):
        page.set_viewport_size({"width": width, "height": 900})
        told = broken(page)
        assert not told, told
        _keep(page, keep, width)
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    _keep(page, keep, 320)
    page.set_viewport_size({"width": 1100, "height": 900})


def _keep(page: Page, name: str, width: int) -> None:
    if name and SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{width}.png", full_page=True)
