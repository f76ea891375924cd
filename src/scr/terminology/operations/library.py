"""What the operations ask: the release in force, the small systems that are always there, and the maps.

The release comes first. Where it does not have a code or a system, the small systems are asked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from scr.data import DataFiles
from scr.errors import NotFound
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.release.answers import System
from scr.terminology.release.current import Releases, folder_of
from scr.terminology.release.reader import Release
from scr.terminology.shipped import ShippedSystems
from scr.terminology.systems import SNOMED_CT


class Coded(NamedTuple):
    """A code of a system."""

    system: str
    code: str


class Known(NamedTuple):
    """A concept as any system tells it."""

    system: str
    code: str
    display: str
    active: bool


_UK_EDITION, _INTERNATIONAL_EDITION = "999000041000000102", "900000000000207008"


def snomed_version(loaded: str) -> str:
    """The address of a version of SNOMED CT: https://terminology.hl7.org/SNOMEDCT.html

    ``loaded`` names the packages with their dates, the newest first (``GB1000000/20260401 INT/20260101``).
    What is not written so stays as it is.
    """
    packages = [part.split("/") for part in loaded.split()]
    if not packages or not all(len(part) == 2 and part[1].isdigit() for part in packages):
        return loaded
    british = any(owner.startswith("GB") for owner, _ in packages)
    edition = _UK_EDITION if british else _INTERNATIONAL_EDITION
    return f"{SNOMED_CT}/{edition}/version/{packages[0][1]}"


class Remembered:
    """The codes of expressions that were listed not long ago: the next letter typed asks for the same."""

    def __init__(self, most: int = 500_000) -> None:
        self._most = most
        self._lists: OrderedDict[Hashable, tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def codes(self, key: Hashable, make: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """What was made before, or is made now. Of all lists together ``most`` codes are kept."""
        with self._lock:
            found = self._lists.get(key)
            if found is not None:
                self._lists.move_to_end(key)
                return found
        found = make()
        with self._lock:
            self._lists[key] = found
            while sum(map(len, self._lists.values())) > self._most:
                self._lists.popitem(last=False)
        return found


@dataclass(frozen=True)
class Library:
    """One release (or none), the small systems and the maps: what one question is answered from."""

    release: Release | None = None
    shipped: ShippedSystems = field(default_factory=ShippedSystems)
    maps: ConceptMaps = field(default_factory=ConceptMaps)
    remembered: Remembered = field(default_factory=Remembered, repr=False, compare=False)

    @cached_property
    def systems(self) -> dict[str, System]:
        """The code systems of the release, by address. SNOMED CT's version is an address, as in FHIR."""
        found = {} if self.release is None else {one.uri: one for one in self.release.systems()}
        if SNOMED_CT in found:
            found[SNOMED_CT] = found[SNOMED_CT]._replace(version=snomed_version(found[SNOMED_CT].version))
        return found

    def has_system(self, uri: str) -> bool:
        """Whether the release has a code system, or the small systems do."""
        return uri in self.systems or uri in self.shipped.systems

    def complete(self, uri: str) -> bool:
        """Whether what is known of a system is all of it."""
        return uri in self.systems or (uri in self.shipped.systems and self.shipped.systems[uri].complete)

    def version_of(self, uri: str) -> str:
        """The version of a system in the release, or nothing."""
        return self.systems[uri].version if uri in self.systems else ""

    def known(self, system: str, code: str) -> Known | None:
        """A concept, or None where neither the release nor the small systems have it."""
        found = None if self.release is None else self.release.concept(system, code)
        if found is not None:
            return Known(system, found.code, found.display, found.active)
        small = self.shipped.concept(system, code)
        return None if small is None else Known(system, small.code, small.display, True)

    def need_system(self, uri: str) -> None:
        """Raises NotFound where nobody has the system."""
        if not self.has_system(uri):
            raise NotFound(
                "the code system is not known here: load a release that has it (`scr terminology load`)",
                code="unknown-system",
                where=uri[:200] or "system",
            )


class Libraries:
    """The library of a deployment, from call to call: a new release is noticed, the rest is read once."""

    def __init__(self, files: DataFiles, maps: ConceptMaps, home: Path) -> None:
        """Raises Invalid where a file of the small systems is wrong."""
        self._shipped = ShippedSystems.load(files)
        self._maps = maps
        self._releases = Releases(folder_of(home))
        self._library = Library(None, self._shipped, maps)

    def current(self) -> Library:
        """What is in force. Keep one answer for the whole of a question."""
        release = self._releases.current()
        if release is not self._library.release:
            self._library = Library(release, self._shipped, self._maps)
        return self._library
