"""What an answer lacks, for people: under each heading a sentence for each source that is missing there."""

from __future__ import annotations

from collections.abc import Sequence

from scr.broker.ledger import SENTENCES, Ledger
from scr.broker.reconcile.states import states
from scr.fhir.documents.sections import Told
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.sources.protocol import Outcome

_GOOD = frozenset({Outcome.ANSWERED, Outcome.EMPTY})


def completeness(ledger: Ledger, entries: Sequence[Entry]) -> Told:
    """The state of each heading that the ledger tells of, and what is missing there."""
    return Told(states(ledger, entries), {heading: _missing(ledger, heading) for heading in HEADINGS})


def _missing(ledger: Ledger, heading: str) -> tuple[str, ...]:
    """A source of which nothing is known but that it did not answer may be missing anywhere."""
    told = []
    for line in ledger.told():
        if heading in line.headings:
            outcome = line.headings[heading][0]
        elif line.headings:
            continue
        else:
            outcome = line.outcome
        if outcome not in _GOOD:
            told.append(
                line.sentence if outcome is line.outcome else SENTENCES[outcome].format(name=line.name)
            )
    return tuple(told)
