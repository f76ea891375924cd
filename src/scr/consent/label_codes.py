"""Which labels a code brings, and why: by the policy's own lists, and by the terminology release.

What was asked once is remembered for as long as policy and release are the same, so that a code costs
a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scr.consent.label_policy import Label, LabelPolicy
from scr.fhir.labels import Code
from scr.terminology.release.reader import Release
from scr.terminology.systems import ALIASES, DMD, READ_V2, SNOMED_CT

_MEMORY = 200_000
_READ_CODE, _READ_TERM = 5, 2


class Why(NamedTuple):
    """One reason for a label: ``how`` is ``listed``, ``below``, ``refset``, ``product``; ``what`` names it.

    ``by`` is the SNOMED CT or dm+d code that the code stands for, where that is another one.
    """

    label: str
    how: str
    what: str
    by: str = ""


class Answer(NamedTuple):
    """The labels of a code; ``known`` is whether anything here could tell what the code is."""

    labels: frozenset[str]
    known: bool


class LabelCodes:
    """The codes of a policy, compiled for one release (or for none)."""

    def __init__(self, policy: LabelPolicy, release: Release | None) -> None:
        self.release = release
        self._listed: dict[Code, dict[str, str]] = {}
        self._beginnings: dict[str, list[tuple[str, str]]] = {}
        self._roots: dict[str, list[Why]] = {}
        self._substances: dict[str, list[str]] = {}
        self._memory: dict[Code, Answer] = {}
        for label in policy.labels.values():
            self._take_lists(label)
            self._take_roots(label)

    @property
    def listed_systems(self) -> list[str]:
        """The systems that the policy lists codes of."""
        return sorted({system for system, _ in self._listed} | self._beginnings.keys())

    def look_up(self, code: Code) -> Answer:
        """The labels of a code."""
        found = self._memory.get(code)
        if found is None:
            system = ALIASES.get(code[0], code[0])
            labels = frozenset(why.label for why in self.why(system, code[1]))
            found = Answer(labels, self.is_known(system, code[1]))
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            self._memory[code] = found
        return found

    def why(self, system: str, code: str) -> list[Why]:
        """Every label that a code brings, with its reason."""
        found, release = list(self._by_lists(system, code)), self.release
        if release is None:
            return list(dict.fromkeys(found))
        for concept in _concepts(release, system, code):
            by = "" if concept == code else concept
            found += [why._replace(by=by) for why in self._by_release(release, concept)]
            if by:
                found += [why._replace(by=by) for why in self._by_lists(SNOMED_CT, concept)]
        return list(dict.fromkeys(found))

    def is_known(self, system: str, code: str) -> bool:
        """Whether anything tells what the code is: the policy's lists, or the release."""
        if next(self._by_lists(system, code), None) is not None:
            return True
        release = self.release
        return release is not None and (
            release.concept(system, code) is not None or bool(release.translate(system, code, SNOMED_CT))
        )

    def _take_lists(self, label: Label) -> None:
        for system, codes in label.codes.items():
            for code in codes:
                if code.endswith("*"):
                    self._beginnings.setdefault(system, []).append((code[:-1], label.key))
                else:
                    self._listed.setdefault((system, code), {})[label.key] = code
        for code in label.below:
            self._listed.setdefault((SNOMED_CT, code), {})[label.key] = code

    def _take_roots(self, label: Label) -> None:
        for code in label.below:
            self._roots.setdefault(code, []).append(Why(label.key, "below", code))
        for code in label.products_of:
            self._substances.setdefault(code, []).append(label.key)
        for refset in label.refsets:
            for code in () if self.release is None else self.release.members(refset):
                self._roots.setdefault(code, []).append(Why(label.key, "refset", refset))

    def _by_lists(self, system: str, code: str) -> Iterator[Why]:
        for spelling in _spellings(system, code):
            for label, listed in self._listed.get((system, spelling), {}).items():
                yield Why(label, "listed", listed)
            for beginning, label in self._beginnings.get(system, ()):
                if spelling.startswith(beginning):
                    yield Why(label, "listed", f"{beginning}*")

    def _by_release(self, release: Release, concept: str) -> Iterator[Why]:
        above = {concept, *release.ancestors(SNOMED_CT, concept), *release.ancestors(DMD, concept)}
        for one in above:
            yield from self._roots.get(one, ())
        if not self._substances:
            return
        for product in above:
            for attribute in release.attributes(SNOMED_CT, product):
                for substance in (attribute.target, *release.ancestors(SNOMED_CT, attribute.target)):
                    for label in self._substances.get(substance, ()):
                        yield Why(label, "product", substance)


def _concepts(release: Release, system: str, code: str) -> list[str]:
    """The concepts that a code is, or stands for: what replaced it too."""
    if system in (SNOMED_CT, DMD):
        found = [code]
    else:
        found = [t.code for target in (SNOMED_CT, DMD) for t in release.translate(system, code, target)]
    replaced = [r.code for one in found for r in release.replacements(SNOMED_CT, one)]
    return list(dict.fromkeys([*found, *replaced]))


def _spellings(system: str, code: str) -> tuple[str, ...]:
    """A code as it came, and a Read code without its term code and its dots."""
    if system != READ_V2:
        return (code,)
    bare = code[:_READ_CODE] if len(code) == _READ_CODE + _READ_TERM else code
    return tuple(dict.fromkeys((code, bare, bare.rstrip("."))))
