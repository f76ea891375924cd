"""National codings beside local and legacy ones: the step that every resource goes through.

A concept without SNOMED CT or dm+d gains one coding where the maps in force give exactly one. It is added
at the end; what the source sent is neither changed nor moved. The added coding carries the extension
``translated-coding``: the map, its version, and the coding that it was made of, so that it can be told
from the source's own and taken back. Where the maps give none, or several, nothing is added and the code
is told, with the reason.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import structlog

from scr.data import DataFiles
from scr.errors import ScrError
from scr.fhir.canonical import TRANSLATION_EXTENSION
from scr.fhir.codings import concepts_of, with_concepts
from scr.fhir.entry import Resource
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.gapmap import GapMap, GapMaps
from scr.terminology.release.current import Releases, folder_of
from scr.terminology.release.reader import Release
from scr.terminology.translation import Gap, InForce, Settled, Translated, Verdict, rows_of

_MEMORY = 200_000
_log = structlog.get_logger("scr.terminology")
T_co = TypeVar("T_co", covariant=True)


class Untranslated(NamedTuple):
    """A code that no map gives a national code for: its system (empty where it names none), the code, its
    text, and why."""

    system: str
    code: str
    display: str
    reason: Gap = Gap.NO_MAP


class Current(Protocol[T_co]):
    """What is in force now, and may be another the next time: a release, or a deployment's gap map."""

    def current(self) -> T_co:
        """What is in force."""


@dataclass(frozen=True, slots=True)
class _Maps:
    """What is in force, and what it said so far."""

    in_force: InForce
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)

    def verdict(self, system: str, code: str) -> Verdict:
        key = (system, code)
        found = self.verdicts.get(key)
        if found is None:
            if len(self.verdicts) >= _MEMORY:
                self.verdicts.clear()
            found = self.verdicts[key] = self.in_force.decide(system, code)
        return found


class Coder:
    """Adds national codings. One for a process; threads may share it.

    A release or a gap map that takes another's place is noticed at the next unit.
    """

    def __init__(
        self,
        maps: ConceptMaps | None = None,
        releases: Current[Release | None] | None = None,
        gap_maps: Current[GapMap] | None = None,
    ) -> None:
        """Take the concept maps, and those who know the release and the gap map in force."""
        self._releases, self._gap_maps = releases, gap_maps
        self._maps = _Maps(InForce(rows_of(maps or ConceptMaps())))

    def __call__(self, resources: list[Resource]) -> list[Untranslated]:
        """Put in the place of each resource the one with its codings added; tell the codes that have none."""
        return self._run(resources, again=False)

    def apart(self, _resource: Resource) -> bool:
        """A resource is coded by itself, whatever stands beside it."""
        return True

    def again(self, resources: list[Resource]) -> list[Untranslated]:
        """The same for what has been through here before: what was added then is taken back first."""
        return self._run(resources, again=True)

    def verdict(self, system: str, code: str) -> Verdict:
        """What the maps in force say of a code of a system."""
        return self._now().verdict(system, code)

    @property
    def release(self) -> Release | None:
        """The release in force."""
        return self._now().in_force.release

    @property
    def fingerprint(self) -> str:
        """What is in force, as a short text: where it is another, codings may be others."""
        now = self._now().in_force
        release = "" if now.release is None else now.release.path.name
        rows = hashlib.blake2b(repr(sorted(now.rows.items())).encode(), digest_size=8).hexdigest()
        return f"{release or 'no release'}, gap map {now.gap_map.version or 'none'}, maps {rows}"

    def _run(self, resources: list[Resource], *, again: bool) -> list[Untranslated]:
        maps = self._now()
        verdicts = maps.verdicts
        told: list[Untranslated] = []
        for place, resource in enumerate(resources):
            others: dict[int, Resource] = {}
            for concept in concepts_of(resource):
                if not again and _is_settled(concept["coding"], verdicts):
                    continue
                made = _coded(concept, maps, told, again)
                if made is not None:
                    others[id(concept)] = made
            if others:
                resources[place] = with_concepts(resource, others)
        return told

    def _now(self) -> _Maps:
        known = self._maps.in_force
        release, gap_map = known.release, known.gap_map
        try:
            if self._releases is not None:
                release = self._releases.current()
            if self._gap_maps is not None:
                gap_map = self._gap_maps.current()
        except ScrError as error:  # a pointer to a file that is gone: what was in force stays
            _log.error("terminology not taken", code=error.code, where=error.where)
        if release is not known.release or gap_map is not known.gap_map:
            self._maps = _Maps(InForce(known.rows, gap_map, release))
        return self._maps


