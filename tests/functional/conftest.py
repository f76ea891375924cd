"""Deployments for the tests of the endpoint, on each database in turn.

``deployment`` is shared by the tests of a module, which only ask; ``fresh`` is one test's own, to change.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.sync_api import Browser, Page, sync_playwright
from tests.functional.besieged import Besieged, under_siege
from tests.functional.browsing import CHROMIUM
from tests.functional.deployment import SECRETS, Deployment, Neighbour, running
from tests.functional.online import Online, online
from tests.functional.tour import Tour, touring
from tests.support.postgres import Databases

_ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=_ENGINES)
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of an empty database with the tables, for a module, on each engine in turn."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("endpoint") / "scr.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    pool: Databases = request.getfixturevalue("postgresql_databases")
    with pool.one() as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_deployment(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A deployment that the tests of a module share."""
    async with running(tmp_path_factory.mktemp("endpoint") / "home", module_database_url) as made:
        yield made


@pytest.fixture
def deployment(module_deployment: Deployment, capfd: pytest.CaptureFixture[str]) -> Iterator[Deployment]:
    """The module's deployment, the neighbour as at first; at the end, nobody's number was logged."""
    fine = Neighbour()
    module_deployment.neighbour.__dict__.update(fine.__dict__)
    yield module_deployment
    _nobody_in("".join(capfd.readouterr()))


@pytest.fixture
async def fresh(
    database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Deployment]:
    """A deployment of the test's own; at the end, nobody's number was logged."""
    async with running(tmp_path / "home", database_url) as made:
        yield made
    _nobody_in("".join(capfd.readouterr()))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_place(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Online]:
    """A deployment that citizens sign in to, which the tests of their access share."""
    folder = tmp_path_factory.mktemp("online")
    database = shutil.copy(sqlite_template, folder / "scr.db")
    async with online(folder / "home", f"sqlite:///{database}") as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_tour(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tour]:
    """A deployment whose every address is walked through, which the tests of the threats to it share."""
    folder = tmp_path_factory.mktemp("tour")
    database = shutil.copy(sqlite_template, folder / "scr.db")
    async with touring(folder / "home", f"sqlite:///{database}") as made:
        yield made


@pytest.fixture
def place(session_place: Online) -> Online:
    """The shared one, its neighbour as at first. A test signs in carers of its own, and takes back what it
    has chosen."""
    session_place.deployment.neighbour.__dict__.update(Neighbour().__dict__)
    return session_place


@pytest.fixture(scope="session")
def besieged(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """A deployment that every test of a threat attacks; none of them changes anything."""
    with under_siege(tmp_path_factory.mktemp("besieged"), sqlite_template) as made:
        yield made


def _nobody_in(logged: str) -> None:
    for number in SECRETS:
        assert number not in logged
        assert f"{number[:3]} {number[3:6]} {number[6:]}" not in logged


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a browser that knows nothing yet; nothing on it was blocked."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    opened = context.new_page()
    told: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    yield opened
    context.close()
    assert not [text for text in told if "Content Security Policy" in text]
