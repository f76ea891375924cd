"""The codes that a value set chooses: listed whole, or asked about one by one.

Each include becomes a *clause* that can do both. Of SNOMED CT a clause is an expression of the constraint
language, whatever it was written as; of other systems it is built from the release's hierarchy, of the small
systems from their tables. Nothing is fetched before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce

import orjson

from scr.errors import Invalid, NotFound
from scr.terminology.ecl.evaluate import evaluate, matcher
from scr.terminology.ecl.parse import parse
from scr.terminology.ecl.tree import Compound, Concept, Everything, Expression, Hierarchy, Members, Related
from scr.terminology.operations.definition import Definition, Filter, Include, read_definition
from scr.terminology.operations.held import Held, Small
from scr.terminology.operations.implicit import CONSTRAINT, REFSETS, implicit_definition
from scr.terminology.operations.library import Coded, Library
from scr.terminology.release.reader import Release
from scr.terminology.systems import SNOMED_CT

MAX_IMPORTS = 12
_FEW = 100
_HIERARCHY: dict[str, Hierarchy] = {
    "is-a": "<<", "descendent-of": "<", "descendant-of": "<", "child-of": "<!", "generalizes": ">>",
}  # fmt: skip

Test = Callable[[Coded], bool]


@dataclass(frozen=True)
class Clause:
    """Codes of some systems. ``listed`` gives all of them in order; ``holds`` asks about one.

    ``short``: listing them costs next to nothing.
    """

    systems: frozenset[str]
    listed: Callable[[], Iterable[Coded]]
    holds: Test
    short: bool = False


@dataclass(frozen=True)
class Chosen:
    """What a value set chooses: the codes of any clause that are in no excluded one."""

    definition: Definition
    include: tuple[Clause, ...]
    exclude: tuple[Clause, ...] = ()

    @property
    def systems(self) -> list[str]:
        """The systems that codes may be of, in the order in which they are named."""
        return list(dict.fromkeys(one for clause in self.include for one in sorted(clause.systems)))

    @property
    def short(self) -> bool:
        """Whether all of it is quickly listed."""
        return all(clause.short for clause in self.include)

    def holds(self, coded: Coded) -> bool:
        """Whether a code is in it."""
        return any(one.holds(coded) for one in self.include) and not any(
            one.holds(coded) for one in self.exclude
        )

    def listed(self) -> list[Coded]:
        """All codes, each once: in the order of the includes, within them as written, else by code."""
        found = dict.fromkeys(coded for clause in self.include for coded in clause.listed())
        for clause in self.exclude:
            if len(found) > _FEW:
                for coded in clause.listed():
                    found.pop(coded, None)
            else:
                found = dict.fromkeys(coded for coded in found if not clause.holds(coded))
        return list(found)


def choose(library: Library, definition: Definition, path: tuple[str, ...] = ()) -> Chosen:
    """The codes of a definition.

    Raises NotFound for a system or value set that is not known, Invalid for a filter that is not read.
    """
    if definition.url in path or len(path) > MAX_IMPORTS:
        raise Invalid(
            "value sets import each other in a ring, or too deeply",
            code="bad-value-set",
            where=definition.url[:200],
        )
    path = (*path, definition.url) if definition.url else path
    include = tuple(_clause(library, one, path) for one in definition.include)
    exclude = tuple(_clause(library, one, path) for one in definition.exclude)
    return Chosen(definition, include, exclude)


def find_definition(library: Library, url: str) -> Definition:
    """A value set by its address: implicit, of the release, or all codes of a small system.

    Raises NotFound.
    """
    implicit = implicit_definition(library, url)
    if implicit is not None:
        return implicit
    bare = url.partition("|")[0]
    stored = None if library.release is None else library.release.resource("ValueSet", bare)
    if stored is not None:
        return read_definition(orjson.loads(stored.body))
    small = library.shipped.by_value_set(bare)
    if small is not None:
        return Definition(url=bare, name=small.name, include=(Include(small.uri),))
    raise NotFound("the value set is not known here", code="unknown-value-set", where=url[:200])


def _clause(library: Library, include: Include, path: tuple[str, ...]) -> Clause:
    clauses = [_as_clause(choose(library, find_definition(library, url), path)) for url in include.value_sets]
    if include.system:
        clauses.insert(0, _of_system(library, include))
    return reduce(_both, clauses)


def _as_clause(chosen: Chosen) -> Clause:
    return Clause(frozenset(chosen.systems), chosen.listed, chosen.holds, chosen.short)


def _both(one: Clause, other: Clause) -> Clause:
    def listed() -> Iterable[Coded]:
        return (coded for coded in one.listed() if other.holds(coded))

    def holds(coded: Coded) -> bool:
        return one.holds(coded) and other.holds(coded)

    return Clause(one.systems & other.systems, listed, holds, one.short)


def _of_system(library: Library, include: Include) -> Clause:
    library.need_system(include.system)
    if include.listed:
        return _of_list(include.system, include.listed)
    if library.release is not None and include.system == SNOMED_CT and SNOMED_CT in library.systems:
        return _of_snomed(library, library.release, include.filters)
    if library.release is not None and include.system in library.systems:
        return _of_codes(include, Held(library.release, include.system))
    return _of_codes(include, Small(library, include.system))


def _of_list(system: str, codes: Sequence[str]) -> Clause:
    every = dict.fromkeys(Coded(system, code) for code in codes)
    return Clause(frozenset({system}), lambda: list(every), every.__contains__, short=True)


# -- SNOMED CT


def _of_snomed(library: Library, release: Release, filters: Sequence[Filter]) -> Clause:
    if not filters:
        return _of_codes(Include(SNOMED_CT), Held(release, SNOMED_CT))
    if any(one.property == REFSETS for one in filters):
        return _of_list(SNOMED_CT, sorted(release.refsets(), key=int))
    trees = [_tree(one) for one in filters]
    tree = trees[0] if len(trees) == 1 else Compound("AND", tuple(trees))
    inside = matcher(release, tree)

    def codes() -> tuple[str, ...]:
        return tuple(sorted(evaluate(release, tree), key=int))

    def listed() -> Iterable[Coded]:
        return [Coded(SNOMED_CT, code) for code in library.remembered.codes(tree, codes)]

    def holds(coded: Coded) -> bool:
        return coded.system == SNOMED_CT and inside(coded.code)

    return Clause(frozenset({SNOMED_CT}), listed, holds)


def _tree(filter_: Filter) -> Expression:
    """A filter as an expression."""
    if filter_.property in {CONSTRAINT, "expression"} and filter_.op == "=":
        return parse(filter_.value)
    if filter_.property == "concept" and filter_.op in _HIERARCHY:
        return Related(_HIERARCHY[filter_.op], _concept(filter_.value))
    if filter_.property == "concept" and filter_.op == "is-not-a":
        return Compound("MINUS", (Everything(), Related("<<", _concept(filter_.value))))
    if filter_.property == "concept" and filter_.op == "in":
        return Members(_concept(filter_.value))
    if filter_.property == "concept" and filter_.op == "=":
        return _concept(filter_.value)
    raise _not_read(filter_)


def _concept(code: str) -> Concept:
    tree = parse(code)
    if not isinstance(tree, Concept):
        raise Invalid(
            f"{code[:40]!r} is not one concept", code="bad-value-set", where="ValueSet.compose filter"
        )
    return tree


def _not_read(filter_: Filter) -> Invalid:
    return Invalid(
        f"the filter {filter_.property[:40]!r} {filter_.op[:20]!r} is not read for this system",
        code="unknown-filter",
        where="ValueSet.compose filter",
    )


# -- other systems


def _of_codes(include: Include, system: Held | Small) -> Clause:
    uri = include.system
    if not include.filters:
        return Clause(
            frozenset({uri}),
            lambda: [Coded(uri, code) for code in system.every()],
            lambda coded: coded.system == uri and system.has(coded.code),
            short=isinstance(system, Small),
        )

    @cache
    def kept() -> frozenset[str]:
        return frozenset.intersection(*(_filtered(one, system) for one in include.filters))

    return Clause(
        frozenset({uri}),
        lambda: [Coded(uri, code) for code in system.every() if code in kept()],
        lambda coded: coded.system == uri and coded.code in kept(),
        short=isinstance(system, Small),
    )


def _filtered(filter_: Filter, system: Held | Small) -> frozenset[str]:
    if filter_.op in _HIERARCHY and filter_.property == "concept":
        return system.related(_HIERARCHY[filter_.op], filter_.value)
    if filter_.op == "is-not-a" and filter_.property == "concept":
        return frozenset(system.every()) - system.related("<<", filter_.value)
    if filter_.op == "in":
        return frozenset(filter_.value.split(",")) & frozenset(system.every())
    if filter_.op == "=" and filter_.property not in {CONSTRAINT, "expression"}:
        return system.with_property(filter_.property, filter_.value)
    raise _not_read(filter_)
