"""One record as a page shows it: by heading, what holds now, where sources disagree, charts, a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from scr.api.pages.sheet.told import LedgerSaid
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.shown.chart import chart_svg
from scr.fhir.shown.line import Beside, Line
from scr.fhir.shown.made import Differing, Listed, differing_of, is_made, lists_of
from scr.fhir.shown.plain import Language, PlainWords
from scr.fhir.shown.series import Series, series_of
from scr.fhir.shown.sheet import Page, Section, Sheet
from scr.fhir.shown.teller import Teller
from scr.fhir.shown.timeline import by_year, events_of
from scr.fhir.shown.words import heading_title

FEW = 5
"""How many lines of a heading the first page has."""
ROWS = 60
"""How many rows a page of one heading has, about."""
PRINTED = 150
CHARTS = 6
EVENTS = 80
_FIRST = ("risks", "allergies", "medications", "problems")


@dataclass(frozen=True, slots=True)
class Current:
    """A list of what holds now: its lines, each with the lines that say the same."""

    title: str
    state: str
    lines: tuple[tuple[Line, tuple[Line, ...]], ...]
    more: int = 0

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Against:
    """A disagreement, with the lines of the entries that it is between."""

    differing: Differing
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SectionShown:
    """A heading on a page. ``state``: complete, incomplete, none; empty where it is not told."""

    heading: str
    title: str
    state: str
    count: int
    page: Page
    currents: tuple[Current, ...] = ()
    against: tuple[Against, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart: its series, its drawing."""

    series: Series
    svg: Markup
    anchor: str


@dataclass(frozen=True, slots=True)
class YearShown:
    """A year of the timeline."""

    year: str
    lines: tuple[Line, ...]


