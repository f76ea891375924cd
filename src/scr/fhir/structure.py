"""What FHIR R4 allows where: types, elements, cardinality, choices and required codes.

Read once from ``conformance/r4-structure.json``, which ``conformance/compile_r4.py`` writes. The
conversion from STU3 fits resources to it, and ``scr.fhir.validate`` checks them against it. It is a
published standard and not configuration: the packaged file is always the one in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import msgspec

from scr.data import DataFiles


class Element(NamedTuple):
    """One element of a type.

    ``primitive``: a string, a number or a boolean in JSON.
    ``type`` is the FHIR type: lower case for a primitive (``dateTime``), else a data type, a backbone
    element (``PatientContact``) or ``Resource`` for any resource. ``codes`` is the set of a required
    binding, for a CodeableConcept within ``system``; None where any code may stand.
    """

    type: str
    primitive: bool
    many: bool
    required: bool
    codes: frozenset[str] | None = None
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice such as ``value[x]``: at most one of ``elements`` may stand, and one must if ``required``."""

    name: str
    required: bool
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """The types by name, each with its elements by name; and the names that are resources.

    ``summaries`` are the elements of a resource that are of its summary.
    """

    types: dict[str, dict[str, Element]]
    choices: dict[str, tuple[Choice, ...]]
    resources: frozenset[str]
    summaries: dict[str, frozenset[str]]


class _Concept(msgspec.Struct, frozen=True):
    system: str
    codes: frozenset[str]


class _File(msgspec.Struct, frozen=True):
    resources: frozenset[str]
    types: dict[str, dict[str, str]]
    choices: dict[str, list[tuple[str, bool, tuple[str, ...]]]]
    codes: dict[str, frozenset[str]]
    concepts: dict[str, _Concept]
    summaries: dict[str, frozenset[str]]


@cache
def r4() -> Structure:
    """The structure of R4: some 50 resource types and everything that they are made of."""
    path = DataFiles().find("conformance", "r4-structure.json")
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    return Structure(
        types={
            name: {key: _element(word, f"{name}.{key}", file) for key, word in elements.items()}
            for name, elements in file.types.items()
        },
        choices={name: tuple(Choice(*group) for group in groups) for name, groups in file.choices.items()},
        resources=file.resources,
        summaries=file.summaries,
    )


def _element(word: str, where: str, file: _File) -> Element:
    kind = word.rstrip("*!")
    concept = file.concepts.get(where)
    return Element(
        type=kind,
        primitive=kind[0].islower(),
        many="*" in word,
        required=word.endswith("!"),
        codes=concept.codes if concept else file.codes.get(where),
        system=concept.system if concept else None,
    )
