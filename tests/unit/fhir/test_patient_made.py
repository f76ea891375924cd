"""What people add: valid R4, marked, under its own heading, and read back as it was typed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.access.contributing.forms import FORMS, RELATIONS, check_form
from scr.access.contributing.making import draft, typed_again
from scr.access.contributing.rules import load_readings
from scr.data import DataFiles
from scr.fhir.entry import pack
from scr.fhir.headings import OWN_WORDS
from scr.fhir.patient_made.adding import Added
from scr.fhir.patient_made.challenge import STATUS, challenge_task, disputes
from scr.fhir.patient_made.telling import told, withdrawn
from scr.fhir.person import ADDED_SOURCE, WITHDRAWN_SOURCE
from scr.fhir.validate import validate

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
RULES = load_readings(DataFiles())
ADDED = Added("c-1", "p1", "Nina <b>", own=False, at=1_769_852_000_000, adder="x" * 26)
_TEXTS = st.text(min_size=1, max_size=80)


@given(st.sampled_from(sorted(FORMS)), st.data(), st.booleans())
def test_whatever_is_typed_comes_back_as_it_was_kept(kind: str, data: Any, corrected: bool) -> None:
    """Markup, signs and ends of lines too; marked and under a heading of its own, withdrawn as well."""
    typed = {one.name: data.draw(_TEXTS) for one in FORMS[kind].fields if one.sort == "text"}
    fixed = {
        "relation": data.draw(st.sampled_from(sorted(RELATIONS))),
        "phone": "01632 960 001",
        "how-bad": "7",
    }
    typed |= {name: text for name, text in fixed.items() if name in {one.name for one in FORMS[kind].fields}}
    checked = check_form(kind, typed, NOW)
    if checked.values is None:  # nothing that prints was typed
        return
    made = draft(kind, typed, RULES, NOW, sure=True).make(ADDED, corrected)
    assert not validate(made)
    entry = pack(made, source=ADDED_SOURCE, now=0)
    assert entry.heading in OWN_WORDS
    found = told(entry)
    assert found is not None
    again = {name: text for name, text in typed_again(found, RULES).items() if name != "at"}
    assert again == checked.values
    assert (found.adder, found.withdrawn) == (ADDED.adder, False)
    gone = withdrawn(entry)
    assert not validate(gone)
    last = told(pack(gone, source=WITHDRAWN_SOURCE, now=1))
    assert last is not None
    assert last.withdrawn
    assert last.values == found.values


@pytest.mark.parametrize("kind", RULES.readings)
def test_a_reading_is_a_vital_sign_with_its_units(kind: str) -> None:
    """Each number in UCUM, and each read back as it was."""
    rules = RULES.readings[kind]
    typed = {name: str(part.usual[1]) for name, part in rules.parts.items()} | {"kind": kind, "note": "a\nb"}
    typed |= {name: next(iter(one.answers)) for name, one in rules.choices.items()}
    if kind == "blood-pressure":
        typed["diastolic"] = "80"
    made = draft("home-reading", typed, RULES, NOW, sure=True).make(ADDED, False)
    assert not validate(made)
    units = [one["valueQuantity"]["code"] for one in made.get("component", ()) if "valueQuantity" in one]
    units += [made["valueQuantity"]["code"]] if "valueQuantity" in made else []
    assert sorted(units) == sorted(part.ucum for part in rules.parts.values())
    found = told(pack(made, source=ADDED_SOURCE, now=0))
    assert found is not None
    again = typed_again(found, RULES)
    assert {name: float(again[name]) for name in rules.parts} == {
        name: float(typed[name]) for name in rules.parts
    }
    assert (again["kind"], again["note"]) == (kind, "a\nb")


@pytest.mark.parametrize("state", STATUS)
def test_a_challenge_is_a_task_that_is_found_by_its_entry(state: str) -> None:
    """In each state: valid, and read beside the entry that it is about."""
    made = challenge_task(ADDED, "Condition/a", "No <i>", ("ZZG01", "A"), 2, state=state, answer="So", now=3)
    assert not validate(made)
    entry = pack(made, source=ADDED_SOURCE, now=0)
    assert "Condition/a" in entry.references
    [found] = disputes(
        [entry, pack(orjson.loads(entry.body) | {"id": "c-2", "meta": {}}, source="Z", now=0)]
    )["Condition/a"]
    assert (found.state, found.reason, found.answer, found.owner) == (state, "No <i>", "So", "A")
    assert found.is_open == (state in {"open", "received"})
    assert found.words
