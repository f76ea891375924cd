"""How two names compare: case, accents and alphabets apart, with slips, nicknames and initials.

Names are folded to plain Latin letters first, so that ``Łucja`` is ``LUCJA`` and ``Мария`` is ``Mariya``.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from anyascii import anyascii
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from scr.fhir.demographics import Demographics

_SLIP_IN_FAMILY, _SLIP_IN_GIVEN = 5, 6
"""Shorter names differ by a letter and are two people's: twins may be called Jane and Jade."""

_ALIKE = 0.94
"""Of Jaro and Winkler: two slips in a long name, the first letters right."""


class Level(StrEnum):
    """How one fact compares. The codes are those of ``consent/matching.yaml``."""

    SAME = "same"
    ALIAS = "alias"
    NEAR = "near"
    INITIAL = "initial"
    OTHER = "other"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class NameTables:
    """What is known about names: ``aliases`` by folded name, words that are no name, and shared ones."""

    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    placeholders: Set[str] = frozenset()
    shared: Set[str] = frozenset()

    def alias(self, one: str, other: str) -> bool:
        """Whether one is a nickname or another spelling of the other."""
        return other in self.aliases.get(one, ()) or one in self.aliases.get(other, ())


def compare_names(known: Demographics, told: Demographics, tables: NameTables) -> tuple[Level, Level]:
    """Family and given names; the two may stand in each other's place."""
    a, b = words(known.given, tables), words(told.given, tables)
    if a and b and fold(known.family) == b[0] and fold(told.family) == a[0]:
        return Level.SAME, Level.SAME
    return _family(known.family, told.family, tables), _given(a, b, tables)


def words(names: tuple[str, ...], tables: NameTables) -> list[str]:
    """The single names, folded, without placeholders."""
    told = (name for name in names if fold(name) not in tables.placeholders)
    found = (fold(word) for name in told for word in name.replace("-", " ").split())
    return [word for word in found if word and word not in tables.placeholders]


@lru_cache(maxsize=8192)
def fold(text: str | None) -> str:
    """``O'Neill``, ``ONEILL`` and ``O Neill`` are one name: plain small letters and digits."""
    return "".join(letter for letter in anyascii(text or "").casefold() if letter.isalnum())


def _family(one: str | None, other: str | None, tables: NameTables) -> Level:
    a, b = fold(one), fold(other)
    if not a or not b or a in tables.placeholders or b in tables.placeholders:
        return Level.UNTOLD
    if a == b:
        return Level.SAME
    parts, others = set(words((one or "",), tables)), set(words((other or "",), tables))
    if parts and others and (parts <= others or others <= parts):  # one half of a double name
        return Level.NEAR
    if tables.alias(a, b):
        return Level.ALIAS
    return Level.NEAR if _slip(a, b, at_least=_SLIP_IN_FAMILY) else Level.OTHER


def _given(a: list[str], b: list[str], tables: NameTables) -> Level:
    if not a or not b:
        return Level.UNTOLD
    mine, theirs = _own(a, tables), _own(b, tables)
    if mine and theirs:  # brothers are all called Mohammed: what follows tells them apart
        return _first_names(mine, theirs, tables)
    return _first_names(a, b, tables)


def _own(names: list[str], tables: NameTables) -> list[str]:
    """The names after those that a whole family shares."""
    shared = next((i for i, name in enumerate(names) if name not in tables.shared), len(names))
    return names[shared:]


def _first_names(a: list[str], b: list[str], tables: NameTables) -> Level:
    """Same: the first of one is among the other's."""
    if a[0] == b[0] or "".join(a) == "".join(b):
        return Level.SAME
    short, long = sorted((a[0], b[0]), key=len)
    if len(short) > 1 and (a[0] in b or b[0] in a):
        return Level.SAME
    if len(short) == 1:
        return Level.INITIAL if short in {name[0] for name in (b if short == a[0] else a)} else Level.OTHER
    if tables.alias(short, long):
        return Level.ALIAS
    if long.startswith(short) and len(short) > 2:
        return Level.NEAR
    return Level.NEAR if _slip(short, long, at_least=_SLIP_IN_GIVEN) else Level.OTHER


def _slip(a: str, b: str, at_least: int) -> bool:
    """One letter wrong, missing, or exchanged with its neighbour, in a name that is not short; or two."""
    longest = max(len(a), len(b))
    if longest < at_least:
        return False
    distance = DamerauLevenshtein.distance(a, b, score_cutoff=2)
    return distance <= 1 or (distance == 2 and longest >= 9 and JaroWinkler.similarity(a, b) >= _ALIKE)
