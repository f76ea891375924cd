"""What a page says of the sources of a record: how each answered, and how old what it says is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from scr.broker.ledger import Ledger, LedgerLine
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import ADDED_SOURCE
from scr.fhir.shown.line import Beside, Told
from scr.fhir.shown.plain import Language
from scr.fhir.shown.when import ago_words
from scr.fhir.shown.words import heading_title
from scr.sources.protocol import Outcome, SourceResult

GOOD = frozenset({Outcome.ANSWERED, Outcome.EMPTY})
SILENT = frozenset({Outcome.LATE, Outcome.DOWN})


@dataclass(frozen=True, slots=True)
class SourceSaid:
    """One source: its name, how it answered (a code of ``Outcome``), how old its copy is in words, and the
    titles of the headings of which something is missing for the same reason."""

    name: str
    outcome: str
    age: str = ""
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerSaid:
    """How the sources answered. ``waiting`` are those that still may, ``waiting_count`` how many, where none
    may be named too. ``choices``: codes of what the person chose to withhold, whatever there is."""

    good: tuple[str, ...] = ()
    others: tuple[SourceSaid, ...] = ()
    waiting: tuple[str, ...] = ()
    waiting_count: int = 0
    nameless: bool = False
    uncleared: bool = False
    choices: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    """Titles of headings that are withheld from whoever looks, of some sources or all."""

    @property
    def total(self) -> int:
        """How many sources there are."""
        return len(self.good) + len({one.name for one in self.others}) + self.waiting_count

    @property
    def silent(self) -> tuple[str, ...]:
        """The names of those that did not answer."""
        return tuple(dict.fromkeys(one.name for one in self.others if one.outcome in SILENT))

    @property
    def is_whole(self) -> bool:
        """Whether every source answered, and nothing is said to be withheld."""
        return not (self.others or self.waiting_count or self.nameless or self.choices or self.withheld)


def ledger_said(ledger: Ledger, language: Language, *, plain: bool) -> LedgerSaid:
    """The ledger of an answer, for people."""
    good, others = [], list[SourceSaid]()
    withheld: dict[str, None] = {}
    for line in ledger.told():
        if line.result.source.value == ADDED_SOURCE:
            continue  # what the person added is no source that answers
        troubles = list(_troubles(line, language, plain))
        for one in troubles:
            if one.outcome == Outcome.WITHHELD and one.headings:
                withheld.update(dict.fromkeys(one.headings))
        troubles = [one for one in troubles if one.outcome != Outcome.WITHHELD or not one.headings]
        others += troubles
        if not troubles:
            good.append(line.name)
    return LedgerSaid(
        tuple(good),
        tuple(others),
        nameless=ledger.nameless,
        uncleared=ledger.uncleared,
        choices=tuple(sorted(ledger.choices)),
        withheld=tuple(withheld),
    )


def waiting_for(names: Iterable[str], *, nameless: bool) -> LedgerSaid:
    """That these sources still may answer."""
    waiting = tuple(names)
    return LedgerSaid(waiting=() if nameless else waiting, waiting_count=len(waiting), nameless=nameless)


def _troubles(line: LedgerLine, language: Language, plain: bool) -> Iterable[SourceSaid]:
    """One for each outcome that is not good; the headings, where it is not that of the whole source."""
    by_outcome: dict[Outcome, list[str]] = {}
    for heading, (outcome, _) in line.headings.items():
        if outcome not in GOOD:
            by_outcome.setdefault(outcome, []).append(heading)
    if line.outcome not in GOOD and not by_outcome:
        by_outcome[line.outcome] = []
    for outcome, headings in by_outcome.items():
        whole = len(headings) == len(line.headings)
        titles = () if whole else tuple(heading_title(one, language, plain=plain) for one in headings)
        age = max((line.result.ages.get(one, line.result.age) for one in headings), default=line.result.age)
        stale = ago_words(round(age * 1000), language) if outcome is Outcome.STALE else ""
        yield SourceSaid(line.name, outcome.value, stale, titles)


def beside_of(
    ledger: Ledger, asked: Collection[OdsCode], now: int, disputed: Mapping[str, str] | None = None
) -> Beside:
    """What stands beside the entries. ``asked``: the sources that can be asked live. ``now`` is ms UTC."""
    sources: dict[str, Told] = {}
    for line in ledger.lines:
        result = line.result
        sources[result.source.value] = _told(line.name, result, None, asked, now)
        for heading in line.headings:
            if heading in result.ages or heading in result.headings:
                sources[f"{result.source.value}/{heading}"] = _told(line.name, result, heading, asked, now)
    return Beside(sources, disputed or {}, ledger.nameless)


def early_beside(
    results: Iterable[SourceResult], asked: Collection[OdsCode], now: int, nameless: bool
) -> Beside:
    """The same before all sources have answered."""
    sources = {one.source.value: _told(one.name, one, None, asked, now) for one in results}
    return Beside(sources, {}, nameless)


def _told(name: str, result: SourceResult, heading: str | None, asked: Collection[OdsCode], now: int) -> Told:
    outcome, age = result.outcome, result.age
    if heading is not None:
        outcome, age = result.headings.get(heading, outcome), result.ages.get(heading, age)
    milliseconds = round(age * 1000)
    if outcome is Outcome.STALE:
        return Told(name, kept=milliseconds)
    return Told(name, asked=now - milliseconds) if result.source in asked else Told(name)
