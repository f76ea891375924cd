"""What is wanted of a whole record: the parameters of ``$everything``.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from dataclasses import dataclass

from scr.errors import Invalid
from scr.fhir.dates import interval
from scr.fhir.entry import Entry
from scr.fhir.headings import DEMOGRAPHICS, SUPPORTING
from scr.fhir.reconciled import MADE_TYPES
from scr.fhir.search import Pairs, check_format, check_pretty, once, parse_count, parse_types

_ONCE = frozenset({"_count", "_format", "_pretty", "start", "end"})
_NO_CARE = frozenset({DEMOGRAPHICS, SUPPORTING})


@dataclass(frozen=True, slots=True)
class Wish:
    """Which types (all: None), changed since when (ms UTC), in pages of how many (one page: None), and
    whether with what is made of the originals. ``start`` and ``end``: of care that was given from one day up
    to another (ms UTC, the second excluded): what has no such date stays, and so does who and where."""

    kinds: frozenset[str] | None = None
    since: int | None = None
    count: int | None = None
    reconciled: bool = True
    start: int | None = None
    end: int | None = None

    @property
    def whole(self) -> bool:
        """Whether all that may be seen of the originals is wanted."""
        return {self.kinds, self.since, self.start, self.end} == {None}

    @property
    def made(self) -> bool:
        """Whether anything is wanted that is made of the originals."""
        return self.reconciled and (self.kinds is None or not MADE_TYPES.isdisjoint(self.kinds))

    def wants(self, entry: Entry) -> bool:
        """Whether an entry is among what is wanted."""
        return (
            (self.kinds is None or entry.type in self.kinds)
            and (self.since is None or entry.last_updated >= self.since)
            and (entry.when is None or entry.heading in _NO_CARE or self._in_range(*entry.when))
        )

    def _in_range(self, low: int, high: int) -> bool:
        """Whether care from one time up to another was given, in part, in the range that is wanted."""
        return (self.start is None or high > self.start) and (self.end is None or low < self.end)


def wish_of(pairs: Pairs) -> Wish:
    """What the parameters say. Raises Invalid for one that is not known, or says nothing that can be read."""
    reconciled, rest = reconciled_of(pairs)
    kinds: frozenset[str] | None = None
    since: int | None = None
    count: int | None = None
    dates: dict[str, int] = {}
    for name, value in once(rest, _ONCE):
        if name == "_type":
            named = frozenset(parse_types(value))
            kinds = named if kinds is None else kinds | named  # of any of them, as the operation says
        elif name == "_since":
            at = _when(name, value)[0]
            since = at if since is None else max(since, at)
        elif name in {"start", "end"}:
            dates[name] = _when(name, value)[name == "end"]
        elif name == "_count":
            count = parse_count(value)
        elif name == "_format":
            check_format(value)
        elif name == "_pretty":
            check_pretty(value)
        else:
            known = "_type, _since, start, end, _count, _reconciled"
            raise Invalid(
                f"not a parameter of $everything here; known: {known}",
                code="unknown-parameter",
                where=name[:40],
            )
    return Wish(kinds, since, count, reconciled, **dates)


def reconciled_of(pairs: Pairs) -> tuple[bool, Pairs]:
    """Whether what is made of the originals is wanted (``_reconciled``, true where it is not said), and the
    other parameters."""
    said = [value for name, value in pairs if name == "_reconciled"]
    if len(said) > 1 or not {"true", "false"}.issuperset(said):
        raise Invalid("give true or false, once", code="bad-parameter", where="_reconciled")
    return said != ["false"], [pair for pair in pairs if pair[0] != "_reconciled"]


def _when(name: str, value: str) -> tuple[int, int]:
    read = interval(value.replace(" ", "+"))
    if read is None:
        raise Invalid(
            "must be a date or an instant, such as 2026-01-31T09:30:00Z", code="bad-parameter", where=name
        )
    return read
