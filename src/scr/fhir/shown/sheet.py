"""A record by heading, in the order of the standard, the newest first: every entry on exactly one line.

Lines are made when they are asked for: of a long record a page shows some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.shown.line import Line
from scr.fhir.shown.parts import parts_of
from scr.fhir.shown.teller import Teller
from scr.fhir.shown.when import day_of

_LAST = {"List": 1, "Provenance": 1}
"""What explains other entries stands behind them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands on its own beneath it, the newest first."""

    heading: str
    roots: tuple[Entry, ...]

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.roots)


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a heading; ``next`` is where the following ones begin, None behind the last."""

    lines: tuple[Line, ...]
    start: int = 0
    next: int | None = None


class Sheet:
    """The entries of a record, to be shown."""

    def __init__(self, entries: Iterable[Entry], teller: Teller) -> None:
        listed = tuple(entries)
        self._teller = teller
        self._parts, inside = parts_of(listed, teller.parsed)
        by_heading: dict[str, list[Entry]] = {}
        for entry in listed:
            if entry.reference not in inside:
                by_heading.setdefault(entry.heading, []).append(entry)
        order = {name: number for number, name in enumerate(HEADINGS)}
        names = sorted(by_heading, key=lambda name: order.get(name, len(order)))
        self.sections = tuple(Section(name, tuple(sorted(by_heading[name], key=newest))) for name in names)

    def section(self, heading: str) -> Section:
        """What stands under a heading; without a line where nothing does."""
        return next((one for one in self.sections if one.heading == heading), Section(heading, ()))

    def page(self, section: Section, start: int = 0, most: int = 50) -> Page:
        """Lines from one on, until they take ``most`` rows; one at least."""
        lines: list[Line] = []
        rows = 0
        for number in range(max(start, 0), section.count):
            line = self.line(section.roots[number])
            if lines and rows + line.weight > most:
                return Page(tuple(lines), start, number)
            lines.append(line)
            rows += line.weight
        return Page(tuple(lines), start)

    def line(self, entry: Entry) -> Line:
        """The line of an entry, with those of its parts."""
        return self._teller.line(entry, [self.line(part) for part in self._parts.get(entry.reference, ())])

    def lines(self) -> Iterator[Line]:
        """All lines."""
        return (self.line(entry) for section in self.sections for entry in section.roots)


def newest(entry: Entry) -> tuple[int, int, int, str]:
    """Sorts entries: the newest first, those without a date behind, and last what explains others."""
    dated = bool(day_of(entry.when))
    at = entry.when[0] if entry.when and dated else 0
    return _LAST.get(entry.type, 0), 0 if dated else 1, -at, entry.reference
