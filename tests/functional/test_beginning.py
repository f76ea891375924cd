"""``scr serve`` begins with what it has read and checked, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.functional.deployment import make_home
from tests.support.patience import LONG
from tests.support.ports import free_port

from scr.errors import Invalid


def test_a_mistake_is_told_in_one_line_and_nothing_is_served(tmp_path: Path) -> None:
    """The worker finds it; the command ends as the worker does, and says no more than that."""
    home = tmp_path / "home"
    make_home(home)
    (home / "scr.toml").write_text(f"http_port = {free_port()}\nintake = false\n", encoding="utf-8")
    policy = home / "consent/labels.yaml"
    policy.parent.mkdir()
    policy.write_text("rules: [", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    command = [sys.executable, "-m", "scr", "--home", str(home), "serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == Invalid.exit_code
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith(f"scr: {policy}, line ")
    assert not (home / "scr.db").exists()
