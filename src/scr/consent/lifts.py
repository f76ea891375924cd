"""Labels that are wrong: a human has looked, and says that one is not to stand where the program put it.

Pure. A lift names one label, and what it is lifted from: one entry, or whatever of the person's record says
a code. The entries that it reaches have the label no more, and pass it on no more. Nothing else of an entry
is touched by it, and what another entry brings comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from scr.consent.label_policy import SOURCE_RESTRICTED, SOURCE_VERY_RESTRICTED, UNCLASSIFIED, LabelPolicy
from scr.errors import Invalid
from scr.fhir.coded import codes_of
from scr.fhir.entry import Entry

_ENTRY = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}", re.ASCII)
_CODE = re.compile(r"[^\s|]+\|[^\s|]+")


class Lift(Struct, frozen=True, array_like=True):
    """One label, lifted ``of`` an entry (``Type/id``) or of what says a code (``system|code``).

    ``at`` and ``ended`` are milliseconds UTC; ``ended`` is 0 while it holds. ``by`` and ``ended_by`` are full
    names. The reasons may tell of the person: they are sealed with the record, and stay when it is over.
    """

    label: str
    of: str
    by: str
    reason: str
    at: int
    ended: int = 0
    ended_by: str = ""
    ended_reason: str = ""


def in_force(lifts: Iterable[Lift]) -> tuple[Lift, ...]:
    """Those that nobody has put back."""
    return tuple(lift for lift in lifts if not lift.ended)


def lifted_on(entry: Entry, lifts: Sequence[Lift]) -> frozenset[str]:
    """The labels that an entry is not to have."""
    if not lifts:
        return frozenset()
    names = {entry.reference}
    if any("|" in lift.of for lift in lifts):
        names |= codes_of(entry)
    return frozenset(lift.label for lift in lifts if lift.of in names)


def check_lift(policy: LabelPolicy, label: str, of: str) -> None:
    """Whether a label may be lifted from something. Raises Invalid.

    What a source has marked is the source's to take back, and what a law keeps back is corrected where it
    was written.
    """
    found = policy.labels.get(label)
    if found is None and label != UNCLASSIFIED:
        raise Invalid(f"there is no label {label!r}: see `scr consent labels`", code="no-such-label")
    if label in (SOURCE_RESTRICTED, SOURCE_VERY_RESTRICTED):
        raise Invalid("the source has marked it: it is to be corrected there", code="source-marked")
    if found is not None and found.bar:
        raise Invalid(
            "a law keeps back what has this label: it is to be corrected at its source", code="legal-bar"
        )
    if not _ENTRY.fullmatch(of) and not _CODE.fullmatch(of):
        raise Invalid("say of what: an entry (Condition/ID) or a code (SYSTEM|CODE)", code="bad-lift")
