"""Redactions of one record that were made a moment ago: the same is asked again with every look.

What is left of a record hangs on its permitted entries, on what may be referred to beside them, and on what
was decided of each contained resource. Where all of these are as they were, so is what is left: nothing has
to be said to be out of date. Whether a decision still holds is for ``scr.consent`` to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scr.fhir.entry import Entry
from scr.fhir.redact import Permits, redacted

MOST = 4
"""Redactions kept of one record: a handful of roles look at it, and at what is made of it."""


@dataclass(frozen=True, slots=True)
class _Made:
    entries: list[Entry]
    beside: frozenset[str]
    named: list[Entry]
    decided: list[tuple[Entry, bool]]
    left: list[Entry]

    def holds(
        self, entries: Sequence[Entry], beside: frozenset[str], named: Sequence[Entry], permits: Permits
    ) -> bool:
        """Whether it is what these come to."""
        return (
            self.entries == entries
            and self.named == named
            and self.beside == beside
            and all(permits(part) is answer for part, answer in self.decided)
        )


class Redactions:
    """The last redactions of one record."""

    def __init__(self) -> None:
        self._made: tuple[_Made, ...] = ()
        self.made = 0
        """How often one was made anew."""

    def redacted(
        self, entries: list[Entry], beside: frozenset[str], named: list[Entry], permits: Permits
    ) -> list[Entry]:
        """As ``redacted`` gives it, with ``named`` beside what is: entries that may be referred to too."""
        for made in self._made:
            if made.holds(entries, beside, named, permits):
                return list(made.left)
        decided: list[tuple[Entry, bool]] = []

        def noted(part: Entry) -> bool:
            decided.append((part, permits(part)))
            return decided[-1][1]

        left = redacted(entries, beside.union(entry.reference for entry in named), noted)
        self.made += 1
        self._made = (_Made(list(entries), beside, list(named), decided, left), *self._made[: MOST - 1])
        return list(left)

    def kept(self) -> Iterator[Entry]:
        """Every entry that is kept for their sake, some more than once."""
        for made in self._made:
            yield from made.entries
            yield from made.named
            yield from made.left
