"""The places where a test ends the process: all are named, none can be reached where it is not allowed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scr import faults
from scr.errors import Invalid

SOURCE = Path(faults.__file__).parent
KILLED = """
import pathlib, sys
from scr import faults
home = pathlib.Path(sys.argv[1])
faults.allow(home)
faults.arm("store.committed:3", home)
for number in range(5):
    faults.reach("store.running")
    faults.reach("store.committed")
    print(number, flush=True)
"""


def test_every_place_is_named_and_every_name_is_a_place() -> None:
    """What the package reaches, by its source, is what the list explains."""
    source = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    reached = {name for text in source for name in re.findall(r'^ +reach\("(.*)"\)$', text, re.MULTILINE)}
    assert reached == set(faults.POINTS)


def test_it_ends_at_the_passing_that_was_asked_for(tmp_path: Path) -> None:
    """By a signal that nothing can catch, at the third passing and no other."""
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], capture_output=True, check=False)
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, [b"0", b"1"])


def test_a_home_that_is_no_tests_stops_the_start(tmp_path: Path) -> None:
    """Without the file, with that of another home, and for a place that there is not."""
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    for folder in (elsewhere, home):
        folder.mkdir()
    with pytest.raises(Invalid, match="for tests"):
        faults.arm("store.committed", home)
    faults.allow(elsewhere)
    (elsewhere / faults.MARK).rename(home / faults.MARK)
    with pytest.raises(Invalid, match="for tests"):
        faults.arm("store.committed", home)
    faults.allow(home)
    for wrong in ("nowhere", "store.committed:x"):
        with pytest.raises(Invalid, match="no place"):
            faults.arm(wrong, home)
    faults.arm("", home)
    faults.reach("store.committed")
