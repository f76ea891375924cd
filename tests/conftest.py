"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real-shape payloads; a test that needs it is skipped where it is absent."""
    path = Path(os.environ.get("SCR_CORPUS", _ROOT.parent / "shared" / "corpus"))
    if not path.is_dir():
        pytest.skip("the corpus is not here: set SCR_CORPUS to its folder")
    return path
