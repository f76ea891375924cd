"""When the last backup was made, as the deployment's folder says it."""

from __future__ import annotations

from pathlib import Path

import msgspec

LAST = "last-backup.json"
"""The file of the home that says it."""


class LastBackup(msgspec.Struct, frozen=True):
    """When (ms UTC) a backup was made, and where."""

    at: int
    path: str


def note_backup(file: Path, made: Path, now: int) -> None:
    """Say that a backup was made."""
    file.write_bytes(msgspec.json.encode(LastBackup(now, str(made))))


def last_backup(file: Path) -> LastBackup | None:
    """The last one; None where there was none, or nobody can tell."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=LastBackup)
    except (OSError, msgspec.MsgspecError):
        return None
