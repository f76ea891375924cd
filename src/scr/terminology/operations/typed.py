"""Typing search within a value set: every word typed begins a word of a term, in any order.

The release finds terms, and the value set is asked whether it holds what was found. Where that finds too
little among too much, the value set is listed instead and its terms are looked through. The order is the
same either way, so that pages fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scr.errors import TooCostly
from scr.terminology.ecl.ids import chunks
from scr.terminology.operations.chosen import Chosen
from scr.terminology.operations.codes import words
from scr.terminology.operations.library import Coded, Known, Library
from scr.terminology.release.reader import Release
from scr.terminology.release.schema import ACTIVE_TIERS, UNSEARCHED, search_range
from scr.terminology.systems import SNOMED_CT

_TERMS = """SELECT designation.id, code, term, display, concept.active
  FROM concept JOIN designation ON designation.concept = concept.id
  WHERE concept.{column} IN ({places}) AND system = ? AND designation.id >= ? AND designation.id < ?"""
_FEW = 500
"""Of so many codes looking through the terms is quicker than searching all terms again."""
_NUMBER = "SELECT id FROM system WHERE uri = ?"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one expansion may cost.

    ``codes`` in one answer; more are asked for page by page. ``matches`` of a filter, whatever the page:
    it is made narrower by typing on. ``misses``: so many terms that match and are not in the value set,
    before it is listed and looked through; ``scanned`` codes at most.
    """

    codes: int = 10_000
    matches: int = 1_000
    misses: int = 300
    scanned: int = 100_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Typing:
    """What was typed, and where it is looked for."""

    library: Library
    chosen: Chosen
    text: str
    active_only: bool
    bounds: Bounds = BOUNDS

    def found(self, limit: int) -> Iterator[Known]:
        """The codes of the value set with a term that fits, the best first; of a system ``limit`` at most."""
        every: dict[str, list[str]] = {}
        if self.chosen.short:
            for coded in self.chosen.listed():
                every.setdefault(coded.system, []).append(coded.code)
        for system in self.chosen.systems:
            release = self.library.release if system in self.library.systems else None
            if release is None:
                yield from self._small(system, every.get(system))
            elif self.chosen.short:
                yield from self._looked_through(release, system, every.get(system, []))
            else:
                yield from self._searched(release, system, limit)

    def _searched(self, release: Release, system: str, limit: int) -> Iterable[Known]:
        misses = 0

        def within(code: str) -> bool:
            nonlocal misses
            if self.chosen.holds(Coded(system, code)):
                return True
            misses += 1
            if misses > self.bounds.misses:
                raise _TooFew
            return False

        try:
            return self._search(release, system, limit, within)
        except _TooFew:
            codes = self._listed(system)
        if len(codes) <= min(self.bounds.scanned, _FEW):
            return self._looked_through(release, system, codes)
        return self._search(release, system, limit, frozenset(codes).__contains__)

    def _search(
        self, release: Release, system: str, limit: int, within: Callable[[str], bool]
    ) -> list[Known]:
        found = release.search(system, self.text, limit, within=within, inactive=not self.active_only)
        return [Known(system, one.code, one.display, one.active) for one in found]

    def _listed(self, system: str) -> list[str]:
        return [coded.code for coded in self.chosen.listed() if coded.system == system]

    def _looked_through(self, release: Release, system: str, codes: Sequence[str]) -> list[Known]:
        """The same as a search finds, in its order, out of these codes."""
        if len(codes) > self.bounds.scanned:
            raise TooCostly("the value set lists too many codes to look through: type more letters")
        typed = words(self.text)
        best: dict[str, tuple[int, Known]] = {}
        for place, code, term, display, active in _terms(release, system, codes, self.active_only):
            if typed and _begin(typed, term) and (code not in best or place < best[code][0]):
                best[code] = place, Known(system, code, display, active)
        return [known for _, known in sorted(best.values())]

    def _small(self, system: str, codes: Sequence[str] | None) -> list[Known]:
        """The codes of a small system, the shortest display first."""
        typed = words(self.text)
        concepts = self.library.shipped.systems[system].concepts
        found = [
            Known(system, code, concepts[code].display, True)
            for code in (self._listed(system) if codes is None else codes)
            if code in concepts and typed and _begin(typed, concepts[code].display)
        ]
        return sorted(found, key=lambda one: (len(one.display), one.code))


class _TooFew(Exception):
    """Too many terms were found that the value set does not hold."""


def _terms(
    release: Release, system: str, codes: Sequence[str], active_only: bool
) -> Iterator[tuple[int, str, str, str, bool]]:
    """The searched terms of these codes: place in the order of a search, code, term, display, in use."""
    snomed = system == SNOMED_CT
    keys: Sequence[int | str] = [int(code) for code in codes if code.isdigit()] if snomed else codes
    (number,) = release.connection().execute(_NUMBER, (system,)).fetchone()
    bounds = search_range(number, ACTIVE_TIERS if active_only else UNSEARCHED)
    for chunk in chunks(keys):
        sql = _TERMS.format(column="id" if snomed else "code", places=",".join("?" * len(chunk)))
        for row in release.connection().execute(sql, (*chunk, number, *bounds)):
            yield row[0], row[1], row[2], row[3], bool(row[4])


def _begin(typed: Sequence[str], term: str) -> bool:
    there = words(term)
    return all(any(word.startswith(start) for word in there) for start in typed)
