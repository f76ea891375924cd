"""What is in memory: no core is dumped of it, and where it may be swapped to is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scr.cli.memory import swapped_to

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SWAPS = {
    "none": (HEAD, []),
    "a partition and a file": (
        f"{HEAD}/dev/sda2 partition 8388604 0 -2\n/swap file 1 0 -3\n",
        ["/dev/sda2", "/swap"],
    ),
    "compressed memory": (f"{HEAD}/dev/zram0 partition 8388604 0 100\n", []),
    "nothing is told": (None, []),
}


@pytest.mark.parametrize(("told", "areas"), SWAPS.values(), ids=SWAPS)
def test_where_memory_may_be_swapped_to(tmp_path: Path, told: str | None, areas: list[str]) -> None:
    """Disks and files; not what is in memory itself."""
    if told is not None:
        (tmp_path / "swaps").write_text(told)
    assert swapped_to(tmp_path / "swaps") == areas


def test_a_process_and_its_children_dump_no_core() -> None:
    """The limit is there once the command line runs, and comes down to what it starts."""
    child = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    run = (
        "import contextlib, subprocess, sys\nfrom scr.cli import main\nsys.argv = ['scr', '--version']\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "(0, 0)"
