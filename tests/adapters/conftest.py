"""One switch: write the goldens instead of comparing with them."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest tests/adapters --write-goldens``, after a change that is meant; then read the difference."""
    parser.addoption("--write-goldens", action="store_true", help="write what the adapters' samples give")


@pytest.fixture(scope="session")
def write_goldens(request: pytest.FixtureRequest) -> bool:
    """Whether the goldens are to be written."""
    return bool(request.config.getoption("--write-goldens", default=False))
