"""What a deployment has decided for codes that no map has: its gap map.

``scr terminology gaps --csv`` writes the codes met without a translation; a human fills in the target and
``--take`` puts the file in force: its rows go into ``<home>/terminology/gaps/taken.csv``. Other files of
that folder hold as well. Columns: ``source_system``, ``source_code``, ``target_system``, ``target_code``,
``target_display``; ``match`` is empty or ``none`` (there is no national code, and that is settled);
``version`` is the day on which the row was taken. The other columns are for people. A code is matched as
it is spelt. A row without a target that does not say ``none`` is one still to be filled in.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from scr.data import DataFiles
from scr.errors import Invalid, ScrError
from scr.terminology.conceptmap import read_rows
from scr.terminology.systems import NATIONAL

FOLDER = "gaps"
TAKEN = "taken.csv"
COLUMNS = ("source_system", "source_code", "target_system", "target_code", "target_display")
KEPT = (*COLUMNS, "match", "version", "note")
FOR_PEOPLE = ("provider", "source_display", "reason", "count", "first", "last", "suggestion", "note")
NONE = "none"
_LOOK_AGAIN_SECONDS = 1.0
_log = structlog.get_logger("scr.terminology")


class GapRow(NamedTuple):
    """A decision: the national code, or an empty ``code`` where there is none. ``version``: when taken."""

    system: str
    code: str
    display: str
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class GapMap:
    """Decisions by source system and code. ``version`` is another for other contents."""

    rows: Mapping[tuple[str, str], GapRow] = field(default_factory=dict)
    version: str = ""
    name: str = FOLDER


class Line(NamedTuple):
    """A row of a file that says something, and where it stands (``FILE, line N``)."""

    where: str
    source: tuple[str, str]
    row: GapRow


def read_lines(path: Path) -> Iterator[Line]:
    """The rows of a file that are filled in. Raises Invalid naming the file and the line."""
    optional = ("match", "version", *FOR_PEOPLE)
    for number, row in read_rows(path, COLUMNS, optional):
        where = f"{path}, line {number}"
        system, code = row["target_system"], row["target_code"]
        match = row.get("match", "")
        if match not in ("", NONE):
            raise _wrong("match is neither empty nor none", where)
        if match == NONE:
            system = code = ""
        elif not code:
            continue
        elif system not in NATIONAL:
            raise _wrong(f"target_system is none of {', '.join(NATIONAL)}", where)
        if not row["source_system"] or not row["source_code"]:
            raise _wrong("source_system and source_code say which code it is: both are needed", where)
        display = row["target_display"] if code else ""
        decision = GapRow(system, code, display, row.get("version", ""), row.get("note", ""))
        yield Line(where, (row["source_system"], row["source_code"]), decision)


def load_gap_map(files: DataFiles) -> GapMap:
    """Every file of the folder, put together. Raises Invalid naming the file and the line."""
    rows: dict[tuple[str, str], GapRow] = {}
    places: dict[tuple[str, str], str] = {}
    for _, path in files.walk("terminology", f"{FOLDER}/*.csv"):
        for where, source, row in read_lines(path):
            known = rows.setdefault(source, row)
            if known[:2] != row[:2]:
                raise _wrong(f"another code is given for it in {places[source]}: keep one", where)
            places.setdefault(source, where)
    digest = hashlib.blake2b(repr(sorted(rows.items())).encode(), digest_size=8).hexdigest()
    return GapMap(rows, digest if rows else "")


def _wrong(what: str, where: str) -> Invalid:
    return Invalid(what, code="bad-map", where=where)


class GapMaps:
    """The gap map in force, for a process that runs for long. A change is noticed within a second.

    A file that is wrong is told in the log, and what was in force stays.
    """

    def __init__(self, files: DataFiles, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises Invalid where a file is wrong at the start: nothing has been in force then."""
        self._files, self._clock = files, clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._stamp = self._read_stamp()
        self._map = load_gap_map(files)

    def current(self) -> GapMap:
        """What is in force."""
        now = self._clock()
        if now - self._looked < _LOOK_AGAIN_SECONDS:
            return self._map
        with self._lock:
            self._looked = now
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._map = load_gap_map(self._files)
                except (ScrError, OSError) as error:
                    _log.error("gap map not taken", why=str(error))
        return self._map

    def _read_stamp(self) -> tuple[tuple[str, int, int], ...]:
        found = self._files.walk("terminology", f"{FOLDER}/*.csv")
        stats = ((name, path.stat()) for name, path in found)
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
