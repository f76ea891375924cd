"""What the maps in force say of one code: its one national code, that it needs none, or why there is none.

The order: what the deployment has filled in for its gaps, then the concept maps that name their source
system, then the release (its own maps before its publisher's), and for an inactive SNOMED CT or dm+d code
the concept that took its place. The first that knows the code decides. A code is added to a record only
where a single active concept of the same meaning is left: whatever is less is a gap, for a human.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple

from scr.terminology.conceptmap import ANY, ConceptMaps, Target
from scr.terminology.gapmap import GapMap
from scr.terminology.release.answers import Translation
from scr.terminology.release.reader import Release
from scr.terminology.systems import ALIASES, CLASSIFICATIONS, NATIONAL, Standing, standing_of

HISTORY = "historical-associations"
"""The name under which a successor is recorded that a release gives for a code no longer used."""

_SUCCESSIONS = frozenset({"same-as", "replaced-by", "previous"})
_MOST_SUCCESSIONS = 5
_SAME = frozenset({"", "equivalent", "equal"})


class Gap(StrEnum):
    """Why a code has no national code beside it."""

    NO_MAP = "no-map"
    """No map has it."""
    NO_SYSTEM = "no-system"
    """It names no system, so that nobody can say whose code it is: name it in the adapter."""
    AMBIGUOUS = "ambiguous"
    """The maps give several, or two codings of one concept are translated into different ones."""
    INEXACT = "inexact"
    """What the map gives is wider or narrower."""
    UNASSURED = "unassured"
    """The map's publisher has not had the row checked by clinicians."""
    NO_TARGET = "no-target"
    """The map knows the code, and gives none."""
    RETIRED = "retired"
    """It is, or leads to, a national code that is not used any more and has no single successor."""


class Settled(Enum):
    """Why a code needs no other beside it."""

    NATIONAL = "national"
    STANDARD = "standard"


class Translated(NamedTuple):
    """The one national code of a code, and the map that says so."""

    system: str
    code: str
    display: str
    map: str
    version: str


Verdict = Translated | Gap | Settled
Rows = dict[tuple[str, str], Translated | Gap]


@dataclass(frozen=True, slots=True)
class InForce:
    """The maps in force at one time. ``rows`` as ``rows_of`` gives them."""

    rows: Rows = field(default_factory=dict)
    gap_map: GapMap = field(default_factory=GapMap)
    release: Release | None = None

    def decide(self, system: str, code: str) -> Verdict:
        """What the maps say of a code of a system; of no system where it is empty."""
        known = ALIASES.get(system, system)
        if known in NATIONAL:
            return self._national(known, code, same=known == system)
        decided = self.gap_map.rows.get((system, code))
        if decided is not None:
            if not decided.code:
                return Settled.STANDARD
            return self._in_use(Translated(*decided[:3], self.gap_map.name, decided.version))
        standing = standing_of(system)
        if standing is Standing.STANDARD and system not in CLASSIFICATIONS:
            return Settled.STANDARD
        if not system:
            return Gap.NO_SYSTEM
        found = self.rows.get((system, code)) or self._released(known, code)
        if isinstance(found, Translated):
            return self._in_use(found)
        return Settled.STANDARD if system in CLASSIFICATIONS else found

    def _national(self, system: str, code: str, *, same: bool) -> Verdict:
        """A national code as it came: it stands, unless the release says that it is not used any more."""
        found = None if self.release is None else self.release.concept(system, code)
        if same and (found is None or found.active):
            return Settled.NATIONAL
        if found is None or found.active:
            display = "" if found is None else found.display
            return Translated(system, code, display, system, "")
        return self._in_use(Translated(system, code, "", HISTORY, self._version(system)))

    def _in_use(self, found: Translated) -> Translated | Gap:
        """The translation, or of one that is not used any more its successor; with its display."""
        if self.release is None:
            return found
        code = found.code
        for _ in range(_MOST_SUCCESSIONS):
            concept = self.release.concept(found.system, code)
            if concept is None or concept.active:
                display = found.display if code == found.code else ""
                return found._replace(code=code, display=display or (concept.display if concept else ""))
            after = {r.code for r in self.release.replacements(found.system, code) if r.kind in _SUCCESSIONS}
            if len(after) != 1:
                return Gap.RETIRED
            code = after.pop()
        return Gap.RETIRED

    def _released(self, system: str, code: str) -> Translated | Gap:
        if self.release is None:
            return Gap.NO_MAP
        rows = [one for target in NATIONAL for one in self.release.translate(system, code, target)]
        own = {info.name for info in self.release.maps() if info.own} if rows else set()
        return _single([row for row in rows if row.map in own] or rows, code)

    def _version(self, system: str) -> str:
        found = None if self.release is None else self.release.system_of(system)
        return "" if found is None else found.version


def _single(rows: list[Translation], code: str) -> Translated | Gap:
    """The one target of a code's rows that may be taken on."""
    if not rows:
        return Gap.NO_MAP
    rows = [row for row in rows if row.term and code.endswith(row.term)] or rows  # Read: those of its term
    for gap, fit in (
        (Gap.NO_TARGET, [row for row in rows if row.code]),
        (Gap.INEXACT, [row for row in rows if row.code and row.relationship in _SAME]),
        (Gap.UNASSURED, [row for row in rows if row.code and row.relationship in _SAME and row.assured]),
    ):
        if not fit:
            return gap
    if len({row.code for row in rows if row.code}) > 1:
        return Gap.AMBIGUOUS
    first = fit[0]
    return Translated(first.system, first.code, first.display, first.map, first.version)


def rows_of(maps: ConceptMaps) -> Rows:
    """The rows of the concept maps that hold everywhere: they name their source system, and a national code.

    The others hold where an adapter asks for them by the map's name. Two maps that give different codes
    for one are ambiguous.
    """
    rows: Rows = {}
    for concept_map in maps.maps.values():
        for (system, code), target in concept_map.exact.items():
            if not system or code == ANY or target.system not in NATIONAL or not target.code:
                continue
            found = _row(target, concept_map.name, concept_map.version)
            known = rows.setdefault((system, code), found)
            if isinstance(known, Translated) and known.code != found.code:
                rows[system, code] = Gap.AMBIGUOUS
    return rows


def _row(target: Target, name: str, version: str) -> Translated:
    return Translated(target.system, target.code, target.display, name, version)
