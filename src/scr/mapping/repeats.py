"""What the rows of a table said already, so that the same again is not mapped again.

A file has many rows about one person, each with all that is known of them. A rule whose columns hold what
they held in the row before gives the same resources, as the same objects; and what was made of a resource
before, for the same person, is made of it again. It is asked by whoever maps one row after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from scr.decode.tree import Tree
from scr.fhir.entry import Entry, Resource
from scr.mapping.functions import Notes, UnmappedCode
from scr.mapping.meaning import Untranslated

Columns = Callable[[Tree], object]
"""Gives what stands in some columns of a row, to be compared."""

_PEOPLE = 8
"""A row's person is asked for when the next person's first row was met already."""


def columns(names: Sequence[str]) -> Columns:
    """The reader of columns that every row has."""
    return itemgetter(*names) if names else lambda _: ()


class Made(NamedTuple):
    """What was made of one resource: its entry, and the codes of it that have no national one."""

    entry: Entry
    untranslated: Sequence[Untranslated]


class _Said(NamedTuple):
    """What a rule gave, with its notes, and what stood in its columns."""

    values: object
    resources: list[Resource]
    unmapped: list[UnmappedCode]
    unread: list[str]


@dataclass(slots=True)
class Repeats:
    """The memory of one adapter's rows, taken one after another. Not for several threads at once."""

    _rules: dict[int, _Said] = field(default_factory=dict)
    _whose: dict[object, Any] = field(default_factory=dict)
    _for: object = None
    _made: dict[int, tuple[Resource, Made]] = field(default_factory=dict)

    def rule(
        self, number: int, values: object, notes: Notes, render: Callable[[], list[Resource]]
    ) -> list[Resource]:
        """What a rule gives for a row: what it gave for the last, where its columns say the same."""
        said = self._rules.get(number)
        if said is None or said.values != values:
            unmapped, unread = len(notes.unmapped), len(notes.unread)
            made = render()
            said = _Said(values, made, notes.unmapped[unmapped:], notes.unread[unread:])
            self._rules[number] = said
        else:
            notes.unmapped += said.unmapped
            notes.unread += said.unread
        return said.resources

    def whose(self, values: object, read: Callable[[], Any]) -> Any:
        """What is read of whose a row is: the same object, where its columns say the same."""
        known = self._whose.get(values)
        if known is None:
            if len(self._whose) >= _PEOPLE:
                self._whose.clear()
            known = self._whose[values] = read()
        return known

    def made(self, resource: Resource) -> Made | None:
        """What was made of this very resource before."""
        known = self._made.get(id(resource))
        return None if known is None else known[1]

    def keep(self, resource: Resource, made: Made) -> Made:
        """Remember what was made of a resource; it is held, so that no other one can be taken for it."""
        self._made[id(resource)] = (resource, made)
        return made

    def begin(self, of: object) -> None:
        """The next resources are of this person and moment: what was made for another is forgotten."""
        if of != self._for:
            self._made.clear()
            self._for = of

    def forget(self) -> None:
        """What was made of one resource depends on what stands beside it: make all of them anew."""
        self._made.clear()
