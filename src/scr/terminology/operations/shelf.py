"""The CodeSystems, ValueSets and ConceptMaps that can be read: the release's, and the project's tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

import orjson

from scr.fhir.entry import Resource
from scr.terminology.operations import resources
from scr.terminology.operations.library import Library
from scr.terminology.operations.translate import OWN_MAPS

Kind = Literal["CodeSystem", "ValueSet", "ConceptMap"]
KINDS: tuple[Kind, ...] = ("CodeSystem", "ValueSet", "ConceptMap")

_TITLES = "SELECT url, name, version FROM resource WHERE type = ? ORDER BY url"  # without the bodies


class Title(NamedTuple):
    """A resource by its address, before it is opened."""

    url: str
    name: str
    version: str

    @property
    def id(self) -> str:
        """Its logical id here: the same wherever the address is the same."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:32]


def titles(library: Library, kind: Kind) -> Iterator[Title]:
    """Everything of a kind, each address once, the release's before the project's."""
    seen: set[str] = set()
    for one in _every(library, kind):
        if one.url not in seen:
            seen.add(one.url)
            yield one


def opened(library: Library, kind: Kind, url: str) -> Resource | None:
    """The resource of an address, or None."""
    stored = None if library.release is None else library.release.resource(kind, url)
    if stored is not None:
        found: Resource = orjson.loads(stored.body)
    else:
        small = _small(library, kind, url)
        if small is None:
            return None
        found = small
    return {"resourceType": found["resourceType"], "id": Title(url, "", "").id} | {
        name: value for name, value in found.items() if name not in ("resourceType", "id")
    }


def _small(library: Library, kind: Kind, url: str) -> Resource | None:
    if kind == "CodeSystem":
        if url in library.systems:
            return resources.code_system_elsewhere(library.systems[url])
        system = library.shipped.systems.get(url)
        return None if system is None else resources.code_system(system)
    if kind == "ValueSet":
        system = library.shipped.by_value_set(url)
        return None if system is None else resources.all_codes(system)
    table = library.maps.maps.get(url.removeprefix(OWN_MAPS)) if url.startswith(OWN_MAPS) else None
    return None if table is None else resources.concept_map(table)


def _every(library: Library, kind: Kind) -> Iterator[Title]:
    if library.release is not None:
        rows = library.release.connection().execute(_TITLES, (kind,))
        yield from (Title(*row) for row in rows.fetchall())
    if kind == "CodeSystem":
        for held in library.systems.values():
            yield Title(held.uri, held.name, held.version)
    if kind == "ConceptMap":
        for name in library.maps.maps:
            yield Title(OWN_MAPS + name, name, "")
    else:
        for system in library.shipped.systems.values():
            yield Title(system.uri if kind == "CodeSystem" else system.value_set, system.name, "")
