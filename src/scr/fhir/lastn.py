"""The newest observations of each kind. https://hl7.org/fhir/R4/observation-operation-lastn.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scr.fhir.entry import Entry
from scr.fhir.headings import ADDED

_VOID = frozenset({"cancelled", "entered-in-error"})


def last_of_each(observations: Iterable[Entry], most: int, *, void: bool = False) -> list[Entry]:
    """Of those that share a code the ``most`` newest, kind by kind, the newest first in each.

    Two that have any coding in common are of one kind; one without a code is of its own, and so is what the
    person has measured at home, beside what professionals have. Those that were
    cancelled or entered in error count only where they are asked for (``void``): the last value is acted on.
    """
    ordered = sorted(observations, key=lambda one: (-(one.when or (0, 0))[0], one.reference))
    kinds = _kinds([one for one in ordered if void or one.status not in _VOID])
    return [one for kind in kinds for one in kind[:most]]


def _kinds(ordered: Sequence[Entry]) -> list[list[Entry]]:
    """The kinds, in the order of the newest of each."""
    first: dict[tuple[bool, str], int] = {}
    leads = list(range(len(ordered)))

    def lead(number: int) -> int:
        while leads[number] != number:
            leads[number] = number = leads[leads[number]]
        return number

    for number, entry in enumerate(ordered):
        for token in entry.codes:
            if not token.endswith("|"):
                one, other = sorted(
                    (lead(first.setdefault((entry.heading == ADDED, token), number)), lead(number))
                )
                leads[other] = one
    kinds: dict[int, list[Entry]] = {}
    for number, entry in enumerate(ordered):
        kinds.setdefault(lead(number), []).append(entry)
    return list(kinds.values())
