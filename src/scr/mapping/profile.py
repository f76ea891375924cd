"""What a feed sends, as a profile; and how a payload departs from it.

A profile knows how many units there were, which columns and fields they had and how often each was
filled, which values stood in coded fields (those that go through ``translate``), as keyed hashes, and
the shapes of dates (``99/99/9999``). No value stands in it in the clear.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from scr.decode.sheets import OWN
from scr.decode.tree import NoColumn, Unit
from scr.mapping.account import Account, fields_of
from scr.mapping.adapter import Adapter
from scr.mapping.counts import plain
from scr.mapping.coverage import Coverage
from scr.mapping.paths import Node, Path, Scope, paths_read

LEARNT = 30
"""So many units, or values of a field, have to be known before anything is held against them."""

MOST_VALUES = 200
"""Values of one coded field that are told apart; a field with more is not held to them."""

MOST_FIELDS = 2000
_MOST_SHAPES = 20
_LONGEST_SHAPE = 24
_FEWEST_DIGITS = 4
_CODED = frozenset({"translate", "translate_coding"})
_DATED = frozenset({"date", "datetime", "hl7_date", "hl7_datetime"})
_PLAIN_PATHS = frozenset({"field", "subexpression", "index_expression", "or_expression"})
_NULL: Path = ("null",)
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_DATE_SHAPE = re.compile(r"[9A][9A/\-.:+, ]*")


class Profile(msgspec.Struct):
    """Counts of units: all, by column that was there, by field that was filled; and values by field."""

    units: int = 0
    columns: dict[str, int] = {}
    filled: dict[str, int] = {}
    codes: dict[str, dict[str, int]] = {}
    shapes: dict[str, dict[str, int]] = {}

    def add(self, other: Profile) -> None:
        """Take in what another profile saw."""
        self.units += other.units
        _add(self.columns, other.columns, MOST_FIELDS)
        _add(self.filled, other.filled, MOST_FIELDS)
        for mine, theirs, most in (
            (self.codes, other.codes, MOST_VALUES),
            (self.shapes, other.shapes, _MOST_SHAPES),
        ):
            for name, counts in theirs.items():
                _add(mine.setdefault(name, {}), counts, most)


class Drift(NamedTuple):
    """One departure. ``kind`` is renamed, missing, new, empty, new-code or date-format; ``detail`` says
    what stands there now, without any value."""

    kind: str
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}"


def drifts(known: Profile, seen: Profile) -> tuple[Drift, ...]:
    """How what was seen departs from what is known; nothing while too little is known."""
    if known.units < LEARNT or not seen.units:
        return ()
    return (*_columns(known, seen), *_fields(known, seen), *_values(known, seen))


def lacking(error: NoColumn) -> Drift:
    """The departure of a table that cannot be read for want of a column."""
    if error.nearest:
        return Drift("renamed", error.column, f"the column is missing, and {error.nearest!r} is there")
    return Drift("missing", error.column, "the column is missing")


def _columns(known: Profile, seen: Profile) -> Iterator[Drift]:
    missing = [
        name for name, count in known.columns.items() if count == known.units and name not in seen.columns
    ]
    new = [name for name in seen.columns if name not in known.columns]
    for name in missing:
        near = difflib.get_close_matches(name, new, n=1)
        if near:
            new.remove(near[0])
            yield Drift("renamed", name, f"the column is missing, and {near[0]!r} is new")
        else:
            yield Drift("missing", name, "the column is missing")
    for name in new:
        yield Drift("new", name, "the column is new")


def _fields(known: Profile, seen: Profile) -> Iterator[Drift]:
    for name, count in known.filled.items():
        gone = bool(known.columns) and name not in seen.columns  # told as a column
        if count == known.units and name not in seen.filled and not gone:
            yield Drift("empty", name, f"it had a value in all of {count} units, and has none now")
    if not known.columns:
        for name in seen.filled:
            if name not in known.filled and len(known.filled) < MOST_FIELDS:
                yield Drift("new", name, "the field was never filled before")


def _values(known: Profile, seen: Profile) -> Iterator[Drift]:
    for name, values in seen.codes.items():
        before = known.codes.get(name, {})
        new = len(values.keys() - before.keys())
        if new and len(before) < MOST_VALUES and sum(before.values()) >= LEARNT:
            yield Drift("new-code", name, f"{new} code values that were never sent before")
    for name, shapes in seen.shapes.items():
        before = known.shapes.get(name, {})
        unknown = sorted(shapes.keys() - before.keys())
        if unknown and len(before) < _MOST_SHAPES and sum(before.values()) >= LEARNT:
            usual = max(before, key=before.__getitem__)
            yield Drift("date-format", name, f"dates as {unknown[0]}, before as {usual}")


class Observer:
    """Looks at the units of one adapter. ``key`` is that of the hashes of code values."""

    def __init__(self, adapter: Adapter, key: bytes) -> None:
        self._adapter, self._key = adapter, key
        self._account = Account(adapter)
        self._tree = _Branch()
        for name, path in _arguments(adapter, _CODED).items():
            self._tree.leaf(path).coded = name
        for name, path in _arguments(adapter, _DATED).items():
            self._tree.leaf(path).dated = name
        self._hashes: dict[tuple[str, str], str] = {}

    def look(self, unit: Unit, seen: Profile, covered: Coverage | None = None) -> None:
        """Add a unit to a profile of what was seen, and to what became of its fields."""
        tree = unit.tree
        seen.units += 1
        _count(seen.columns, map(plain, _columns_of(tree)), MOST_FIELDS)
        fields = fields_of(self._adapter, unit)
        _count(seen.filled, set(map(plain, fields)), MOST_FIELDS)
        if covered is not None:
            told = self._account.statuses(unit, fields)
            covered.note((plain(name), status) for name, status in told)
        self._walk(tree, self._tree, seen)

    def _walk(self, value: Any, branch: _Branch, seen: Profile) -> None:
        """Every text at the end of a path, in every item of the lists on the way."""
        if isinstance(value, list):
            for item in value:
                self._walk(item, branch, seen)
        elif isinstance(value, str):
            text = value.strip()
            if branch.coded and text:
                hashed = self._hash(branch.coded, text)
                _count(seen.codes.setdefault(branch.coded, {}), (hashed,), MOST_VALUES)
            if branch.dated and (form := shape(text)):
                _count(seen.shapes.setdefault(branch.dated, {}), (form,), _MOST_SHAPES)
        elif branch.below and isinstance(value, Mapping):
            for name, inner in branch.below.items():
                found = value.get(name)
                if found is not None:
                    self._walk(found, inner, seen)

    def _hash(self, name: str, text: str) -> str:
        known = self._hashes.get((name, text))
        if known is None:
            told = f"{name}\x1f{text.casefold()}".encode()
            known = hashlib.blake2b(told, key=self._key, digest_size=8).hexdigest()
            if len(self._hashes) < MOST_FIELDS:
                self._hashes[name, text] = known
        return known


@dataclass(slots=True)
class _Branch:
    """The paths of coded and dated fields as a tree, so that a unit is walked once."""

    below: dict[str, _Branch] = field(default_factory=dict)
    coded: str = ""
    dated: str = ""

    def leaf(self, path: Path) -> _Branch:
        """The branch at the end of a path."""
        at = self
        for name in path:
            at = at.below.setdefault(name, _Branch())
        return at


def shape(text: str) -> str:
    """A date's shape: each digit as 9, each word as A; empty for what looks like no date."""
    if text.isdecimal():  # as HL7 v2 writes them
        made = "9" * min(len(text), _LONGEST_SHAPE)
        return made if len(made) >= _FEWEST_DIGITS else ""
    made = _DIGIT.sub("9", _LETTERS.sub("A", text[:_LONGEST_SHAPE]))
    return made if _DATE_SHAPE.fullmatch(made) and made.count("9") >= _FEWEST_DIGITS else ""


