"""Refinements: which concepts have the attributes that an expression asks for.

A refinement is tested concept by concept, over the concept's attributes in their groups. Before that the
concepts are narrowed, where an attribute must be there, to those that have it: the release finds the sources
of an attribute by its type and target. Attributes of group 0 belong to no group; each counts as one of its
own, as in chapter 6.6 of the specification.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from scr.errors import Invalid
from scr.terminology.ecl.ids import Ids, chunks
from scr.terminology.ecl.tree import (
    SOME,
    Attribute,
    Cardinality,
    Comparison,
    Concept,
    Everything,
    Expression,
    Group,
    Joined,
    Refinement,
    Value,
)

if TYPE_CHECKING:
    from scr.terminology.ecl.evaluate import Meaning

IS_A = "116680003"
_MANY_VALUES = 20_000
_FEW_SOURCES = 20_000

_TARGETS = "SELECT target, type FROM attribute WHERE source IN ({}) AND target IS NOT NULL"
_ROWS = "SELECT source, role_group, type, target, value FROM attribute WHERE source IN ({})"
_COMPARE: dict[Comparison, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Row(NamedTuple):
    """An attribute of a concept: a target, or (``target`` None) a concrete value."""

    group: int
    type: int
    target: int | None
    value: str


Rows = Sequence[Row]
Holds = Callable[[int, Rows], bool]
Matches = Callable[[Row], bool]


def select(meaning: Meaning, focus: Expression, refinement: Refinement) -> Ids:
    """The concepts of a focus that have what the refinement asks for."""
    holding = _compile(meaning, refinement)
    narrow = _narrow(meaning, refinement)
    if narrow is None:
        possible = meaning.ids(focus)
    elif len(narrow.ids) < _FEW_SOURCES:
        inside = meaning.test(focus)
        possible = {one for one in narrow.ids if inside(one)}
    else:
        possible = meaning.ids(focus) & narrow.ids
    if narrow is not None and narrow.exact:
        return possible
    found: Ids = set()
    for batch in chunks(possible):
        rows = _rows(meaning, batch)
        found |= {one for one in batch if holding(one, rows.get(one, ()))}
    return found


def holds(meaning: Meaning, refinement: Refinement) -> Callable[[int], bool]:
    """A test of one concept."""
    holding = _compile(meaning, refinement)
    return lambda one: holding(one, _rows(meaning, (one,)).get(one, ()))


def values(meaning: Meaning, focus: Expression, attribute: Expression) -> Ids:
    """``focus . attribute``: the concepts that these attributes of the focus point at."""
    names = _names(meaning, attribute)
    rows = meaning.store.rows_of(_TARGETS, meaning.ids(focus))
    return {target for target, name in rows if names is None or name in names}


def _rows(meaning: Meaning, sources: Iterable[int]) -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for source, group, type_, target, value in meaning.store.rows_of(_ROWS, sources):
        found[source].append(Row(group, type_, target, str(value)))
    return found


# -- testing


def _compile(meaning: Meaning, refinement: Refinement) -> Holds:
    match refinement:
        case Attribute(reverse=True):
            return _reverse(meaning, refinement)
        case Attribute(cardinality=cardinality):
            matches = _matcher(meaning, refinement)
            return lambda _, rows: cardinality.holds(sum(map(matches, rows)))
        case Group(inner, cardinality):
            return _grouped(_compile(meaning, inner), cardinality)
        case Joined(junction, parts):
            each = [_compile(meaning, part) for part in parts]
            if junction == "AND":
                return lambda one, rows: all(holding(one, rows) for holding in each)
            return lambda one, rows: any(holding(one, rows) for holding in each)


def _grouped(inner: Holds, cardinality: Cardinality) -> Holds:
    def test(one: int, rows: Rows) -> bool:
        groups: dict[int, list[Row]] = defaultdict(list)
        for number, row in enumerate(rows):
            groups[row.group or -1 - number].append(row)
        return cardinality.holds(sum(inner(one, group) for group in groups.values()))

    return test


def _matcher(meaning: Meaning, attribute: Attribute) -> Matches:
    """Whether an attribute of a concept has the name and the value that are asked for."""
    names = _names(meaning, attribute.name)
    compared = _comparer(meaning, attribute.comparison, attribute.value)
    return lambda row: _named(row, names) and compared(row)


def _comparer(meaning: Meaning, comparison: Comparison, value: Value) -> Matches:
    wanted = comparison == "="
    if isinstance(value, Decimal):
        compare = _COMPARE[comparison]
        return lambda row: (number := _number(row)) is not None and compare(number, value)
    if isinstance(value, str | bool):
        kind, looked_for = ('"', f'"{value}"') if isinstance(value, str) else ("tf", str(value).lower())
        return lambda row: row.value[:1] in kind and bool(row.value) and (row.value == looked_for) == wanted
    inside = _remembering(meaning.test(value))
    return lambda row: row.target is not None and inside(row.target) == wanted


def _reverse(meaning: Meaning, attribute: Attribute) -> Holds:
    """``R name = value``: how many attributes of the values point at the concept."""
    names = _names(meaning, attribute.name)
    if isinstance(attribute.value, Decimal | str | bool):
        raise Invalid("R goes with concepts, not with a concrete value", code="bad-ecl")
    inside = _remembering(meaning.test(attribute.value))
    wanted = attribute.comparison == "="

    def test(one: int, _rows: Rows) -> bool:
        pointing = [
            row[0]
            for name in names or meaning.store.column("SELECT DISTINCT type FROM attribute")
            for row in meaning.store.rows(
                "SELECT source FROM attribute WHERE type = ? AND target = ?", (name, one)
            )
        ]
        return attribute.cardinality.holds(sum(inside(source) == wanted for source in pointing))

    return test


def _remembering(test: Callable[[int], bool]) -> Callable[[int], bool]:
    met: dict[int, bool] = {}

    def remembered(one: int) -> bool:
        found = met.get(one)
        if found is None:
            found = met[one] = test(one)
        return found

    return remembered


def _names(meaning: Meaning, name: Expression) -> Ids | None:
    """The types of attribute that a name stands for; None for any."""
    if isinstance(name, Everything):
        return None
    if isinstance(name, Concept) and name.code == IS_A:
        raise Invalid(
            "is-a is not read as an attribute: write <! for the children of a concept",
            code="bad-ecl",
            where=f"ECL, character {name.at + 1}",
        )
    return meaning.ids(name)


def _named(row: Row, names: Ids | None) -> bool:
    return names is None or row.type in names


def _number(row: Row) -> Decimal | None:
    if row.target is not None or not row.value.startswith("#"):
        return None
    try:
        return Decimal(row.value[1:])
    except InvalidOperation:
        return None


# -- narrowing


class Narrow(NamedTuple):
    """A set outside of which a refinement does not hold; ``exact``: and within which it holds."""

    ids: Ids
    exact: bool


def _narrow(meaning: Meaning, refinement: Refinement) -> Narrow | None:
    """None where no such set is at hand cheaply."""
    match refinement:
        case Attribute(comparison="=", cardinality=cardinality) if cardinality.least > 0:
            found = _having(meaning, refinement)
            return None if found is None else Narrow(found, cardinality == SOME)
        case Group(inner, cardinality) if cardinality.least > 0:
            within = _narrow(meaning, inner)
            exact = cardinality == SOME and isinstance(inner, Attribute)
            return None if within is None else Narrow(within.ids, exact and within.exact)
        case Joined(junction, parts):
            return _narrow_joined(junction, [_narrow(meaning, part) for part in parts])
        case _:
            return None


def _narrow_joined(junction: str, each: Sequence[Narrow | None]) -> Narrow | None:
    known = [one for one in each if one is not None]
    whole = len(known) == len(each)
    exact = whole and all(one.exact for one in known)
    if junction == "AND":
        return Narrow(set.intersection(*(one.ids for one in known)), exact) if known else None
    return Narrow(set.union(*(one.ids for one in known)), exact) if whole else None


def _having(meaning: Meaning, attribute: Attribute) -> Ids | None:
    """The concepts that have one of the attributes with one of the values; reversed, its targets."""
    value = attribute.value
    if isinstance(value, Decimal | str | bool):
        return None
    if attribute.reverse:
        return values(meaning, value, attribute.name)
    names, store = _names(meaning, attribute.name), meaning.store
    if names is None:
        names = store.column("SELECT DISTINCT type FROM attribute")
    # Any value is still a concept: a concrete value is none.
    wanted = None if isinstance(value, Everything) else meaning.ids(value)
    found: Ids = set()
    for name in names:
        if wanted is None or len(wanted) > _MANY_VALUES:
            wanted = store.everything() if wanted is None else wanted
            rows = store.rows("SELECT source, target FROM attribute WHERE type = ?", (name,))
            found |= {source for source, target in rows if target in wanted}
        else:
            sql = f"SELECT source FROM attribute WHERE type = {name:d} AND target IN ({{}})"  # noqa: S608 - a number
            found |= store.of(sql, wanted)
    return found
