"""The ledger: for each source and each heading of the record, how it answered.

It goes into every answer as an OperationOutcome with ``search.mode = outcome``, coded from the
project's own code system, so that any FHIR client can read what is missing and why. What an actor's
role does not open is told as withheld, whether or not anything stands there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from scr.consent.sharing import Kind
from scr.fhir.canonical import HEADING_SYSTEM, LABEL_SYSTEM, LEDGER_EXTENSION, OUTCOME_SYSTEM
from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.identifiers import OdsCode
from scr.fhir.outcome import operation_outcome
from scr.fhir.person import ADDED_SOURCE
from scr.sources.protocol import Outcome, SourceResult

_NONE: frozenset[str] = frozenset()
_NONE_CLOSED: Mapping[str, frozenset[str]] = {}
_GOOD = frozenset({Outcome.ANSWERED, Outcome.EMPTY})

_SEVERITY: dict[Outcome, tuple[str, str]] = {
    Outcome.ANSWERED: ("information", "informational"),
    Outcome.EMPTY: ("information", "informational"),
    Outcome.WITHHELD: ("warning", "suppressed"),
    Outcome.LATE: ("warning", "timeout"),
    Outcome.DOWN: ("warning", "transient"),
    Outcome.STALE: ("warning", "incomplete"),
    Outcome.INCOMPLETE: ("warning", "incomplete"),
    Outcome.NOT_ASKED: ("warning", "incomplete"),
}

SENTENCES: dict[Outcome, str] = {
    Outcome.ANSWERED: "{name} answered.",
    Outcome.EMPTY: "{name} answered and holds nothing here.",
    Outcome.WITHHELD: "{name}: part of the record is withheld.",
    Outcome.LATE: "{name} did not answer in time: what it holds is missing here.",
    Outcome.DOWN: "{name} could not be reached or read: what it holds is missing here.",
    Outcome.STALE: "{name}: an older copy is shown.",
    Outcome.INCOMPLETE: "{name} answered in part: some of what it holds is missing here.",
    Outcome.NOT_ASKED: "{name} was not asked.",
}
"""What is told of a source that answered so."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One source: its outcome as a whole, and for each heading that it can contribute to."""

    result: SourceResult
    outcome: Outcome
    headings: Mapping[str, tuple[Outcome, int]]
    complete: bool
    alias: str = ""

    @property
    def source(self) -> str:
        """The source's ODS code, or what it is called where that is not to be told."""
        return self.alias or self.result.source.value

    @property
    def name(self) -> str:
        """The source's name, for people."""
        return self.alias.capitalize().replace("-", " ") or self.result.name

    @property
    def sentence(self) -> str:
        """What a person reads."""
        detail = "" if self.alias or self.outcome is Outcome.LATE else self.result.detail
        return f"{SENTENCES[self.outcome].format(name=self.name)} {detail}".rstrip()


@dataclass(frozen=True, slots=True)
class Ledger:
    """All lines; every source that may hold something has one.

    ``nameless``: the sources are numbered and not named, because who cares for the person would tell where
    they are. ``uncleared``: what is marked as confidential is withheld from this actor, if there is any.
    ``choices``: what the person's own choices that bind the actor are about, whatever there is. ``guarded``:
    from this actor even what nobody can classify is withheld, so that much may be.
    """

    lines: tuple[LedgerLine, ...]
    nameless: bool = False
    uncleared: bool = False
    choices: frozenset[Kind] = frozenset()
    guarded: bool = False

    @property
    def complete(self) -> bool:
        """Whether every source answered, for every heading that was asked about and may be seen."""
        return bool(self.lines) and all(line.complete for line in self.lines)

    def summary(self) -> str:
        """``3/4 answered; ZZN01=late``, for a header and a log line: no person in it."""
        good = sum(line.outcome in _GOOD for line in self.lines)
        rest = [f"{line.source}={line.outcome.value}" for line in self.told() if line.outcome not in _GOOD]
        return "; ".join([f"{good}/{len(self.lines)} answered", *rest])

    def resource(self) -> Resource:
        """The ledger as an OperationOutcome: one issue for each source and each outcome it gave."""
        issues = [issue for line in self.told() for issue in _issues(line)]
        if not issues:
            issues = [_issue_without_sources()]
        if self.nameless:
            issues.append(_issue_restricted())
        if self.uncleared:
            issues.append(_issue_uncleared())
        if self.choices:
            issues.append(_issue_choices(self.choices))
        return operation_outcome(issues)

    def told(self) -> list[LedgerLine]:
        """The lines as they are told."""
        if not self.nameless:
            return list(self.lines)
        return [replace(line, alias=f"source-{number}") for number, line in enumerate(self.lines, 1)]


