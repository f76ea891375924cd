"""Named places on the ways by which something becomes durable, where a test ends the process like a crash.

``reach`` stands at each. It does nothing, unless the setting ``fault_point`` names the place: then the
process kills itself there, at the passing that the setting says (SIGKILL: no ``finally`` runs). That takes
two things that no deployment has: the setting, and a file ``fault-injection`` in the home that holds the
home's own path, so that neither a copied home nor a stray variable is enough. Where the file is not, the
setting stops the start.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from scr.errors import Invalid

MARK = "fault-injection"
"""The file in the home that allows it; its content is the home's path."""
POINTS = {
    "intake.received": "a payload is whole, and nothing of it is kept",
    "intake.filing": "a payload is kept, and a transaction that files units of it has begun",
    "intake.quarantined": "a unit is in quarantine, in a transaction that is not committed",
    "intake.finishing": "the last units are filed, and the payload is about to be finished, uncommitted",
    "intake.part": "some units of a payload are durable, and perhaps others are to come",
    "mllp.acknowledging": "a message is durable, and its acknowledgement has not left",
    "mllp.acknowledged": "an acknowledgement has left",
    "folder.read": "a file is read, and stays where it is",
    "folder.taken": "a file is in the store, and still in the folder",
    "folder.removed": "a file is in the store, and no more in the folder",
    "http.taken": "a payload over HTTP is durable, and its audit row is not",
    "mesh.fetched": "a MESH message is whole, and nothing of it is kept",
    "mesh.taken": "a MESH message is durable, and not acknowledged",
    "mesh.acknowledged": "a MESH message is acknowledged",
    "store.running": "units of work are done, and the transaction is not committed",
    "store.committed": "a transaction is durable, and nobody was told",
    "audit.appended": "a row hangs on its chain, in a transaction that is not committed",
    "audit.sealed": "a seal is durable, and its head is not in the file outside",
    "audit.headed": "the head of a seal is in the file outside",
    "copies.writing": "what live sources told is about to be written",
    "contribution.keeping": "what a citizen adds is written, in a transaction that is not committed",
    "contribution.kept": "what a citizen adds is durable, and they were not told",
    "job.begun": "an answer for later is begun and in the audit, and whoever asked was not told",
    "job.taken": "an answer for later is this process's to make, and its workflow is not begun",
    "job.making": "its workflow is begun, and nothing is asked",
    "job.made": "its answer is found, and nothing of it is written",
    "job.writing": "answer, audit and job are written, in a transaction that is not committed",
    "job.written": "they are durable, and the workflow has not ended",
    "keys.put-first": "a new encryption key is about to stand first",
    "keys.switching": "the new file of keys is durable beside the old one",
    "keys.part": "a part of a table is wrapped by the new key, uncommitted",
    "outbound.claimed": "a message that goes out is this process's own, and its workflow is not begun",
    "outbound.begun": "its workflow is begun",
    "outbound.sending": "it is about to leave by one way",
    "outbound.sent": "one way has taken it, and the workflow does not know",
    "outbound.noting": "the workflow knows what every way said, and the message's row does not",
    "outbound.noted": "the message's row says what has become of it, and the workflow has not ended",
}
"""Every place, and how things stand there."""


@dataclass(slots=True)
class _Armed:
    """The place, the passing at which the process ends, and what counts passings, in whatever thread."""

    point: str
    passing: int
    passings: count[int]


_armed: _Armed | None = None


def reach(point: str) -> None:
    """Say that a place is reached."""
    if _armed is not None and _armed.point == point and next(_armed.passings) == _armed.passing:
        os.kill(os.getpid(), signal.SIGKILL)


def arm(setting: str, home: Path) -> None:
    """Let the process end at a place: ``NAME``, or ``NAME:3`` for the third passing. Empty: at none.

    Raises Invalid for a place that there is not, and where the home does not allow it.
    """
    global _armed
    _armed = None
    allowed = _allowed(home)
    if not setting:
        return
    point, _, passing = setting.partition(":")
    if not allowed:
        raise Invalid(
            "it ends the process, and is for tests of that alone: leave it out",
            code="bad-setting",
            where="fault_point",
        )
    if point not in POINTS or (passing and not passing.isdecimal()):
        raise Invalid(
            f"there is no place {setting!r}; there are: {', '.join(POINTS)}",
            code="bad-setting",
            where="fault_point",
        )
    _armed = _Armed(point, int(passing or 1), count(1))


def is_open(home: Path) -> bool:
    """Whether a home has the file, whatever it holds: no deployment has it."""
    return (home / MARK).exists()


def allow(home: Path) -> None:
    """Make a home one whose processes may be ended so: for tests."""
    (home / MARK).write_text(str(home.resolve()), encoding="utf-8")


def _allowed(home: Path) -> bool:
    try:
        return (home / MARK).read_text(encoding="utf-8") == str(home.resolve())
    except (OSError, UnicodeDecodeError):
        return False
