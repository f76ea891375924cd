"""Where spans go: nowhere, and nothing is loaded, unless the settings say so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import scr
from scr.api.traces import open_traces
from scr.errors import Invalid
from scr.settings import Settings


def test_without_a_collector_nothing_is_loaded(tmp_path: Path) -> None:
    """No module loads what keeps and sends spans before it is asked for; a token that is not there stops the
    start."""
    assert open_traces(Settings(home=tmp_path)) is None
    loading = [
        path.name
        for path in Path(scr.__path__[0]).rglob("*.py")
        if re.search(r"^(from|import) opentelemetry", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert loading == []
    collector = "http://127.0.0.1:1/v1/traces"
    with pytest.raises(Invalid):
        open_traces(Settings(home=tmp_path, traces_url=collector, traces_token="file:none"))
