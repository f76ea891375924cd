"""Concept maps: a supplier's own code, and the one that it stands for.

One CSV file a map, ``terminology/maps/<name>.csv``, with the columns ``source_code``,
``target_system``, ``target_code``, ``target_display`` and, where two systems share codes,
``source_system``. A column ``note`` is for people. A source code is matched exactly first and then
without case and punctuation, because the same council spells ``NFA- Other`` in one extract and
``NFA - other`` in the next. An empty ``target_code`` says that the source code is known and means
nothing more (``Unknown``). The source code ``*`` stands for every other one; where it has a code to
fall back on, the codes that it is used for are told apart as ``unlisted``. A row with ``exact`` in
the optional column ``match`` holds for its own spelling only: in Read codes, ``G30..`` is a disease
and ``g30..`` a medicine.
"""

from __future__ import annotations

import csv
import difflib
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scr.data import DataFiles
from scr.errors import Invalid, NotFound

COLUMNS = ("source_code", "target_system", "target_code", "target_display")
OPTIONAL = ("source_system", "note", "match")
MATCHES = ("", "exact")
ANY = "*"
_MEMORY = 10_000
_NOT_LETTERS = re.compile(r"[\W_]+")


class Target(NamedTuple):
    """What a source code stands for; an empty ``code`` means: known, and stands for nothing.

    ``unlisted``: the row ``*`` gave it, with a code to fall back on, to a code that has no row of its own.
    """

    system: str
    code: str
    display: str
    unlisted: bool = False


@dataclass(slots=True)
class ConceptMap:
    """One map. ``look_up`` is a dictionary access once a spelling has been met.

    ``version`` is a hash of its file: another one for other contents. ``met`` is what was looked up before.
    """

    name: str
    version: str = ""
    exact: dict[tuple[str, str], Target] = field(default_factory=dict)
    loose: dict[tuple[str, str], Target | None] = field(default_factory=dict)
    met: dict[tuple[str, str], Target | None] = field(default_factory=dict, repr=False)

    def look_up(self, code: str, system: str = "") -> Target | None:
        """The target of a code (of a system, where the map tells them apart); None if there is none."""
        key = (system, code)
        found = self.met.get(key)
        if found is not None or key in self.met:
            return found
        found = self._find(code, system)
        if len(self.met) < _MEMORY:
            self.met[key] = found
        return found

    def _find(self, code: str, system: str) -> Target | None:
        for wanted in dict.fromkeys((system, "")):
            for table, spelling in (
                (self.exact, code.strip()),
                (self.loose, _loosely(code)),
                (self.exact, ANY),
            ):
                found = table.get((wanted, spelling)) if spelling else None
                if found is not None:
                    unlisted = spelling == ANY and bool(found.code) and bool(_loosely(code))
                    return found._replace(unlisted=True) if unlisted else found
        return None

    def add(self, code: str, system: str, target: Target, *, loosely: bool = True) -> None:
        """Put one row in. A loose spelling that would mean two things is used for neither."""
        self.exact[system, code] = target
        if not loosely:
            return
        spelling = (system, _loosely(code))
        if self.loose.get(spelling, target) != target:
            self.loose[spelling] = None
        else:
            self.loose[spelling] = target


@dataclass(frozen=True, slots=True)
class ConceptMaps:
    """Every map of ``terminology/maps``, by name."""

    maps: dict[str, ConceptMap] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.maps

    @classmethod
    def load(cls, files: DataFiles) -> ConceptMaps:
        """Read all maps. Raises Invalid naming the file and the line."""
        return cls({Path(name).stem: _read(path) for name, path in files.walk("terminology", "maps/*.csv")})

    def translate(self, name: str, value: str, system: str = "") -> Target | None:
        """The target of a value in a map; None where the map has none.

        Raises NotFound for a map that is not there, with the nearest name that is.
        """
        concept_map = self.maps.get(name)
        if concept_map is None:
            raise NotFound(self.missing(name), code="no-such-map")
        return concept_map.look_up(value, system)

    def missing(self, name: str) -> str:
        """The sentence that says that there is no such map."""
        near = difflib.get_close_matches(name, self.maps, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"add terminology/maps/{name}.csv"
        return f"there is no concept map {name!r}; {hint}"


def _loosely(code: str) -> str:
    """A code without case, spaces and punctuation."""
    return _NOT_LETTERS.sub("", code).casefold()


def _read(path: Path) -> ConceptMap:
    return _read_once(path, hashlib.blake2b(path.read_bytes()).hexdigest())


@functools.lru_cache(maxsize=1024)
def _read_once(path: Path, _content: str) -> ConceptMap:
    """A process reads its maps for several ends: as long as what a file holds is the same, once."""
    concept_map = ConceptMap(path.stem, hashlib.blake2b(path.read_bytes(), digest_size=4).hexdigest())
    for line, row in read_rows(path, COLUMNS, OPTIONAL):
        where = f"{path}, line {line}"
        code, system = row["source_code"], row.get("source_system", "")
        if not code:
            raise Invalid(
                "source_code is empty: write the supplier's code, or *", code="bad-map", where=where
            )
        if (system, code) in concept_map.exact:
            raise Invalid(f"source_code {code!r} stands twice: keep one row", code="bad-map", where=where)
        if row["target_code"] and not row["target_system"]:
            raise Invalid("target_code has no target_system: name its system", code="bad-map", where=where)
        match = row.get("match", "")
        if match not in MATCHES:
            raise Invalid("match is neither empty nor exact", code="bad-map", where=where)
        target = Target(row["target_system"], row["target_code"], row["target_display"])
        concept_map.add(code, system, target, loosely=not match)
    return concept_map


def read_rows(
    path: Path, columns: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row of a map's file with its line number, its cells stripped.

    Raises Invalid naming the file and the line: a column is missing or not known, or it is no CSV file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("not UTF-8: save the file as UTF-8", code="bad-map", where=str(path)) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, path, columns, optional)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise Invalid(
                    f"{len(cells)} cells where the header has {len(header)}: quote a cell that holds a comma",
                    code="bad-map",
                    where=f"{path}, line {reader.line_num}",
                )
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise Invalid(
            f"not a CSV file: {error}", code="bad-map", where=f"{path}, line {reader.line_num}"
        ) from None


def _check_header(header: list[str], path: Path, columns: Sequence[str], optional: Sequence[str]) -> None:
    for name in columns:
        if name not in header:
            raise Invalid(
                f"no column {name!r}: the header is {','.join(columns)}",
                code="bad-map",
                where=f"{path}, line 1",
            )
    for name in header:
        if name not in (*columns, *optional):
            raise Invalid(f"unknown column {name!r}: remove it", code="bad-map", where=f"{path}, line 1")