def open_coder(files: DataFiles, maps: ConceptMaps | None = None) -> Coder:
    """The coder of a deployment: its concept maps, its gap map, and its release, where it has loaded one.

    Raises Invalid with file and line where a map is wrong.
    """
    releases = None if files.home is None else Releases(folder_of(files.home))
    return Coder(maps or ConceptMaps.load(files), releases, GapMaps(files))


def is_added(coding: Resource) -> bool:
    """Whether a coding was added here, and not sent by the source."""
    extensions = coding.get("extension")
    return type(extensions) is list and any(
        type(each) is dict and each.get("url") == TRANSLATION_EXTENSION for each in extensions
    )


def _is_settled(codings: list[Resource], verdicts: dict[tuple[str, str], Verdict]) -> bool:
    """Whether it is known already that a concept needs no other coding: the quick way, for nearly all."""
    try:
        for coding in codings:
            verdict = verdicts[coding["system"], coding["code"]]
            if verdict is Settled.NATIONAL:
                return True
            if verdict is not Settled.STANDARD:
                return False
    except (KeyError, TypeError):  # not met before, or not shaped as a coding: the long way
        return False
    return True


def _coded(concept: Resource, maps: _Maps, told: list[Untranslated], again: bool) -> Resource | None:
    """The concept with other codings added than it has; None where it stays as it is."""
    codings = concept["coding"]
    if type(codings) is not list:
        return None
    own = codings
    if again and any(type(coding) is dict and is_added(coding) for coding in codings):
        own = [coding for coding in codings if type(coding) is not dict or not is_added(coding)]
    added = _added(own, concept, maps, told)
    made = own if added is None else [*own, added]
    return None if made == codings else {**concept, "coding": made}


def _added(
    codings: list[Resource], concept: Resource, maps: _Maps, told: list[Untranslated]
) -> Resource | None:
    """The coding to be added to those of a concept; the codes that have none are told."""
    verdicts = maps.verdicts
    unsettled: list[tuple[Resource, str, str, Verdict]] = []
    standard = False
    for coding in codings:
        code = coding.get("code") if type(coding) is dict else None
        if type(code) is not str or not code:
            continue
        system = coding.get("system")
        if type(system) is not str:
            system = ""
        verdict = verdicts.get((system, code)) or maps.verdict(system, code)
        if verdict is Settled.NATIONAL:
            return None
        if verdict is Settled.STANDARD:
            standard = True
        else:
            unsettled.append((coding, system, code, verdict))
    return _translated(unsettled, concept, told, standard) if unsettled else None


def _translated(
    unsettled: list[tuple[Resource, str, str, Verdict]],
    concept: Resource,
    told: list[Untranslated],
    standard: bool,
) -> Resource | None:
    found = [each for each in unsettled if isinstance(each[3], Translated)]
    if len({verdict.code for *_, verdict in found if isinstance(verdict, Translated)}) == 1:
        _, system, code, verdict = found[0]
        return _coding(system, code, verdict) if isinstance(verdict, Translated) else None
    if standard:
        return None
    for coding, system, code, verdict in unsettled:
        reason = verdict if isinstance(verdict, Gap) else Gap.AMBIGUOUS
        told.append(Untranslated(system, code, _text(coding, concept), reason))
    return None


def _text(coding: Resource, concept: Resource) -> str:
    for text in (coding.get("display"), concept.get("text")):
        if isinstance(text, str) and text:
            return text
    return ""


def _coding(system: str, code: str, target: Translated) -> Resource:
    parts: list[Resource] = [{"url": "map", "valueString": target.map}]
    if target.version:
        parts.append({"url": "version", "valueString": target.version})
    source = {"system": system, "code": code} if system else {"code": code}
    parts.append({"url": "source", "valueCoding": source})
    made: Resource = {"extension": [{"url": TRANSLATION_EXTENSION, "extension": parts}]}
    made |= {"system": target.system, "code": target.code}
    if target.display:
        made["display"] = target.display
    return made
