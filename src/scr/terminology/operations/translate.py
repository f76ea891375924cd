"""``ConceptMap/$translate``. https://hl7.org/fhir/R4/conceptmap-operation-translate.html

Maps come from four places, in this order: the project's and the deployment's tables (by name or by address),
the release's maps, SNOMED CT's historical associations (as implicit maps), and, without a map being named,
every map of the release from the code's system.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scr.errors import NotFound
from scr.fhir.canonical import BASE
from scr.terminology.conceptmap import ANY, ConceptMap
from scr.terminology.operations.implicit import implicit_map
from scr.terminology.operations.library import Library
from scr.terminology.release.answers import MapInfo, Translation
from scr.terminology.release.reader import Release
from scr.terminology.spelling import SPELLINGS
from scr.terminology.systems import SNOMED_CT

OWN_MAPS = f"{BASE}/ConceptMap/"
"""The address of a table ``terminology/maps/[name].csv`` is this and its name."""
_REVERSED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
_ASSOCIATIONS = {
    "900000000000527005": ("same-as", "equal"),
    "900000000000526001": ("replaced-by", "equivalent"),
    "900000000000523009": ("possibly-equivalent-to", "inexact"),
    "900000000000530003": ("alternative", "inexact"),
    "900000000000524003": ("moved-to", "relatedto"),
    "900000000000528000": ("was-a", "wider"),
}
"""SNOMED CT's association reference sets: the kind of replacement, and how FHIR calls it."""
BACKWARDS = """SELECT source, relationship, rule, advice FROM mapping WHERE +map =
  (SELECT id FROM map WHERE name = ? AND source_system = ? AND target_system = ?) AND target IN (?, ?)
  ORDER BY source, priority"""
"""A map from its targets: the code as it came, and as it is spelt here. The plus has it found by
``mapping_target``, and not by all rows of the map."""


class Match(NamedTuple):
    """One target. ``equivalence`` is of FHIR R4; ``map`` is the map's address or name."""

    system: str
    code: str
    display: str
    equivalence: str
    map: str
    advice: str


class Translated(NamedTuple):
    """What a code stands for. ``known``: a map has it, be it to say that it has no target."""

    matches: tuple[Match, ...]
    known: bool

    @property
    def result(self) -> bool:
        """Whether there is a target."""
        return any(one.equivalence != "unmatched" for one in self.matches)


def translate(
    library: Library,
    system: str,
    code: str,
    *,
    url: str = "",
    target_system: str = "",
    reverse: bool = False,
) -> Translated:
    """The targets of a code, by one map (``url``: address or name) or by every map of its system.

    ``reverse``: the code is a target, and the sources are asked for. Raises NotFound for an unknown map.
    """
    if not url and not reverse:  # the way of the pipeline
        return _of_release(library, system, code, target_system)
    if url:
        own = library.maps.maps.get(url.removeprefix(OWN_MAPS).partition("|")[0])
        if own is not None:
            return _of_table(own, system, code, target_system, reverse=reverse)
    return _of_maps(library, _maps(library, url), system, code, target_system, reverse=reverse)


def _of_release(library: Library, system: str, code: str, target_system: str) -> Translated:
    if library.release is None:
        return Translated((), False)
    return _translated(library.release.translate(system, code, target_system or None))


def _translated(found: Sequence[Translation]) -> Translated:
    if not found:
        return Translated((), False)
    matches = [
        Match(one.system, one.code, one.display, one.relationship, one.map, _advice(one.rule, one.advice))
        for one in found
        if one.code
    ]
    return Translated(tuple(matches), True)


def _advice(rule: str, advice: str) -> str:
    """What a map's author says beside a target. A rule that always holds says nothing."""
    if not rule and not advice:
        return ""
    conditions = rule if rule.upper() not in {"", "TRUE", "OTHERWISE TRUE"} else ""
    return " | ".join(part for part in (conditions, advice) if part)


# -- the tables


def _of_table(table: ConceptMap, system: str, code: str, target_system: str, *, reverse: bool) -> Translated:
    url = OWN_MAPS + table.name
    if reverse:
        found = tuple(
            Match(source_system, source, "", "equivalent", url, "")
            for (source_system, source), target in table.exact.items()
            if source != ANY and target.code == code and system in ("", target.system)
        )
        return Translated(found, bool(found))
    target = table.look_up(code, system)
    if target is None or (target_system and target.code and target.system != target_system):
        return Translated((), False)
    if not target.code:
        return Translated((), True)
    match = Match(target.system, target.code, target.display, "equivalent", url, "")
    return Translated((match,), True)


# -- the release's maps


def _maps(library: Library, url: str) -> list[MapInfo] | str:
    """The maps of an address, all of them without one; or the number of an association."""
    release = library.release
    every = () if release is None else release.maps()
    if not url:
        return list(every)
    refset = implicit_map(library, url)
    if refset in _ASSOCIATIONS:
        return refset
    name = url.partition("|")[0] if refset is None else f"{SNOMED_CT}?fhir_cm={refset}"
    named = [one for one in every if one.name == name]
    if not named:
        raise NotFound("the map is not known here", code="unknown-map", where=url[:200])
    return named


def _of_maps(
    library: Library,
    maps: list[MapInfo] | str,
    system: str,
    code: str,
    target_system: str,
    *,
    reverse: bool,
) -> Translated:
    release = library.release
    if release is None:
        return Translated((), False)
    if isinstance(maps, str):
        return _of_association(release, maps, code, reverse=reverse)
    if reverse:
        found = tuple(
            match
            for one in maps
            if system in ("", one.target_system) and target_system in ("", one.source_system)
            for match in _backwards(release, one, code)
        )
        return Translated(found, bool(found))
    names = dict.fromkeys(one.name for one in maps if system in ("", one.source_system))
    sources = {one.name: one.source_system for one in maps}
    every = [
        one
        for name in names
        for one in release.translate(system or sources[name], code, target_system or None, name=name)
    ]
    return _translated(every)


def _backwards(release: Release, one: MapInfo, code: str) -> Iterator[Match]:
    spelt = SPELLINGS.get(one.target_system, str)(code)
    values = (one.name, one.source_system, one.target_system, code, spelt)
    rows = release.connection().execute(BACKWARDS, values)
    for source, relationship, rule, advice in rows.fetchall():
        if source == ANY:
            continue
        known = release.concept(one.source_system, source)
        display = "" if known is None else known.display
        equivalence = _REVERSED.get(relationship, relationship)
        yield Match(one.source_system, source, display, equivalence, one.name, _advice(rule, advice))


def _of_association(release: Release, refset: str, code: str, *, reverse: bool) -> Translated:
    kind, equivalence = _ASSOCIATIONS[refset]
    url = f"{SNOMED_CT}?fhir_cm={refset}"
    if reverse:
        rows = release.connection().execute(
            "SELECT code FROM replacement JOIN concept ON id = concept"
            " WHERE target = (SELECT id FROM concept WHERE system = 1 AND code = ?) AND kind = ?",
            (code, kind),
        )
        codes = [str(row[0]) for row in rows.fetchall()]
        equivalence = _REVERSED.get(equivalence, equivalence)
    else:
        codes = [one.code for one in release.replacements(SNOMED_CT, code) if one.kind == kind]
    matches = []
    for found in codes:
        known = release.concept(SNOMED_CT, found)
        display = "" if known is None else known.display
        matches.append(Match(SNOMED_CT, found, display, equivalence, url, ""))
    return Translated(tuple(matches), bool(matches))
