"""The small code systems that the project needs of its own accord: HL7's, UK Core's, its own.

Files ``terminology/systems/*.csv`` with the columns ``system``, ``code``, ``display`` and, where codes have
an order, ``parent``. A row with the code ``*`` says that its system has more codes than stand here. A
deployment adds a file, or puts its own in the place of one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scr.data import DataFiles
from scr.errors import Invalid

COLUMNS = ("system", "code", "display", "parent")
MORE = "*"


class ShippedConcept(NamedTuple):
    """A code, what it is called, and the code directly above it (or nothing)."""

    code: str
    display: str
    parent: str


@dataclass(slots=True)
class ShippedSystem:
    """One small code system. ``complete``: it has no other codes than these."""

    uri: str
    complete: bool = True
    concepts: dict[str, ShippedConcept] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.uri.rpartition("/")[2]

    @property
    def value_set(self) -> str:
        """The address of the value set of all its codes, by the custom of its publishers."""
        if "/CodeSystem/" in self.uri:
            return self.uri.replace("/CodeSystem/", "/ValueSet/")
        base, _, name = self.uri.rpartition("/")
        return f"{base}/ValueSet/{name}"

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The codes above, the nearest first."""
        found: list[str] = []
        concept = self.concepts.get(code)
        while concept is not None and concept.parent:
            found.append(concept.parent)
            concept = self.concepts[concept.parent]
        return tuple(found)

    def children(self, code: str) -> tuple[str, ...]:
        """The codes directly below, in the order of the file."""
        return tuple(one.code for one in self.concepts.values() if one.parent == code)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        """Whether one code is the other or is anywhere above it."""
        return ancestor in self.concepts and (
            ancestor == descendant or ancestor in self.ancestors(descendant)
        )


@dataclass(frozen=True, slots=True)
class ShippedSystems:
    """Every small system, by address."""

    systems: dict[str, ShippedSystem] = field(default_factory=dict)

    @classmethod
    def load(cls, files: DataFiles) -> ShippedSystems:
        """Read all files. Raises Invalid naming the file and the line."""
        systems: dict[str, ShippedSystem] = {}
        for _, path in files.walk("terminology", "systems/*.csv"):
            for line, row in _rows(path):
                _add(systems, row, f"{path}, line {line}")
        for system in systems.values():
            _check_parents(system)
        return cls(systems)

    def concept(self, uri: str, code: str) -> ShippedConcept | None:
        """A code of a system, or None."""
        system = self.systems.get(uri)
        return None if system is None else system.concepts.get(code)

    def by_value_set(self, url: str) -> ShippedSystem | None:
        """The system of whose codes this is the value set."""
        return next((one for one in self.systems.values() if one.value_set == url), None)


def _add(systems: dict[str, ShippedSystem], row: dict[str, str], where: str) -> None:
    uri, code = row["system"], row["code"]
    if not uri or not code:
        raise Invalid("system and code must not be empty", code="bad-system", where=where)
    system = systems.setdefault(uri, ShippedSystem(uri))
    if code == MORE:
        system.complete = False
        return
    if code in system.concepts:
        raise Invalid(f"the code {code!r} stands twice: keep one row", code="bad-system", where=where)
    if not row["display"]:
        raise Invalid("display is empty: say what the code is called", code="bad-system", where=where)
    system.concepts[code] = ShippedConcept(code, row["display"], row["parent"])


def _check_parents(system: ShippedSystem) -> None:
    for concept in system.concepts.values():
        above, seen = concept.parent, {concept.code}
        while above:
            if above in seen or above not in system.concepts:
                what = "is above itself" if above in seen else f"has a parent {above!r} that is no row"
                raise Invalid(f"the code {concept.code!r} {what}", code="bad-system", where=system.uri)
            seen.add(above)
            above = system.concepts[above].parent


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line number, its cells stripped."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("not UTF-8: save the file as UTF-8", code="bad-system", where=str(path)) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        if [name.strip() for name in next(reader, [])] != list(COLUMNS):
            raise Invalid(
                f"the header is not {','.join(COLUMNS)}", code="bad-system", where=f"{path}, line 1"
            )
        for cells in reader:
            if len(cells) != len(COLUMNS):
                raise Invalid(
                    f"{len(cells)} cells, not {len(COLUMNS)}: quote a cell that holds a comma",
                    code="bad-system",
                    where=f"{path}, line {reader.line_num}",
                )
            yield reader.line_num, dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise Invalid(
            f"not a CSV file: {error}", code="bad-system", where=f"{path}, line {reader.line_num}"
        ) from None
