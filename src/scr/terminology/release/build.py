"""A release in the making: rows in, one finished file out.

Nothing here is safe against a stop of the machine until ``finish`` has returned: the file is new, nobody
reads it, and a half-made one is thrown away. That is what makes writing it quick.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import quote

from scr.terminology.release.answers import Edition
from scr.terminology.release.closure import closure
from scr.terminology.release.current import sync_folder
from scr.terminology.release.schema import (
    ACTIVE_TIERS,
    COUNT_MASK,
    FORMAT,
    INDEXES,
    SNOMED_ID,
    TABLES,
    UNSEARCHED,
    designation_id,
    tier_of,
)
from scr.terminology.systems import SNOMED_CT

Table = Literal[
    "concept", "designation", "property", "parent", "closure", "attribute", "member", "replacement",
    "mapping", "resource",
]  # fmt: skip
COLUMNS: dict[Table, int] = {
    "concept": 9, "designation": 8, "property": 4, "parent": 2, "closure": 2, "attribute": 5, "member": 2,
    "replacement": 3, "mapping": 12, "resource": 6,
}  # fmt: skip
Row = tuple[object, ...]
Progress = Callable[[str], None]
_PRAGMAS = (
    "page_size = 8192", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE",
    "cache_size = -196608", "temp_store = FILE",
)  # fmt: skip
_INSERTS = {
    table: f"INSERT INTO {table} VALUES ({', '.join('?' * count)})"  # noqa: S608 # names of our own
    for table, count in COLUMNS.items()
}
_SEARCH_HASH = "INSERT INTO search (search, rank) VALUES ('hashsize', 33554432)"
_SEARCH_TERMS = (
    f"INSERT INTO search (rowid, term) SELECT id, term FROM designation WHERE {tier_of('id')} < ? ORDER BY id"  # noqa: S608 # a name of our own
)


class Builder:
    """One file in the making. As a context: without ``finish``, the file is gone at the end."""

    def __init__(self, path: Path) -> None:
        """Raises FileExistsError where the file is there already."""
        path.touch(mode=0o640, exist_ok=False)
        self.path = path
        self.connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}", uri=True, isolation_level=None
        )
        for pragma in _PRAGMAS:
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("BEGIN")
        for statement in TABLES.split(";\n"):
            self.connection.execute(statement)
        self._finished = False
        self._last_concept = 0
        self._designations = 0

    def __enter__(self) -> Builder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        if not self._finished:
            self.path.unlink(missing_ok=True)

    # -- rows

    def edition(self, edition: Edition) -> int:
        """Note a source. Its number."""
        return self._added(
            "INSERT INTO edition (name, format, version, loaded_at, digest, files) VALUES (?, ?, ?, ?, ?, ?)",
            edition,
        )

    def system(self, uri: str, version: str, name: str, edition: int) -> int:
        """Note a code system. Its number; SNOMED CT's is always the same."""
        number = SNOMED_ID if uri == SNOMED_CT else None
        if number is None:
            number = self._one("SELECT max(?, coalesce(max(id), 0)) + 1 FROM system", SNOMED_ID)
        row = (number, uri, version, name, edition)
        return self._added("INSERT INTO system VALUES (?, ?, ?, ?, ?)", row)

    def map(
        self, name: str, version: str, source: str, target: str, edition: int, *, precedence: int = 1
    ) -> int:
        """Note a map from one system to another. Its number. ``precedence`` 0: the deployment's own."""
        return self._added(
            "INSERT INTO map (name, version, source_system, target_system, precedence, edition)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (name, version, source, target, precedence, edition),
        )

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Put rows into a table, with all its columns in the order of the schema."""
        self.connection.executemany(_INSERTS[table], rows)

    def concept_id(self) -> int:
        """A number for the next concept of a system other than SNOMED CT."""
        self._last_concept -= 1
        return self._last_concept

    def designation_id(self, system: int, term: str, tier: int, *, active: bool = True) -> int:
        """A designation's place in a search. ``tier``: 0 preferred, 1 another term, 2 a full name, or
        ``UNSEARCHED``; ``active`` is the concept's."""
        self._designations += 1
        if tier < ACTIVE_TIERS and not active:
            tier += ACTIVE_TIERS
        return designation_id(system, tier, len(term), self._designations)

    def code(self, number: int) -> str:
        """The code of a concept that has been put in."""
        row = self.connection.execute("SELECT code FROM concept WHERE id = ?", (number,)).fetchone()
        return str(row[0]) if row else str(number)

    def attach(self, path: Path) -> None:
        """Make a finished release readable as ``old``."""
        self.connection.execute("COMMIT")  # nothing can be attached inside a transaction
        self.connection.execute(
            "ATTACH ? AS old", (f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1",)
        )
        self.connection.execute("BEGIN")

    def detach(self) -> None:
        """Let go of ``old``, and count on from where the numbers of what was taken over end."""
        self.connection.execute("COMMIT")
        self.connection.execute("DETACH old")
        self.connection.execute("BEGIN")
        self._last_concept = self._one("SELECT min(coalesce(min(id), 0), 0) FROM concept")
        self._designations = self._one("SELECT coalesce(max(id & ?), 0) FROM designation", COUNT_MASK)

    # -- at the end

    def close_hierarchy(self, system: int) -> None:
        """Fill in the pairs at any depth for a system. Raises ``closure.Cycle``, with a ring."""
        pairs = self.connection.execute(
            "SELECT child, parent FROM parent JOIN concept ON id = child WHERE system = ?", (system,)
        )
        self.insert("closure", closure(pairs))

    def finish(self, progress: Progress = lambda _: None) -> None:
        """Index, check and close the file, and see that it is on the disk."""
        progress("search")
        tell = self.connection.execute
        tell("INSERT INTO info VALUES ('format', ?)", (FORMAT,))
        tell(_SEARCH_HASH)
        tell(_SEARCH_TERMS, (UNSEARCHED,))
        progress("optimise")
        tell("INSERT INTO search (search) VALUES ('optimize')")
        progress("indexes")
        for statement in filter(str.strip, INDEXES.split(";")):
            tell(statement)
        tell("ANALYZE")
        tell("COMMIT")
        self.connection.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        sync_folder(self.path.parent)
        self._finished = True

    def _added(self, sql: str, row: tuple[object, ...]) -> int:
        return int(self.connection.execute(sql, row).lastrowid or 0)

    def _one(self, sql: str, *values: object) -> int:
        return int(self.connection.execute(sql, values).fetchone()[0])
