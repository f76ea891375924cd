"""What is counted of each unit in service: how many, and what of them was not carried. Never a value.

A count is known by its kind and a name:

    unit      filed, or the code of why it was not: it is in quarantine, or there was nothing to file in it
    resource  the resource type
    field     a field of the source that nothing reads
    code      the map that has no row for a code
    unread    ``field: function`` of a value that could not be read
    late      the resource came after a newer word on it, and is not shown
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from scr.mapping.run import Mapped

FILED = "filed"
MOST_NAMES = 300
"""So many names are told apart at once: a source may use what it likes as the name of a field."""

_LONGEST = 200
_NUMBER = re.compile(r"\d(?:[ -]?\d){5,}")


class Counted(NamedTuple):
    """What a count is of."""

    kind: str
    name: str


def filed(mapped: Mapped) -> list[Counted]:
    """What a unit that was filed, or answered with, adds to the counts."""
    return [
        Counted("unit", FILED),
        *(Counted("resource", entry.type) for entry in mapped.entries),
        *(Counted("field", plain(name)) for name in mapped.lost),
        *(Counted("code", unmapped.map) for unmapped in mapped.unmapped_codes),
        *(Counted("unread", plain(what)) for what in mapped.unread),
    ]


def late(count: int) -> list[Counted]:
    """What a unit adds of whose resources some were told anew before it came."""
    return [Counted("late", "came after a newer word")] * count


def refused(code: str) -> list[Counted]:
    """What a unit that was not filed adds."""
    return [Counted("unit", code)]


def bounded(counts: Counter[Counted]) -> Counter[Counted]:
    """The counts with the rarest names of a kind put together, where there are too many."""
    if len(counts) <= MOST_NAMES:
        return counts
    kept = Counter(dict(counts.most_common(MOST_NAMES)))
    for counted, count in counts.items() - kept.items():
        kept[Counted(counted.kind, "(others)")] += count
    return kept


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """A field's name, without a number that could be somebody's."""
    return _NUMBER.sub("#", name)[:_LONGEST]
