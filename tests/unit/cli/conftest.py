"""What every test of the command line needs: the logs go back to where they went before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

import scr.cli.context  # noqa: F401 - before a run has a COLUMNS of its own: its console would keep it


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A verb sets the logs up on the standard error of its run, which is closed after it."""
    yield
    structlog.reset_defaults()
