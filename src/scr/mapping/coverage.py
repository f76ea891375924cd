"""How much of what a source sends is accounted for: the fields that held a value, by what became of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from scr.mapping.account import Status

MOST = 2000
"""So many fields are told apart."""


class Coverage(msgspec.Struct):
    """The names of fields that held a value. One that is unmapped for one adapter's version stays so."""

    mapped: set[str] = msgspec.field(default_factory=set)
    ignored: set[str] = msgspec.field(default_factory=set)
    unmapped: set[str] = msgspec.field(default_factory=set)

    def note(self, names: Iterable[tuple[str, Status]]) -> None:
        """Note what became of some fields."""
        known = {"mapped": self.mapped, "ignored": self.ignored, "unmapped": self.unmapped}
        for name, status in names:
            if name not in known[status] and self.total < MOST:
                known[status].add(name)

    def add(self, other: Coverage) -> None:
        """Take in what was noted elsewhere."""
        self.unmapped |= other.unmapped
        self.ignored = (self.ignored | other.ignored) - self.unmapped
        self.mapped = (self.mapped | other.mapped) - self.unmapped - self.ignored

    @property
    def total(self) -> int:
        """How many fields held a value."""
        return len(self.mapped) + len(self.ignored) + len(self.unmapped)

    @property
    def share(self) -> float:
        """Mapped and ignored fields over all that held a value, from 0 to 1: what ``adapters try`` prints."""
        return 1 - len(self.unmapped) / self.total if self.total else 1.0
