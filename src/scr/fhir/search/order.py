"""The order of what a search found. https://hl7.org/fhir/R4/search.html#sort

What lacks a key comes last, whichever way round; ties go by type and id, so that the order is total and
pages can rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.search.amounts import amounts_of
from scr.fhir.search.candidate import Around, Candidate, Needs
from scr.fhir.search.compile import Context
from scr.fhir.search.head import head_dates, head_tokens
from scr.fhir.search.paths import taker
from scr.fhir.search.table import Parameter, parameters_of
from scr.fhir.search.texts import folded, strings_of
from scr.fhir.search.times import intervals_of
from scr.fhir.search.tokens import tokens_of

Key = Callable[[Candidate], Any]
"""What an entry is sorted by: all of one type, or None."""
_BY_TYPE_AND_ID = attrgetter("entry.reference")  # one string compares faster than two, and in the same order


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of an order, for each type that is searched; ``head`` for all types."""

    keys: Mapping[str, Key]
    descending: bool
    head: Callable[[Entry], Any] | None = None

    def __call__(self, one: Candidate) -> Any:
        if self.head is not None:
            return self.head(one.entry)
        key = self.keys.get(one.entry.type)
        return None if key is None else key(one)


def parse_sort(kinds: Sequence[str], value: str, context: Context) -> tuple[Sort, ...]:
    """``_sort``. Raises Invalid, naming it, where there is nothing to sort by under a name."""
    return tuple(
        _sort(kinds, part.removeprefix("-"), part.startswith("-"), context) for part in value.split(",")
    )


def _sort(kinds: Sequence[str], name: str, descending: bool, context: Context) -> Sort:
    found = {kind: parameters_of(kind).get(name) for kind in kinds}
    types = {None if one is None else one.type for one in found.values()}
    if len(types) != 1 or types & {None, "composite", "special"}:
        raise Invalid(
            f"cannot sort by {name[:40]!r}: it is no parameter of what is searched, or none with an order",
            code="bad-parameter",
            where="_sort",
        )
    keys = {kind: _key(kind, one, descending, context) for kind, one in found.items() if one is not None}
    return Sort(keys, descending)


def _key(kind: str, parameter: Parameter, descending: bool, context: Context) -> Key:
    if parameter.name == "_id":
        return lambda one: one.entry.id
    if parameter.type == "date" and (dates := head_dates(kind, parameter.name)) is not None:
        return lambda one: next((when[0] for when in dates(one.entry)), None)
    if parameter.type == "token" and (tokens := head_tokens(kind, parameter.name)) is not None:
        return lambda one: next(iter(tokens(one.entry)), None)
    take, read = taker(kind, parameter.paths, context.needs), _READ[parameter.type]
    choose = max if descending else min
    return lambda one: choose(read(take(one)), default=None)


def _references(values: Iterable[Any]) -> list[str]:
    texts = (value.get("reference") if type(value) is dict else value for value in values)
    return [text for text in texts if type(text) is str]


_READ: dict[str, Callable[[Iterable[Any]], list[Any]]] = {
    "token": tokens_of,
    "string": lambda values: [folded(text) for text in strings_of(values)],
    "uri": lambda values: [value for value in values if type(value) is str],
    "reference": _references,
    "date": lambda values: [when[0] for when in intervals_of(values)],
    "number": lambda values: [amount.low for amount in amounts_of(values)],
    "quantity": lambda values: [amount.low for amount in amounts_of(values)],
}
"""What is compared of each type of parameter; of several the least, or the greatest if it goes down."""


def ordered(found: Iterable[Candidate], sorts: Sequence[Sort]) -> list[Candidate]:
    """In the order of the keys."""
    order = sorted(found, key=_BY_TYPE_AND_ID)
    for sort in reversed(sorts):
        keyed = [(sort(one), one) for one in order]
        present = [pair for pair in keyed if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=sort.descending)
        order = [one for _, one in present] + [one for key, one in keyed if key is None]
    return order


_HEAD: dict[str, Callable[[Entry], str | int | None]] = {
    "date": lambda entry: entry.when[0] if entry.when else None,
    "_lastUpdated": lambda entry: entry.last_updated,
    "_id": lambda entry: entry.id,
    "code": lambda entry: entry.codes[0] if entry.codes else None,
    "status": lambda entry: entry.status,
    "category": lambda entry: entry.categories[0] if entry.categories else None,
}


def sort_entries(entries: Iterable[Entry], sort: Sequence[tuple[str, bool]] = ()) -> list[Entry]:
    """Entries of any types by keys of their heads, each with whether it goes down."""
    sorts = [Sort({}, descending, _HEAD[name]) for name, descending in sort]
    return [one.entry for one in ordered(Around(entries, Needs()).candidates, sorts)]
