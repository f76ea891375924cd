"""One code system other than SNOMED CT, as a value set asks about it: of the release, or a small one."""

from __future__ import annotations

from scr.terminology.ecl.tree import Hierarchy
from scr.terminology.operations.library import Library
from scr.terminology.release.reader import Release


class Held:
    """A system of the release."""

    def __init__(self, release: Release, system: str) -> None:
        self._release, self._system = release, system

    def every(self) -> list[str]:
        """All codes, sorted."""
        rows = self._release.connection().execute(
            "SELECT code FROM concept WHERE system = (SELECT id FROM system WHERE uri = ?)", (self._system,)
        )
        return sorted(
            (row[0] for row in rows), key=lambda code: (len(code), code) if code.isdigit() else (0, code)
        )

    def has(self, code: str) -> bool:
        """Whether there is such a code."""
        return self._release.concept(self._system, code) is not None

    def related(self, operator: Hierarchy, code: str) -> frozenset[str]:
        """Below, above or directly below a code."""
        one, system = self._release, self._system
        itself = frozenset({code}) if self.has(code) else frozenset()
        if operator == ">>":
            return one.ancestors(system, code) | itself
        if operator == "<!":
            return one.children(system, code)
        return one.descendants(system, code) | (itself if operator == "<<" else frozenset())

    def with_property(self, name: str, value: str) -> frozenset[str]:
        """The codes that have a property of this value."""
        return frozenset(self._release.with_property(self._system, name, value))


class Small:
    """A small system."""

    def __init__(self, library: Library, system: str) -> None:
        self._system = library.shipped.systems[system]

    def every(self) -> list[str]:
        """All codes, in the order of their file."""
        return list(self._system.concepts)

    def has(self, code: str) -> bool:
        """Whether there is such a code."""
        return code in self._system.concepts

    def related(self, operator: Hierarchy, code: str) -> frozenset[str]:
        """Below, above or directly below a code."""
        small = self._system
        if operator == ">>":
            return frozenset({code, *small.ancestors(code)}) & small.concepts.keys()
        if operator == "<!":
            return frozenset(small.children(code))
        below = frozenset(one for one in small.concepts if small.subsumes(code, one))
        return below - {code} if operator == "<" else below

    def with_property(self, name: str, value: str) -> frozenset[str]:
        """The small systems have no properties but ``parent``."""
        return frozenset(self._system.children(value)) if name == "parent" else frozenset()
