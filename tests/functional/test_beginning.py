"""``scr serve`` begins with what it has read and checked, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.functional.deployment import make_home
from tests.support.patience import LONG, until_now
from tests.support.ports import free_port

from scr.errors import Invalid


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment's folder, without tables yet."""
    made = tmp_path / "home"
    make_home(made)
    (made / "scr.toml").write_text(f"http_port = {free_port()}\nintake = false\n", encoding="utf-8")
    return made


def _serve(home: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    command = [sys.executable, "-m", "scr", "--home", str(home), "serve"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_mistake_is_told_in_one_line_and_nothing_is_served(home: Path) -> None:
    """The worker finds it; the command ends as the worker does, and says no more than that."""
    policy = home / "consent/labels.yaml"
    policy.parent.mkdir()
    policy.write_text("rules: [", encoding="utf-8")
    with _serve(home) as process:
        said, told = process.communicate(timeout=LONG)
    assert process.returncode == Invalid.exit_code
    assert said == ""
    [line] = told.splitlines()
    assert line.startswith(f"scr: {policy}, line ")
    assert not (home / "scr.db").exists()


def test_a_stop_while_it_begins_is_heeded(home: Path) -> None:
    """From the moment that the worker is there it is not waited for: the command ends, and leaves nobody."""
    with _serve(home) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until_now(lambda: process.poll() is not None or children.read_text())
        [worker] = children.read_text().split()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert not Path(f"/proc/{worker}").exists()
