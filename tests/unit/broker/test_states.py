"""How complete a heading is told to be: never complete or empty to whoever something may be kept from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.broker.sources import result
from tests.unit.fhir.entries import entry

from scr.broker.ledger import Ledger, make_ledger
from scr.broker.reconcile.states import states
from scr.sources.protocol import Outcome

HEADINGS = frozenset({"allergies", "problems"})
PROBLEM = entry("e1", "Condition", source="AAA", heading="problems")
KEPT_BACK = {
    "guarded": replace(make_ledger([], {}, [], opened=HEADINGS), guarded=True),
    "choices": replace(make_ledger([], {}, [], opened=HEADINGS), choices=frozenset({"entry"})),
}


def ledger(outcome: Outcome = Outcome.ANSWERED) -> Ledger:
    """Of one source that has two headings."""
    return make_ledger([result("AAA", outcome)], {"AAA": HEADINGS}, [PROBLEM], opened=HEADINGS)


def test_what_was_heard_is_complete_or_empty() -> None:
    """Where the source answered and nothing can be kept back; where it did not, neither."""
    assert states(ledger(), [PROBLEM]) == {"allergies": "none", "problems": "complete"}
    assert set(states(ledger(Outcome.LATE), [PROBLEM]).values()) == {"incomplete"}


@pytest.mark.parametrize("which", sorted(KEPT_BACK))
def test_nothing_is_complete_or_empty_where_something_may_be_kept_back(which: str) -> None:
    """An allergy that is withheld must not read as none; each heading is told alike, whatever there is."""
    told = replace(KEPT_BACK[which], lines=ledger().lines)
    assert states(told, [PROBLEM]) == dict.fromkeys(HEADINGS, "incomplete")
    assert states(told, []) == dict.fromkeys(HEADINGS, "incomplete")
