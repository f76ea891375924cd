"""What a release answers: plain values, in the words of FHIR."""

from __future__ import annotations

from typing import NamedTuple


class Edition(NamedTuple):
    """A source as it was loaded. ``digest`` is the SHA-256 over its files, ``loaded_at`` in ms (UTC)."""

    name: str
    format: str
    version: str
    loaded_at: int
    digest: str
    files: int


class System(NamedTuple):
    """A code system of the release, and the edition that it came with."""

    uri: str
    version: str
    name: str
    edition: str


class Concept(NamedTuple):
    """A concept. ``display`` is the preferred term; ``effective`` is ``YYYYMMDD`` or nothing."""

    system: str
    code: str
    display: str
    active: bool
    module: str
    effective: str
    defined: bool
    definition: str


class Designation(NamedTuple):
    """A term of a concept. ``acceptability``: 2 preferred, 1 acceptable, 0 neither.

    ``use``: ``fsn``, ``synonym``, ``definition`` or another code. ``description`` is the SNOMED CT
    description's identifier, or nothing.
    """

    use: str
    language: str
    term: str
    active: bool
    acceptability: int
    description: str


class Property(NamedTuple):
    """A property of a concept other than SNOMED CT's attributes. ``type`` as in FHIR: code, string, …"""

    code: str
    type: str
    value: str


class Attribute(NamedTuple):
    """A relationship other than is-a: its type, and a target's code or (concrete) a value such as ``#5``."""

    group: int
    type: str
    target: str
    value: str


class Translation(NamedTuple):
    """One target of a map. An empty ``code`` says that the source is known and has no target.

    ``group``, ``priority``, ``rule`` and ``advice`` are those of SNOMED CT's extended maps: of each group
    the first row whose rule holds is meant. ``relationship`` is a FHIR R4 equivalence. ``assured`` is false
    for what its publisher has not had checked by clinicians. ``term`` is the source's term code, if any.
    """

    system: str
    code: str
    display: str
    map: str
    version: str
    relationship: str
    assured: bool
    group: int
    priority: int
    rule: str
    advice: str
    term: str


class Replacement(NamedTuple):
    """What stands for a concept that is no longer used.

    ``kind``: ``same-as``, ``replaced-by``, ``possibly-equivalent-to``, ``moved-to``, ``alternative`` … (the
    name of the association), or ``previous`` for dm+d's own earlier identifiers.
    """

    kind: str
    code: str


class Found(NamedTuple):
    """A hit of a typing search: the concept, its preferred term, and the term that matched."""

    code: str
    display: str
    term: str
    active: bool


class MapInfo(NamedTuple):
    """A map of the release. ``own`` for one of the deployment's own."""

    name: str
    version: str
    source_system: str
    target_system: str
    own: bool
    edition: str


class Stored(NamedTuple):
    """A FHIR terminology resource of the release. ``body`` is JSON."""

    type: str
    url: str
    version: str
    name: str
    body: bytes