def _arguments(adapter: Adapter, functions: frozenset[str]) -> dict[str, Path]:
    """The fields that an adapter hands to some functions, by their name."""
    found: dict[str, Path] = {}
    for expression in adapter.expressions.values():
        for call in _calls(expression.node, functions):
            argument = call["children"][1 if call["value"] in _CODED else 0]
            if argument["type"] not in _PLAIN_PATHS:
                continue
            for end in paths_read(argument, Scope()) - {_NULL}:
                for path in expression.reads:  # the whole path of it, wherever the expression stands
                    if path[-len(end) :] == end:
                        found[".".join(path)] = path
    return found


def _calls(node: Node, functions: frozenset[str]) -> Iterator[Node]:
    if node["type"] == "function_expression" and node["value"] in functions:
        yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls(child, functions)


def _columns_of(tree: Mapping[str, Any]) -> Iterable[str]:
    """The columns of a row, or of the row of a workbook's sheet; none for what is no row."""
    own = tree.get(OWN)
    if isinstance(own, str) and isinstance(row := tree.get(own), dict):
        return (f"{own}.{name}" for name in row)
    return tree if all(isinstance(value, str) for value in tree.values()) else ()


def _count(counts: dict[str, int], names: Iterable[str], most: int) -> None:
    """Count each name once more; of those that are new, only as many as there is room for."""
    for name in names:
        if name in counts or len(counts) < most:
            counts[name] = counts.get(name, 0) + 1


def _add(counts: dict[str, int], more: Mapping[str, int], most: int) -> None:
    """Add counts; of names that are new, only as many as there is room for."""
    for name, count in more.items():
        if name in counts or len(counts) < most:
            counts[name] = counts.get(name, 0) + count