class View:
    """A record that somebody opened, as a page shows it to them."""

    def __init__(
        self,
        entries: Sequence[Entry],
        ledger: LedgerSaid,
        beside: Beside,
        states: Mapping[str, str],
        plain: PlainWords,
        language: Language,
        *,
        for_person: bool,
        now: int,
    ) -> None:
        """``entries`` are permitted ones, with what was made of them. ``states`` of the headings that may be
        told of. ``for_person``: in plain words first. ``now`` is ms UTC."""
        self.ledger = ledger
        self.language: Language = language
        self.for_person = for_person
        self._states = states
        self._plain = plain
        self._given = [one for one in entries if not is_made(one)]
        self._made = [one for one in entries if is_made(one)]
        self._teller = Teller(self._given, plain, language, beside=beside, now=now)
        self._by_reference = {one.reference: one for one in self._given}

    @cached_property
    def sheet(self) -> Sheet:
        """The entries by heading."""
        return Sheet(self._given, self._teller)

    @cached_property
    def _lists(self) -> Mapping[str, list[Listed]]:
        found: dict[str, list[Listed]] = {}
        for one in lists_of(self._made):
            found.setdefault(one.heading, []).append(one)
        return found

    @cached_property
    def differing(self) -> list[Differing]:
        """Where sources disagree."""
        return differing_of(self._made)

    def title(self, heading: str) -> str:
        """What a heading is called to whoever looks."""
        return heading_title(heading, self.language, plain=self.for_person)

    def overview(self) -> list[SectionShown]:
        """Every heading of which something may be told, each with its newest lines; people and places, which
        explain the others, stand on their own page."""
        return [self._shown(self.sheet.section(one), 0, FEW) for one in self._names if one != SUPPORTING]

    def heading(self, heading: str, start: int = 0) -> SectionShown:
        """A page of one heading."""
        return self._shown(self.sheet.section(heading), start, ROWS)

    def all(self) -> list[SectionShown]:
        """The whole record."""
        return [self._shown(self.sheet.section(one), 0, 1_000_000) for one in self._names]

    def printed(self, start: int = 0, most: int = PRINTED) -> tuple[list[SectionShown], int | None]:
        """A part of the whole record that takes ``most`` rows at most, or is one line, from a line on; and
        where the next begins, None behind the last."""
        found: list[SectionShown] = []
        passed = 0
        for heading in self._names:
            section = self.sheet.section(heading)
            begin = max(0, start - passed)
            if begin < section.count or (not section.count and passed >= start):
                left = most - sum(line.weight for one in found for line in one.page.lines)
                if left <= 0:
                    return found, passed + begin
                shown = self._shown(section, begin, left)
                found.append(shown)
                if shown.page.next is not None:
                    return found, passed + shown.page.next
            passed += section.count
        return found, None

    @property
    def _names(self) -> list[str]:
        """The headings of which something may be told: those that harm comes of first, since a page is read
        from its top and has the person's name there anyway."""
        there = {one.heading for one in self.sheet.sections}
        ordered = [*_FIRST, *(one for one in HEADINGS if one not in _FIRST)]
        return [one for one in ordered if one in there or one in self._states]

    def _shown(self, section: Section, start: int, most: int) -> SectionShown:
        few = most == FEW
        currents = tuple(
            self._current(one, FEW if few else most)
            for one in self._lists.get(section.heading, ())
            if start == 0
        )
        against = tuple(
            Against(one, tuple(self._lines(one.between)))
            for one in self.differing
            if one.heading == section.heading and start == 0
        )
        listed = few and any(one.lines for one in currents)
        page = Page(()) if listed else self.sheet.page(section, start, most)
        return SectionShown(
            section.heading,
            self.title(section.heading),
            self._states.get(section.heading, ""),
            section.count,
            page,
            currents,
            against,
        )

    def _current(self, listed: Listed, most: int) -> Current:
        lines = []
        for reference, same in listed.items[:most]:
            found = list(self._lines([reference]))
            if found:
                lines.append((found[0], tuple(self._lines(same))))
        return Current(listed.title, listed.state, tuple(lines), max(0, len(listed.items) - most))

    def _lines(self, references: Iterable[str]) -> Iterable[Line]:
        for reference in references:
            entry = self._by_reference.get(reference)
            if entry is not None:
                yield self.sheet.line(entry)

    def line(self, reference: str) -> Line | None:
        """The line of one entry; None where it is not there, or may not be seen."""
        return next(iter(self._lines([reference])), None)

    def lines(self, entries: Iterable[Entry]) -> list[Line]:
        """The lines of some entries, in their order."""
        return list(self._lines(one.reference for one in entries if not is_made(one)))

    @cached_property
    def series(self) -> list[Series]:
        """The series of results that can be drawn, the one with the newest result first."""
        return series_of(self._given, self._teller.parsed, self._plain, self.language)

    def charts(self, start: int = 0, most: int = CHARTS) -> list[Drawn]:
        """Some charts."""
        return [
            self._drawn(one, start + number) for number, one in enumerate(self.series[start : start + most])
        ]

    def _drawn(self, series: Series, number: int) -> Drawn:
        title = series.plain if self.for_person and series.plain else series.title
        points = sorted((point for trace in series.traces for point in trace.points), key=lambda one: one.at)
        start, end = points[0].when.partition(",")[0], points[-1].when.partition(",")[0]
        label = f"{title}, {series.unit}: {start} – {end}" if series.unit else f"{title}: {start} – {end}"
        drawn = chart_svg(series, label, start=start, end="" if end == start else end)
        return Drawn(series, Markup(drawn), f"chart-{number}")  # noqa: S704 - every text in it is escaped

    @cached_property
    def events(self) -> list[Entry]:
        """What happened, the newest first."""
        return events_of(self._given)

    def timeline(self, start: int = 0, most: int = EVENTS) -> list[YearShown]:
        """Some of what happened, by year."""
        return [
            YearShown(one.year, tuple(self._teller.line(entry) for entry in one.events))
            for one in by_year(self.events[start : start + most])
        ]
