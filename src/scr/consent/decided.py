"""What was decided of one record a moment ago: the same actor asks about the same person again and again.

What is decided of an entry hangs on the entry and on the case, of which the time is no part: what the time
bears on (whose relationship lasts, which glass is open, which of the person's rules are in force) is worked
out anew for each request, and what comes of that stands in the case. So where the case is equal, so are the
decisions, and nothing has to be said to be out of date. The decision on the whole is made anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scr.consent.case import Case
from scr.consent.request import Decision
from scr.fhir.entry import Entry

MOST = 4
"""Cases kept of one record."""
LISTS = 16
"""Lists of entries kept of one case: one answer asks about half a dozen, its own and those it is made of."""
Key = tuple[str, str, str, tuple[str, ...], bool]
"""Source, type, heading and labels of an entry; and whether scopes with search parameters reach it."""


@dataclass(slots=True, eq=False)
class Decided:
    """What was decided in one case: of each kind of entry, of each source's headings, of lists of entries."""

    case: Case
    before: Before
    known: dict[Key, Decision] = field(default_factory=dict)
    permits: dict[Key, bool] = field(default_factory=dict)
    opened: dict[str, frozenset[str]] = field(default_factory=dict)
    lists: tuple[tuple[tuple[Entry, ...], list[Entry]], ...] = ()

    def keep(self, entries: tuple[Entry, ...], permitted: list[Entry]) -> None:
        """Keep which of these entries may be seen."""
        self.lists = ((entries, permitted), *self.lists[: LISTS - 1])
        self.before.made += 1


class Before:
    """The last cases of one record, and what was decided in them."""

    def __init__(self) -> None:
        self._cases: tuple[Decided, ...] = ()
        self.made = 0
        """How often a case, or a list of entries, was a new one."""

    def of(self, case: Case) -> Decided:
        """What was decided in a case that is equal but for its time; nothing yet in a new one."""
        for decided in self._cases:
            if decided.case.decides_as(case):
                return decided
        made = Decided(case, self)
        self._cases = (made, *self._cases[: MOST - 1])
        self.made += 1
        return made

    def kept(self) -> Iterator[Entry]:
        """Every entry that is kept for their sake, some more than once."""
        for decided in self._cases:
            for entries, _ in decided.lists:
                yield from entries
