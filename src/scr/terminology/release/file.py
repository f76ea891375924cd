"""The file of a release: its connections, one for each thread, and what it says of itself."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scr.errors import Invalid, NotFound
from scr.terminology.release.answers import Edition, MapInfo, Stored, System
from scr.terminology.release.schema import FORMAT
from scr.terminology.spelling import SPELLINGS
from scr.terminology.systems import SNOMED_CT

_MMAP_BYTES = 2**31 - 2**16
_LONGEST_SCTID = 18
Row = tuple[Any, ...]
"""What a column holds, the schema says; each is read into a typed answer at once."""
_ID = "SELECT id FROM concept WHERE system = ? AND code = ? AND id < 0"


class ReleaseFile:
    """One release file, opened. What it is asked about its concepts, ``Release`` has."""

    def __init__(self, path: Path) -> None:
        """Raises NotFound where there is no file, Invalid for one of another format."""
        self.path = path
        if not path.is_file():
            raise NotFound(f"no terminology release at {path}; `scr terminology load`", code="no-release")
        self._uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._close = weakref.finalize(self, _close_all, self._opened)
        self._check_format()
        self._system_ids: dict[str, int] = dict(self._all("SELECT uri, id FROM system"))
        self._maps = self._read_maps()

    def close(self) -> None:
        """Close every thread's connection. What is not closed is closed when nobody holds the release."""
        self._close()

    # -- what it holds

    def info(self) -> dict[str, str]:
        """What was noted of the release as a whole."""
        return dict(self._all("SELECT key, value FROM info"))

    def editions(self) -> tuple[Edition, ...]:
        """The sources that the release was made of, by name."""
        rows = self._all("SELECT name, format, version, loaded_at, digest, files FROM edition ORDER BY name")
        return tuple(Edition(*row) for row in rows)

    def systems(self) -> tuple[System, ...]:
        """The code systems, by address."""
        rows = self._all(
            "SELECT uri, system.version, system.name, edition.name FROM system"
            " JOIN edition ON edition.id = edition ORDER BY uri"
        )
        return tuple(System(*row) for row in rows)

    def system_of(self, uri: str) -> System | None:
        """One code system, or None where the release does not hold it."""
        return next((s for s in self.systems() if s.uri == uri), None) if uri in self._system_ids else None

    def maps(self) -> tuple[MapInfo, ...]:
        """The maps, in the order in which they are asked."""
        rows = self._all(
            "SELECT map.name, map.version, source_system, target_system, precedence, edition.name FROM map"
            " JOIN edition ON edition.id = edition"
            " ORDER BY precedence, map.name, source_system, target_system"
        )
        return tuple(MapInfo(r[0], r[1], r[2], r[3], r[4] == 0, r[5]) for r in rows)

    def resource(self, type_: str, url: str) -> Stored | None:
        """A CodeSystem, ValueSet or ConceptMap by its canonical address (without a version)."""
        row = self._one(
            "SELECT type, url, version, name, body FROM resource WHERE type = ? AND url = ?", (type_, url)
        )
        return Stored(*row) if row else None

    def resources(self, type_: str) -> Iterator[Stored]:
        """Every resource of a type, by address."""
        rows = self._all(
            "SELECT type, url, version, name, body FROM resource WHERE type = ? ORDER BY url", (type_,)
        )
        return (Stored(*row) for row in rows)

    def count(self, uri: str) -> int:
        """How many concepts a system has, inactive ones too. Reads all of them: not for a hot path."""
        row = self._one("SELECT count(*) FROM concept WHERE system = ?", (self._system_ids.get(uri, 0),))
        return int(row[0]) if row else 0

    def count_rows(self, one: MapInfo) -> int:
        """How many rows a map has. Reads all of them: not for a hot path."""
        key = (one.name, one.source_system, one.target_system)
        row = self._one(
            "SELECT count(*) FROM mapping WHERE map ="
            " (SELECT id FROM map WHERE name = ? AND source_system = ? AND target_system = ?)",
            key,
        )
        return int(row[0]) if row else 0

    # -- the file

    def connection(self) -> sqlite3.Connection:
        """This thread's read-only connection, for questions over sets (see ``schema`` for the tables)."""
        return self._connection()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None)
            found.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")
            with self._lock:
                self._opened.append(found)
            self._local.connection = found
        return found

    def _one(self, sql: str, values: tuple[object, ...] = ()) -> Row | None:
        try:
            cursor: sqlite3.Cursor = self._local.cursor
        except AttributeError:
            cursor = self._local.cursor = self._connection().cursor()
        row: Row | None = cursor.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[Row]:
        return self._connection().execute(sql, values).fetchall()

    def _number(self, system: str, code: str) -> int | None:
        """The number of a code, if it can have one; whether SNOMED CT has it, the caller's row says."""
        if system == SNOMED_CT:
            return sctid(code)
        spell = SPELLINGS.get(system)
        row = self._one(_ID, (self._system_ids.get(system, 0), spell(code) if spell else code))
        return int(row[0]) if row else None

    def _of(self, sql: str, system: str, code: str) -> list[Row]:
        number = self._number(system, code)
        return [] if number is None else self._all(sql, (number,))

    def _codes(self, sql: str, system: str, code: str) -> frozenset[str]:
        return frozenset(row[0] for row in self._of(sql, system, code))

    def _check_format(self) -> None:
        try:
            found = self.info().get("format")
        except sqlite3.DatabaseError:
            found = None
        if found != FORMAT:
            self.close()
            raise Invalid(
                "not a terminology release that this version reads: load its sources again"
                " (`scr terminology load`)",
                code="bad-release",
                where=str(self.path),
            )

    def _read_maps(self) -> dict[str, tuple[tuple[int, MapInfo], ...]]:
        """The few maps, by source system, in the order in which they are asked."""
        numbers = {
            (name, source, target): number
            for number, name, source, target in self._all(
                "SELECT id, name, source_system, target_system FROM map"
            )
        }
        by_source: dict[str, tuple[tuple[int, MapInfo], ...]] = {}
        for one in self.maps():
            number = numbers[one.name, one.source_system, one.target_system]
            by_source[one.source_system] = (*by_source.get(one.source_system, ()), (number, one))
        return by_source


def _close_all(opened: list[sqlite3.Connection]) -> None:
    while opened:
        opened.pop().close()


def sctid(code: str) -> int | None:
    """A SNOMED CT identifier as a number; None for what cannot be one."""
    if code.isascii() and code.isdigit() and code[0] != "0" and len(code) <= _LONGEST_SCTID:
        return int(code)
    return None
