"""Which fields of a row of the audit a person is shown: what they are told of the look, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scr.access.looked import Teller, opened_by
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.store.audit.form import COLUMNS, FIELDS, REST, fields_of
from scr.store.audit.telling import Telling
from scr.store.trail import AuditRow

TELLER = Teller(load_policy(DataFiles()), {"ZZ001": "Sample Surgery"})
WORD = st.text("abcxyz", min_size=1, max_size=5)
ROW = st.builds(
    AuditRow,
    id=st.just("0001-x"),
    at=st.just(1),
    actor=WORD,
    actor_name=st.sampled_from(["", "Dr Mary Ellis"]),
    role=st.sampled_from(["R8000", "R0260", "nothing known"]),
    organisation=st.sampled_from(["", "ZZ001", "ZZ002"]),
    action=st.sampled_from(["read", "query", "create", "update"]),
    what=st.sampled_from(["Observation", "Condition", "Patient", "access/looks", "record proxy"]),
    outcome=st.sampled_from(["success", "refused", "failed"]),
    purpose=st.sampled_from(["TREAT", "BTG", "PATRQT", "FAMRQT", ""]),
    person=st.none() | WORD,
    code=WORD,
    details=st.dictionaries(st.sampled_from(["glass", "neighbour_name", "ledger"]), WORD),
)
UNTOLD = st.fixed_dictionaries(
    {"actor": WORD, "person": WORD, "code": WORD, "policy": WORD, "correlation": WORD}
)


def shown(row: AuditRow, *, hides: bool) -> dict[str, object]:
    """What a proof of it shows."""
    telling = Telling.of(row.action, row.what, row.outcome, row.purpose, row.role, row.details)
    fields = fields_of({name: getattr(row, name) for name in COLUMNS}, telling)
    assert set(fields) == set(FIELDS)
    return {name: fields[name] for name in opened_by(TELLER.told(row, hides=hides), fields)}


@given(ROW, UNTOLD, st.booleans())
def test_two_looks_that_are_told_the_same_show_the_same(
    row: AuditRow, untold: dict[str, str], hides: bool
) -> None:
    """However they differ in what is not told: who it was by id, whether it was written or changed, why it
    was refused; and, where nobody is to learn where the person is, at which place and in which role."""
    swapped = {"refused": "failed", "failed": "refused", "create": "update", "update": "create"}
    other = replace(
        row,
        action=swapped.get(row.action, row.action),
        outcome=swapped.get(row.outcome, row.outcome),
        details={**row.details, "ledger": "late 1"},
        **untold,  # type: ignore[arg-type]
    )
    if hides:
        other = replace(other, role="R0001", organisation="ZZ009")
        other = replace(other, details={**other.details, "neighbour_name": "next door"})
    assert TELLER.told(other, hides=hides) == TELLER.told(row, hides=hides)
    assert shown(other, hides=hides) == shown(row, hides=hides)


@given(ROW, st.booleans())
def test_what_is_told_is_shown(row: AuditRow, hides: bool) -> None:
    """A proof says when, who, what for, what was asked, whether it was allowed; never what nobody is told."""
    told, found = TELLER.told(row, hides=hides), shown(row, hides=hides)
    assert REST not in found
    assert {found["at"], found["asked"], found["who"]} == {told.at, told.what, told.who}
    assert (found["allowed"], found["glass"], found["actor_name"]) == (
        told.allowed,
        told.glass,
        row.actor_name,
    )
    assert ("organisation" in found, "through" in found) == (bool(told.organisation), bool(told.through))
    assert ("role" in found) == bool(told.role)


@given(ROW)
def test_words_that_changed_since_stay_closed(row: AuditRow) -> None:
    """What was told of it when it was written is shown only where the same is told now."""
    telling = Telling.of(row.action, row.what, row.outcome, row.purpose, row.role, row.details)
    fields = fields_of({name: getattr(row, name) for name in COLUMNS}, telling)
    names = opened_by(TELLER.told(row), {**fields, "asked": "An entry of a kind that is told no more"})
    assert "asked" not in names
    assert {"id", "at", "who", "allowed", "glass"} <= set(names)
