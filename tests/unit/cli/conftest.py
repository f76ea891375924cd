"""What tests of the command line need: a deployment, somebody who is held, the logs as they were before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import scr.cli.context  # noqa: F401 - before a run has a COLUMNS of its own: its console would keep it
from scr.api.services import open_database, open_keys
from scr.cli.config import init
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.settings import load
from scr.store.engine import Database
from scr.store.people import Person


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A verb sets the logs up on the standard error of its run, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The database of a deployment, which is in ``home``."""
    init(tmp_path / "home")
    opened = open_database(load({"home": tmp_path / "home"}).settings)
    yield opened
    opened.close()


@pytest.fixture
def person(tmp_path: Path, database: Database) -> Person:
    """Somebody who is held."""
    keys = open_keys(load({"home": tmp_path / "home"}).settings)
    told, number = Demographics("Sample", ("Bert",), "1968-09-12"), NHSNumber("9990001014")
    return database.write_now(lambda c: index.register(c, keys, number, told, 1))