def make_ledger(
    results: Sequence[SourceResult],
    sources: Mapping[str, frozenset[str]],
    permitted: Iterable[Entry],
    *,
    opened: frozenset[str],
    closed: Mapping[str, frozenset[str]] = _NONE_CLOSED,
    asked: frozenset[str] = frozenset(HEADINGS),
    objections: frozenset[OdsCode] = frozenset(),
    nameless: bool = False,
    uncleared: bool = False,
    choices: frozenset[Kind] = frozenset(),
    guarded: bool = False,
) -> Ledger:
    """The ledger of an answer.

    ``sources`` gives the headings that each source (by ODS code) can contribute to; ``permitted`` the
    entries that the actor may see; ``opened`` the headings that the actor's role opens; ``asked`` the
    headings that the question was about; ``closed`` those of ``opened`` that are closed to the actor of one
    source, whatever it holds; ``objections`` the sources that the person does not want shared,
    which are told as withheld whatever they hold; ``nameless``: name no source; ``uncleared``: say that
    what is marked as confidential is withheld; ``choices``: say what the person has chosen to withhold;
    ``guarded``: what is not classified is withheld too. A List is not counted: it repeats what it lists.
    """
    counts = Counter([(entry.source, entry.heading) for entry in permitted if entry.type != "List"])
    added = any(source == ADDED_SOURCE for source, _ in counts)  # else nobody is told whether there is any
    shown = [
        _withheld(result) if result.source in objections else result
        for result in results
        if added or result.source.value != ADDED_SOURCE
    ]
    lines = tuple(
        _line(result, sources, counts, opened - closed.get(result.source.value, _NONE), asked)
        for result in shown
    )
    return Ledger(lines, nameless, uncleared, choices, guarded)


def _withheld(result: SourceResult) -> SourceResult:
    return SourceResult(
        result.source,
        result.name,
        Outcome.WITHHELD,
        code="objection",
        detail="The person objects to sharing.",
    )


def _line(
    result: SourceResult,
    sources: Mapping[str, frozenset[str]],
    counts: Counter[tuple[str, str]],
    opened: frozenset[str],
    asked: frozenset[str],
) -> LedgerLine:
    ods = result.source.value
    held = {heading for source, heading in counts if source == ods}
    told_of = sources.get(ods, frozenset()) | held | (opened & frozenset(result.headings))
    headings = {
        heading: _heading(result, heading, counts[ods, heading], heading in opened)
        for heading in HEADINGS
        if heading in asked and heading != SUPPORTING and heading in told_of
    }
    outcome = result.outcome
    if outcome in _GOOD:
        told = {o for o, _ in headings.values()}
        if not told.isdisjoint({Outcome.NOT_ASKED, Outcome.LATE}):  # a feed is silent, or a part was late
            told.add(Outcome.INCOMPLETE)
        missing = [o for o in (Outcome.INCOMPLETE, Outcome.STALE) if o in told]
        anything = any(count for _, count in headings.values())
        outcome = missing[0] if missing else Outcome.ANSWERED if anything else Outcome.EMPTY
    complete = result.outcome in _GOOD and all(headings[h][0] in _GOOD for h in headings if h in opened)
    return LedgerLine(result, outcome, headings, complete)


def _heading(result: SourceResult, heading: str, count: int, opened: bool) -> tuple[Outcome, int]:
    if not opened:
        return (Outcome.WITHHELD, 0)
    if heading in result.headings:
        return (result.headings[heading], count)
    if result.outcome in _GOOD:
        return (Outcome.ANSWERED if count else Outcome.EMPTY, count)
    return (result.outcome, count)


