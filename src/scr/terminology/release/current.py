"""Which release is in force: a pointer, switched whole.

``<home>/terminology/current`` holds the name of a file beside it. A load writes a new file and then puts a
new pointer in the old one's place in one step, so that a reader sees the old release or the new one and
never something between. Whoever holds the old release goes on asking it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from scr.errors import Invalid
from scr.terminology.release.reader import Release

POINTER = "current"
PREFIX, SUFFIX = "release-", ".sqlite"
_LOOK_AGAIN_SECONDS = 1.0


def folder_of(home: Path) -> Path:
    """Where a deployment's releases are."""
    return home / "terminology"


def current_path(folder: Path) -> Path | None:
    """The file in force, None where nothing has been loaded. Raises Invalid for a pointer to no release."""
    try:
        name = (folder / POINTER).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    if not (name.startswith(PREFIX) and name.endswith(SUFFIX)) or Path(name).name != name:
        raise Invalid(
            "does not name a release: load the terminologies again, or write the name of a release file",
            code="bad-release",
            where=str(folder / POINTER),
        )
    return folder / name


def switch(folder: Path, path: Path) -> None:
    """Put a release file in force, for every process at once, and for good when the machine stops."""
    waiting = folder / f"{POINTER}.new"
    with waiting.open("w", encoding="ascii") as file:
        file.write(path.name + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(waiting, folder / POINTER)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a stop of the machine."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def superseded(folder: Path) -> tuple[Path, ...]:
    """The release files that are not in force, the oldest first."""
    in_force = current_path(folder)
    others = (path for path in folder.glob(f"{PREFIX}*{SUFFIX}") if path != in_force)
    return tuple(sorted(others, key=lambda path: (path.stat().st_mtime_ns, path.name)))


class Releases:
    """The release in force, for a process that runs for long. A switch is noticed within a second."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._release: Release | None = None

    def current(self) -> Release | None:
        """The release in force; None where nothing has been loaded.

        Ask again for each piece of work, and keep one answer for the whole of it. Raises NotFound where the
        pointer names a file that is gone, Invalid for one that this version does not read.
        """
        now = self._clock()
        if now - self._looked < _LOOK_AGAIN_SECONDS:
            return self._release
        with self._lock:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                path = current_path(self._folder)
                self._release = None if path is None else Release(path)
                self._stamp = stamp
            self._looked = now
        return self._release

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._folder / POINTER)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
