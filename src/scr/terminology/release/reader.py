"""A release, opened: one read-only file that any number of threads and processes ask at once.

Codes are text at this face, and may be spelt in any way that ``scr.terminology.spelling`` knows. A question
about a system that the release does not hold is answered like one about a code that it does not hold: with
nothing. ``system_of`` tells the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from scr.terminology.release.answers import (
    Attribute,
    Concept,
    Designation,
    Found,
    MapInfo,
    Property,
    Replacement,
    Translation,
)
from scr.terminology.release.file import ReleaseFile, Row, sctid
from scr.terminology.release.schema import ACTIVE_TIERS, UNSEARCHED, search_range
from scr.terminology.spelling import SPELLINGS, read_term
from scr.terminology.systems import SNOMED_CT

_WORD = re.compile(r"[^\W_]+")
_CONCEPT = "SELECT code, display, active, module, effective, defined, definition FROM concept "
_BY_ID = _CONCEPT + "WHERE id = ?"
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


class Release(ReleaseFile):
    """One release. Cheap to make; it opens a connection for each thread that asks."""

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
        if (number := sctid(description)) is None:
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
        kind, aim = sctid(type_), sctid(target)
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
            above, below = sctid(ancestor), sctid(descendant)
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
        rows = self._all("SELECT concept FROM member WHERE refset = ?", (sctid(refset),))
        return frozenset(str(row[0]) for row in rows)

    def is_member(self, refset: str, code: str) -> bool:
        """Whether a concept is an active member of a reference set."""
        pair = (sctid(refset), sctid(code))
        return self._one("SELECT 1 FROM member WHERE refset = ? AND concept = ?", pair) is not None

    def refsets_of(self, code: str) -> frozenset[str]:
        """The reference sets that a SNOMED CT concept is a member of."""
        rows = self._all("SELECT refset FROM member WHERE concept = ?", (sctid(code),))
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


def _translation(info: MapInfo, row: Row, code: str) -> Translation:
    target, display, relationship, assured, group, priority, rule, advice, term = row
    return Translation(
        info.target_system, code if target == "*" else target, display, info.name, info.version,
        relationship, bool(assured), group, priority, rule, advice, term,
    )  # fmt: skip
