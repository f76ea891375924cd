"""The search parameters, as data: ``conformance/search-parameters.csv``.

https://hl7.org/fhir/R4/searchparameter-registry.html. A row is one parameter of one resource type
(``Resource``: of every type). ``paths`` are the elements that it looks at, by their names in JSON and apart
by ``|``; ``[system=…]`` behind one takes only those of a list that have this value, and a ``?`` before all
of them asks whether any is there and not false. ``targets`` are the types that a reference may lead to
(``*``: any). ``parts`` are those of a composite, apart by ``&``, each a type and its paths below the
composite's own (``.``: the resource). ``origin`` is R4, or scr for what this project adds where R4 has no
parameter of the name. Like the structure of R4 it is a published standard and not configuration: the
packaged file is always the one in force.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from scr.data import DataFiles
from scr.fhir.headings import placed_types

EVERY = "Resource"
ANY = "*"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a composite: the type of parameter that it is, and its paths."""

    type: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type. ``own``: of this project, not of R4."""

    resource: str
    name: str
    type: str
    paths: tuple[str, ...]
    targets: frozenset[str] = frozenset()
    parts: tuple[Part, ...] = ()
    own: bool = False

    def leads_to(self, kind: str) -> bool:
        """Whether a reference of this parameter may name a resource of the type."""
        return ANY in self.targets or kind in self.targets


@cache
def _table() -> dict[str, dict[str, Parameter]]:
    path = DataFiles().find("conformance", "search-parameters.csv")
    table: dict[str, dict[str, Parameter]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            read = _parameter(row)
            table.setdefault(read.resource, {})[read.name] = read
    every = table.pop(EVERY)
    return {kind: every | named for kind, named in sorted(table.items())} | {EVERY: every}


def _parameter(row: Mapping[str, str]) -> Parameter:
    parts = [part.split() for part in row["parts"].split("&")] if row["parts"] else []
    return Parameter(
        resource=row["resource"],
        name=row["name"],
        type=row["type"],
        paths=tuple(row["paths"].split("|")),
        targets=frozenset(row["targets"].split()),
        parts=tuple(Part(kind, tuple(paths.split("|"))) for kind, paths in parts),
        own=row["origin"] != "R4",
    )


_searched = tuple(sorted(placed_types()))


def parameters_of(kind: str) -> Mapping[str, Parameter]:
    """The parameters of a resource type by name; those of every type where it has none of its own."""
    table = _table()
    return table.get(kind) or table[EVERY]


def searched_types() -> tuple[str, ...]:
    """The resource types that can be searched: those of a record, with parameters of their own or without."""
    return _searched
