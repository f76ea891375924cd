"""Results of one kind over time: what can be drawn as one chart.

Two results are of one series where what they measured has the same code, and units that are one and the
same or differ by a power of ten alone. Anything else stays apart: to convert further is to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import ADDED
from scr.fhir.shown.plain import Language, PlainWords
from scr.fhir.shown.reading import concept_text, dict_of, list_of, text_of, tokens_of
from scr.fhir.shown.value import bounds_of, unit_words
from scr.fhir.shown.when import date_words, day_of

_VOID = frozenset({"entered-in-error", "cancelled", "preliminary", "registered", "unknown"})
_MOST_POINTS = 60
_SHARED = ("http://snomed.info/sct|", "http://loinc.org|", "http://read.info/")
_DAY = 86_400_000
_POWERS = {"g/dl": ("g/l", 10.0), "g/l": ("g/l", 1.0), "µmol/l": ("mmol/l", 0.001), "mmol/l": ("mmol/l", 1.0)}


@dataclass(frozen=True, slots=True)
class Point:
    """One result: when (ms UTC) and in words, its number and as it is told, and whose it is."""

    at: int
    when: str
    number: float
    text: str
    reference: str
    source: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What is drawn as one line. ``low`` and ``high`` are the range that the newest result has."""

    name: str
    points: tuple[Point, ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A chart's worth of results. ``own``: measured by the person, and never among those of professionals."""

    key: str
    heading: str
    title: str
    plain: str
    unit: str
    traces: tuple[Trace, ...]
    own: bool = False

    @property
    def last(self) -> int:
        """When the newest is."""
        return max(point.at for trace in self.traces for point in trace.points)


@dataclass(frozen=True, slots=True)
class _One:
    key: tuple[str, str, bool]
    trace: str
    unit: str
    point: Point
    low: float | None
    high: float | None
    title: str
    plain: str
    heading: str


def series_of(
    entries: Iterable[Entry],
    parsed: Callable[[Entry], Resource],
    plain: PlainWords,
    language: Language = "en",
    *,
    least: int = 2,
) -> list[Series]:
    """The series of at least so many points, the one with the newest result first.

    ``parsed`` gives the resource of an entry.
    """
    found: dict[tuple[str, str, bool], list[_One]] = {}
    for entry in entries:
        if entry.type == "Observation" and entry.status not in _VOID and day_of(entry.when):
            for one in _measured(entry, parsed(entry), plain, language):
                found.setdefault(one.key, []).append(one)
    made = [_series(key, ones) for key, ones in found.items()]
    enough = [one for one in made if any(len(trace.points) >= least for trace in one.traces)]
    return sorted(enough, key=lambda one: (-one.last, one.key))


def _measured(entry: Entry, resource: Resource, plain: PlainWords, language: Language) -> Iterator[_One]:
    """The numbers of an Observation: its own, or those of its components, which are traces of one chart."""
    code = resource.get("code")
    tokens, title = tokens_of(code), concept_text(code)
    words = plain.of(tokens, language)
    components = [dict_of(one) for one in list_of(resource.get("component"))]
    for told in [resource, *components]:
        quantity = dict_of(told.get("valueQuantity"))
        number = quantity.get("value")
        if not isinstance(number, (int, float)) or isinstance(number, bool) or quantity.get("comparator"):
            continue
        unit, scale = _comparable(quantity)
        inner = None if told is resource else dict_of(told.get("code"))
        name = concept_text(inner)
        trace = _kind(tokens_of(inner)) or name
        key = (_kind(tokens) or title, unit, entry.heading == ADDED)
        if not key[0] or (inner is not None and not trace):
            continue
        assert entry.when is not None  # the caller asked for a day
        low, high = _range(told, quantity, scale)
        point = Point(
            entry.when[0],
            date_words(_date(resource), language) or day_of(entry.when),
            number * scale,
            text_of(number),
            entry.reference,
            entry.source,
        )
        shown = "" if inner is None else f"{trace}\x1f{plain.of(tokens_of(inner), language) or name}"
        yield _One(key, shown, unit_words(quantity), point, low, high, title, words, entry.heading)


def _kind(tokens: Sequence[str]) -> str:
    """The code that tells what was measured: one that sources share goes before a laboratory's own."""
    return next(
        (one for system in _SHARED for one in tokens if one.startswith(system)), next(iter(tokens), "")
    )


def _date(resource: Resource) -> object:
    for name in ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming", "issued"):
        if name in resource:
            return resource[name]
    return None


def _series(key: tuple[str, str, bool], ones: Sequence[_One]) -> Series:
    newest = max(ones, key=lambda one: (one.point.at, one.point.reference))
    by_trace: dict[str, list[_One]] = {}
    for one in ones:
        by_trace.setdefault(one.trace, []).append(one)
    traces = tuple(_trace(name, some, newest.unit) for name, some in by_trace.items())
    return Series(
        "|".join((key[0], key[1], "own" if key[2] else "")),
        newest.heading,
        newest.title,
        newest.plain,
        newest.unit,
        traces,
        key[2],
    )


def _trace(name: str, ones: Sequence[_One], unit: str) -> Trace:
    """The newest of one kind, in the order of time; each number in the unit of the newest of all. What two
    sources tell of one day in the same words is one point."""
    once = {(one.point.at // _DAY, one.point.number): one for one in ones}
    ordered = sorted(once.values(), key=lambda one: (one.point.at, one.point.reference))[-_MOST_POINTS:]
    newest = ordered[-1]
    back = _comparable({"unit": unit})[1]
    points = tuple(
        replace(one.point, number=one.point.number / back, text=f"{round(one.point.number / back, 6):g}")
        for one in ordered
    )
    low, high = (None if one is None else one / back for one in (newest.low, newest.high))
    return Trace(name.partition("\x1f")[2], points, low, high)


def _range(told: Resource, quantity: Resource, scale: float) -> tuple[float | None, float | None]:
    """The only range, in the unit of the value."""
    ranges = list_of(told.get("referenceRange"))
    if len(ranges) != 1:
        return None, None
    low, high = bounds_of(dict_of(ranges[0]), quantity)
    return None if low is None else low * scale, None if high is None else high * scale


def _comparable(quantity: Resource) -> tuple[str, float]:
    """A unit for comparison, and by how much a number of it is to be multiplied."""
    unit = unit_words(quantity).lower().replace("μ", "µ").replace("umol", "µmol").replace(" ", "")
    return _POWERS.get(unit, (unit, 1.0))
