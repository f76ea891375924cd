"""``python -m scr.demo.leash COMMAND …``: runs a command that does not outlive whoever started it.

Standard input is the leash: a pipe whose other end the supervisor holds. When it closes, by intent or
because the supervisor was killed, the command's whole process group is asked to end and then made to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

GRACE_SECONDS = 6.0
_PR_SET_PDEATHSIG = 1


def run(command: Sequence[str]) -> int:
    """Run the command to its end; gives its exit code."""
    child = subprocess.Popen(  # noqa: S603 - the command is the supervisor's own
        list(command), stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_parent()
    )
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    while child.poll() is None and not asked.is_set():
        readable, _, _ = select.select([sys.stdin], [], [], 0.1)
        if readable and not os.read(sys.stdin.fileno(), 64):
            asked.set()
    return _end(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    """Ask the group to end, wait, and end it; a group that is gone already is fine."""
    _signal_group(child.pid, signal.SIGTERM)
    limit = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < limit:
        time.sleep(0.02)
    _signal_group(child.pid, signal.SIGKILL)
    return child.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel ends the command even where the leash itself is killed outright."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) and None


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
