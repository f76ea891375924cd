"""What is new to somebody since they last looked: two times of one record, as they were allowed to see it.

Only what was shown and what is shown is compared. What came to be permitted is new; what came to be withheld
is not shown any more, and so is what its source took away: nobody can tell one from the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scr.broker.ledger import Ledger
from scr.fhir.entry import Entry
from scr.store.last_look import LastLook, Shown


@dataclass(frozen=True, slots=True)
class Changes:
    """Entries that are new or have changed, references of those not shown any more, and the names of the
    sources that were missing then and have answered now. ``since``: ms UTC, None where nobody had looked."""

    since: int | None
    new: tuple[Entry, ...]
    changed: tuple[Entry, ...] = ()
    gone: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


def shown_of(entries: Sequence[Entry], ledger: Ledger) -> Shown:
    """What is to be kept of a look that shows all these."""
    return Shown(
        {entry.reference: (entry.version, entry.source) for entry in entries},
        tuple(sorted(missing_in(ledger))),
    )


def changes(last: LastLook | None, entries: Sequence[Entry], ledger: Ledger) -> Changes:
    """What these entries are to whoever had the last look.

    What a source gave that is missing now, or of which a part is, is not said to be gone: that is not known,
    and the ledger says that it is missing.
    """
    if last is None:
        return Changes(None, tuple(entries))
    before = last.shown.entries
    missing = missing_in(ledger)
    now = {entry.reference for entry in entries}
    return Changes(
        since=last.at,
        new=tuple(one for one in entries if one.reference not in before),
        changed=tuple(
            one for one in entries if one.reference in before and before[one.reference][0] != one.version
        ),
        gone=tuple(
            sorted(name for name, (_, source) in before.items() if name not in now and source not in missing)
        ),
        back=() if ledger.nameless else _back(last.shown, ledger, missing),
    )


def _back(shown: Shown, ledger: Ledger, missing: frozenset[str]) -> tuple[str, ...]:
    back = set(shown.missing) - missing
    return tuple(line.name for line in ledger.lines if line.result.source.value in back)


def missing_in(ledger: Ledger) -> frozenset[str]:
    """The sources of which something is missing, by ODS code."""
    return frozenset(line.result.source.value for line in ledger.lines if not line.complete)
