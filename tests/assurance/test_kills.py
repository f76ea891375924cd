"""A deployment is killed a few times in every run of the suite, and a thousand in `make assurance`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.patience import LONG


def test_nothing_is_lost_where_a_deployment_is_killed() -> None:
    """Before it acknowledges, over MLLP and to MESH, and between two parts of a payload."""
    points = ("mllp.acknowledging:1", "intake.part:1", "mesh.taken:1")
    command = [sys.executable, "-m", "tests.assurance.kills", "--kills", "3", "--served", "0"]
    command += ["--database", "sqlite", "--seed", "suite", "--points", *points]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, check=False,
        timeout=10 * LONG,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills, 0 lost, doubled or untold" in done.stdout