def _issues(line: LedgerLine) -> list[Resource]:
    """One issue for each outcome among the headings, the source's own outcome first."""
    groups: dict[Outcome, list[tuple[str, int]]] = {line.outcome: []}
    for heading, (outcome, count) in line.headings.items():
        groups.setdefault(outcome, []).append((heading, count))
    return [_issue(line, outcome, headings) for outcome, headings in groups.items()]


def _issue(line: LedgerLine, outcome: Outcome, headings: list[tuple[str, int]]) -> Resource:
    severity, code = _SEVERITY[outcome]
    text = line.sentence if outcome is line.outcome else SENTENCES[outcome].format(name=line.name)
    extension: list[Resource] = [
        {"url": "source", "valueString": line.source},
        {"url": "outcome", "valueCode": outcome.value},
        {"url": "elapsedMilliseconds", "valueUnsignedInt": round(line.result.elapsed * 1000)},
        {"url": "ageSeconds", "valueUnsignedInt": round(_age(line.result, [name for name, _ in headings]))},
    ]
    if line.result.code and outcome is line.outcome:
        extension.append({"url": "reason", "valueCode": line.result.code})
    extension.extend(_heading_extension(heading, count) for heading, count in headings)
    return {
        "extension": [{"url": LEDGER_EXTENSION, "extension": extension}],
        "severity": severity,
        "code": code,
        "details": {"coding": [{"system": OUTCOME_SYSTEM, "code": outcome.value}], "text": text},
    }


def _age(result: SourceResult, headings: list[str]) -> float:
    """The age of what stands under these headings, of the oldest."""
    return max((result.ages.get(heading, result.age) for heading in headings), default=result.age)


@lru_cache(maxsize=4096)
def _heading_extension(heading: str, count: int) -> Resource:
    return {
        "url": "heading",
        "extension": [
            {"url": "code", "valueCoding": {"system": HEADING_SYSTEM, "code": heading}},
            {"url": "count", "valueUnsignedInt": count},
        ],
    }


def _issue_without_sources() -> Resource:
    return {
        "severity": "warning",
        "code": "incomplete",
        "details": {
            "coding": [{"system": OUTCOME_SYSTEM, "code": Outcome.NOT_ASKED.value}],
            "text": "No source is known that may hold something about this person.",
        },
    }


def _issue_uncleared() -> Resource:
    """The same words whether or not anything is withheld, so that they tell nothing of this person."""
    return {
        "severity": "information",
        "code": "informational",
        "details": {
            "coding": [{"system": LABEL_SYSTEM, "code": "withheld"}],
            "text": "What is marked as more confidential than your role may see is withheld, wherever there"
            " is any: no heading is known to be empty of it.",
        },
    }


_CHOICES: dict[Kind, str] = {
    "record": "the record but for exceptions",
    "source": "what some sources know",
    "category": "some parts of the record",
    "label": "what is marked as sensitive",
    "entry": "single entries",
    "dated": "what is of some time",
}


def _issue_choices(choices: frozenset[Kind]) -> Resource:
    """The same words whatever the record has of it."""
    kinds = [kind for kind in _CHOICES if kind in choices]
    what = "; ".join(_CHOICES[kind] for kind in kinds)
    return {
        "severity": "warning",
        "code": "suppressed",
        "details": {
            "coding": [{"system": OUTCOME_SYSTEM, "code": Outcome.WITHHELD.value}]
            + [{"system": OUTCOME_SYSTEM, "code": f"choice-{kind}"} for kind in kinds],
            "text": f"By the person's own choice, this is withheld from you, wherever there is any: {what}.",
        },
    }


def _issue_restricted() -> Resource:
    return {
        "severity": "warning",
        "code": "suppressed",
        "details": {
            "coding": [{"system": OUTCOME_SYSTEM, "code": Outcome.WITHHELD.value}],
            "text": "This person's whereabouts are restricted: "
            "only the clinical core is shown, and no source is named.",
        },
    }
