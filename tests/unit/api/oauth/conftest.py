"""An authorisation server, on each engine in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.api.oauth.systems import Served

from scr.store.engine import Database
from scr.store.keys import KeyRing


@pytest.fixture
def served(tmp_path: Path, database: Database, keys: KeyRing) -> Served:
    """A server with one registered system, `lab`."""
    made = Served(tmp_path, database, keys)
    made.register("lab")
    return made
