"""How complete each heading of an answer is, as its ledger tells it."""

from __future__ import annotations

from collections.abc import Sequence

from scr.broker.ledger import Ledger
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, SUPPORTING
from scr.fhir.person import PERSON_SOURCE
from scr.sources.protocol import Outcome

_ANSWERED = frozenset({Outcome.ANSWERED, Outcome.EMPTY})


def states(ledger: Ledger, entries: Sequence[Entry]) -> dict[str, str]:
    """For each heading that the ledger tells of: ``complete``, ``incomplete``, or ``none``.

    ``none`` only where every source that can have something there answered, and no entry stands there. A
    source of which nothing is known but that it did not answer may have something under any heading.
    For an actor from whom something of any heading may well be withheld (by the person's choice, or because
    nobody has classified it) none is complete, or empty: whether anything is withheld makes no difference.
    A heading that is withheld from the actor by every source is left out: nothing is said of it.
    """
    filled = {one.heading for one in entries if one.source != PERSON_SOURCE and one.type != "List"}
    unknown = any(not line.headings and line.outcome not in _ANSWERED for line in ledger.lines)
    unknown = unknown or ledger.guarded or bool(ledger.choices)
    found: dict[str, str] = {}
    for heading in HEADINGS:
        outcomes = [line.headings[heading][0] for line in ledger.lines if heading in line.headings]
        if heading == SUPPORTING or not outcomes or set(outcomes) == {Outcome.WITHHELD}:
            continue
        missing = unknown or not ledger.lines or not _ANSWERED.issuperset(outcomes)
        found[heading] = "incomplete" if missing else "complete" if heading in filled else "none"
    return found
