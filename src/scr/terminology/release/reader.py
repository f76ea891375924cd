"""A release, opened: one read-only file that any number of threads and processes ask at once.

Codes are text at this face, and may be spelt in any way that ``scr.terminology.spelling`` knows. A question
about a system that the release does not hold is answered like one about a code that it does not hold: with
nothing. ``system_of`` tells the two apart.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scr.errors import Invalid, NotFound
from scr.terminology.release.answers import (
    Attribute,
    Concept,
    Designation,
    Edition,
    Found,
    MapInfo,
    Property,
    Replacement,
    Stored,
    System,
    Translation,
)
from scr.terminology.release.schema import ACTIVE_TIERS, FORMAT, UNSEARCHED, search_range
from scr.terminology.spelling import SPELLINGS, read_term
from scr.terminology.systems import SNOMED_CT

_MMAP_BYTES = 2**31 - 2**16
_WORD = re.compile(r"[^\W_]+")
_LONGEST_SCTID = 18
_Row = tuple[Any, ...]  # what a column holds, the schema says; each is read into a typed answer at once

_CONCEPT = "SELECT code, display, active, module, effective, defined, definition FROM concept "
_BY_ID = _CONCEPT + "WHERE id = ?"
_ID = "SELECT id FROM concept WHERE system = ? AND code = ? AND id < 0"
_BELOW = "SELECT 1 FROM closure WHERE ancestor = ? AND descendant = ?"
_DESIGNATIONS = """SELECT use, language, term, active, acceptability, coalesce(description, '')
  FROM designation WHERE concept = ? ORDER BY id"""
_ANCESTORS = """WITH RECURSIVE above(id) AS (
    SELECT parent FROM parent WHERE child = ?
    UNION SELECT parent.parent FROM parent JOIN above ON parent.child = above.id)
  SELECT code FROM above JOIN concept USING (id)"""
_DESCENDANTS = "SELECT code FROM closure JOIN concept ON id = descendant WHERE ancestor = ?"
_MAPPING = """SELECT target, display, relationship, assured, map_group, priority, rule, advice, term
  FROM mapping WHERE map = ? AND source = ? ORDER BY map_group, priority, number"""
_SEARCH = """SELECT code, concept.display, designation.term, concept.active
  FROM search JOIN designation ON designation.id = search.rowid
  JOIN concept ON concept.id = designation.concept
  WHERE search MATCH ? AND search.rowid >= ? AND search.rowid < ? ORDER BY search.rowid"""


class Release:
    """One release file. Cheap to make; it opens a connection for each thread that asks."""

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

    # -- a concept

    def concept(self, system: str, code: str) -> Concept | None:
        """A concept by its code; None where the release has none."""
        number = self._number(system, code)
        row = None if number is None else self._one(_BY_ID, (number,))
        if row is None:
            return None
        return Concept(system, row[0], row[1], bool(row[2]), row[3], row[4], bool(row[5]), row[6])

    def designations(self, system: str, code: str) -> tuple[Designation, ...]:
        """The terms of a concept: preferred first, shorter first, inactive ones and definitions last."""
        rows = self._of(_DESIGNATIONS, system, code)
        return tuple(Designation(r[0], r[1], r[2], bool(r[3]), r[4], str(r[5])) for r in rows)

    def described(self, description: str) -> tuple[str, str] | None:
        """The SNOMED CT concept and the term of a description identifier."""
        if (number := _sctid(description)) is None:
            return None
        row = self._one("SELECT concept, term FROM designation WHERE description = ?", (number,))
        return (str(row[0]), str(row[1])) if row else None

    def properties(self, system: str, code: str) -> tuple[Property, ...]:
        """The properties of a concept: inactivation reasons, dm+d's fields, FHIR's own properties."""
        rows = self._of("SELECT code, type, value FROM property WHERE concept = ?", system, code)
        return tuple(Property(*row) for row in rows)

    def with_property(self, system: str, code: str, value: str) -> tuple[str, ...]:
        """The codes of a system that have a property of this value (a pack by its ``gtin``)."""
        rows = self._all(
            "SELECT concept.code FROM property JOIN concept ON concept.id = property.concept"
            " WHERE property.code = ? AND value = ? AND system = ?",
            (code, value, self._system_ids.get(system, 0)),
        )
        return tuple(row[0] for row in rows)

    def attributes(self, system: str, code: str) -> tuple[Attribute, ...]:
        """The relationships of a SNOMED CT concept other than is-a, by group."""
        rows = self._of(
            "SELECT role_group, type, target, value FROM attribute WHERE source = ?"
            " ORDER BY role_group, type, target",
            system,
            code,
        )
        return tuple(Attribute(r[0], str(r[1]), "" if r[2] is None else str(r[2]), str(r[3])) for r in rows)

    def sources_of(self, system: str, type_: str, target: str) -> frozenset[str]:
        """The concepts that have an attribute of this type with this very target."""
        kind, aim = _sctid(type_), _sctid(target)
        if system != SNOMED_CT or kind is None or aim is None:
            return frozenset()
        rows = self._all("SELECT source FROM attribute WHERE type = ? AND target = ?", (kind, aim))
        return frozenset(str(row[0]) for row in rows)

    def replacements(self, system: str, code: str) -> tuple[Replacement, ...]:
        """What stands for a concept that is no longer used."""
        rows = self._of(
            "SELECT kind, code FROM replacement JOIN concept ON id = target WHERE concept = ?"
            " ORDER BY kind, code",
            system,
            code,
        )
        return tuple(Replacement(*row) for row in rows)

    # -- the hierarchy

    def subsumes(self, system: str, ancestor: str, descendant: str) -> bool:
        """Whether one concept is the other or is anywhere above it."""
        if ancestor == descendant:
            return self.concept(system, ancestor) is not None
        if system == SNOMED_CT:
            above, below = _sctid(ancestor), _sctid(descendant)
        else:
            above, below = self._number(system, ancestor), self._number(system, descendant)
        return above is not None and below is not None and self._one(_BELOW, (above, below)) is not None

    def parents(self, system: str, code: str) -> frozenset[str]:
        """The concepts directly above."""
        sql = "SELECT code FROM parent JOIN concept ON id = parent WHERE child = ?"
        return self._codes(sql, system, code)

    def children(self, system: str, code: str) -> frozenset[str]:
        """The concepts directly below."""
        sql = "SELECT code FROM parent JOIN concept ON id = child WHERE parent = ?"
        return self._codes(sql, system, code)

    def ancestors(self, system: str, code: str) -> frozenset[str]:
        """All concepts above, without itself."""
        return self._codes(_ANCESTORS, system, code)

    def descendants(self, system: str, code: str) -> frozenset[str]:
        """All concepts below, without itself."""
        return self._codes(_DESCENDANTS, system, code)

    # -- reference sets

    def refsets(self) -> frozenset[str]:
        """The reference sets that have members."""
        sql = "SELECT id FROM concept WHERE EXISTS (SELECT 1 FROM member WHERE refset = id)"
        return frozenset(str(row[0]) for row in self._all(sql))

    def members(self, refset: str) -> frozenset[str]:
        """The active members of a SNOMED CT simple reference set."""
        rows = self._all("SELECT concept FROM member WHERE refset = ?", (_sctid(refset),))
        return frozenset(str(row[0]) for row in rows)

    def is_member(self, refset: str, code: str) -> bool:
        """Whether a concept is an active member of a reference set."""
        pair = (_sctid(refset), _sctid(code))
        return self._one("SELECT 1 FROM member WHERE refset = ? AND concept = ?", pair) is not None

    def refsets_of(self, code: str) -> frozenset[str]:
        """The reference sets that a SNOMED CT concept is a member of."""
        rows = self._all("SELECT refset FROM member WHERE concept = ?", (_sctid(code),))
        return frozenset(str(row[0]) for row in rows)

    # -- maps

    def translate(
        self, source_system: str, code: str, target_system: str | None = None, *, name: str | None = None
    ) -> tuple[Translation, ...]:
        """The targets of a code, by group and priority.

        Of every target system where none is named; of one map where ``name`` is given. For each target
        system the first map that knows the code answers, and a deployment's own is asked first: what was
        decided there is not mixed with what others publish. A Read v2 code may come with its two-character
        term code (``G30..11``): rows of that term come first.
        """
        found: list[Translation] = []
        answered: set[str] = set()
        spell = SPELLINGS.get(source_system)
        source, term = (spell(code), read_term(source_system, code)) if spell else (code, "")
        for number, info in self._maps.get(source_system, ()):
            target = info.target_system
            if target_system not in (None, target) or name not in (None, info.name) or target in answered:
                continue
            rows = self._all(_MAPPING, (number, source)) or self._all(_MAPPING, (number, "*"))
            if rows:
                answered.add(target)
                found += (_translation(info, row, code) for row in rows)
        if term and len(found) > 1:
            found.sort(key=lambda one: one.term != term)
        return tuple(found)

    # -- typing search

    def search(
        self,
        system: str,
        text: str,
        limit: int = 20,
        *,
        within: Callable[[str], bool] | None = None,
        inactive: bool = False,
    ) -> tuple[Found, ...]:
        """Concepts with a term in which every word typed begins a word, in any order; the best first.

        Preferred terms first, then other terms, then full names; shorter ones first. Each concept once.
        ``within`` says of a code whether it may be an answer; ``inactive`` lets concepts no longer used in.
        """
        words = _WORD.findall(text)
        if not words or system not in self._system_ids or limit < 1:
            return ()
        match = " ".join(f'"{word}"*' for word in words)
        bounds = search_range(self._system_ids[system], UNSEARCHED if inactive else ACTIVE_TIERS)
        found: dict[str, Found] = {}
        for code, display, term, active in self._connection().execute(_SEARCH, (match, *bounds)):
            if code not in found and (within is None or within(code)):
                found[code] = Found(code, display, term, bool(active))
                if len(found) == limit:
                    break
        return tuple(found.values())

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

    def _one(self, sql: str, values: tuple[object, ...] = ()) -> _Row | None:
        try:
            cursor: sqlite3.Cursor = self._local.cursor
        except AttributeError:
            cursor = self._local.cursor = self._connection().cursor()
        row: _Row | None = cursor.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[_Row]:
        return self._connection().execute(sql, values).fetchall()

    def _number(self, system: str, code: str) -> int | None:
        """The number of a code, if it can have one; whether SNOMED CT has it, the caller's row says."""
        if system == SNOMED_CT:
            return _sctid(code)
        spell = SPELLINGS.get(system)
        row = self._one(_ID, (self._system_ids.get(system, 0), spell(code) if spell else code))
        return int(row[0]) if row else None

    def _of(self, sql: str, system: str, code: str) -> list[_Row]:
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


def _sctid(code: str) -> int | None:
    """A SNOMED CT identifier as a number; None for what cannot be one."""
    if code.isascii() and code.isdigit() and code[0] != "0" and len(code) <= _LONGEST_SCTID:
        return int(code)
    return None


def _translation(info: MapInfo, row: _Row, code: str) -> Translation:
    target, display, relationship, assured, group, priority, rule, advice, term = row
    return Translation(
        info.target_system, code if target == "*" else target, display, info.name, info.version,
        relationship, bool(assured), group, priority, rule, advice, term,
    )  # fmt: skip
