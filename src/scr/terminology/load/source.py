"""What a loader hands over: a source that can be written, and what it is written with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from scr.errors import Invalid
from scr.terminology.load.lines import Fields, Table
from scr.terminology.load.package import Member
from scr.terminology.release.build import Builder
from scr.terminology.release.closure import Cycle


class Progress(Protocol):
    """Where the work is told of."""

    def step(self, what: str, total: int = 0) -> None:
        """A new piece of work begins; ``total`` bytes, if that is how it is measured."""

    def at(self, done: int) -> None:
        """So much of the piece is done."""


class Silent:
    """Tells nobody."""

    def step(self, what: str, total: int = 0) -> None:
        """Nothing."""

    def at(self, done: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Writing:
    """A source's part of a release in the making."""

    builder: Builder
    edition: int
    progress: Progress

    def follow(self, table: Table) -> Iterator[tuple[int, Fields]]:
        """The rows of a table, told of as they are read."""
        self.progress.step(table.member.base, table.member.size)
        return table.rows(self.progress.at)

    def close_hierarchy(self, system: int) -> None:
        """Work out what is below what. Raises Invalid for a concept that would be above itself."""
        self.progress.step("what is below what")
        try:
            self.builder.close_hierarchy(system)
        except Cycle as cycle:
            ring = " is a ".join(self.builder.code(number) for number in cycle.ring)
            raise Invalid(
                f"the hierarchy goes round: {ring}; the source is damaged, and its publisher has to mend it",
                code="bad-terminology",
            ) from None


@dataclass(frozen=True, slots=True)
class Source:
    """What was given, read as far as to know what it is.

    ``name`` is the edition: a later load of the same name takes its place. ``systems`` (addresses), ``maps``
    (names) and ``resources`` (type and address) are what it brings, and what therefore is not kept of others.
    ``write`` raises Invalid, naming file and line, for what cannot be used.
    """

    name: str
    format: str
    version: str
    members: tuple[Member, ...]
    write: Callable[[Writing], None]
    systems: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    resources: frozenset[tuple[str, str]] = frozenset()
