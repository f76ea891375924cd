"""What reconciliation makes of a record, as the terminal prints it."""

from __future__ import annotations

import pytest
from tests.spec.test_reconciliation import MAKING

from scr.cli.made import is_made, print_made
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.reconciled import Item, detected_issue, made_list
from scr.fhir.summary import lines_of


def _medicine(logical: str, source: str, words: str) -> Entry:
    made: Resource = {"resourceType": "MedicationStatement", "id": logical, "status": "active"}
    made |= {"medicationCodeableConcept": {"text": words}, "dosage": [{"text": "[bold]one[/] a day"}]}
    return pack(made, source=source, now=1)


def test_disagreements_come_first_and_each_line_names_all_its_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A disagreement in its words, a list with its state, a line with its sources; markup stays text."""
    gp, ward = _medicine("a", "GP1", "Gold drops"), _medicine("b", "RXX", "Gold drops")
    issue = detected_issue(MAKING, "dose", "They differ somehow.", "high", [gp, ward], "This against [that]")
    full = made_list(MAKING, "m", "Current medications", "", "medications", [Item(ward, (gp,))], "incomplete")
    empty = made_list(MAKING, "a", "Allergies", "", "allergies", [], "none")
    entries = [gp, ward, full, empty, issue]
    assert [entry.id for entry in entries if is_made(entry)] == [full.id, empty.id, issue.id]
    print_made(entries, lines_of(entries), {"GP1": "Surgery", "RXX": "Hospital"})
    told = " ".join(capsys.readouterr().out.split())
    parts = ["This against [that]", "Current medications", "Incomplete:", "Gold drops", "[bold]one[/] a day"]
    places = [told.index(part) for part in (*parts, "Hospital, Surgery", "Allergies", "None that may be")]
    assert places == sorted(places)
