"""Which ties hold, for whom and how long; and that a mistake in the policy names its file and line."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.consent.actor import Actor, ActorKind
from scr.consent.ties import (
    CLOCKS_MS,
    DECLARED_KINDS,
    DeclaredKind,
    Lasting,
    Tie,
    TiePolicy,
    end_of,
    in_force,
    load_ties,
    ties_in_force,
)
from scr.data import DataFiles, packaged_root
from scr.errors import Invalid
from scr.fhir.dates import milliseconds, utc
from scr.fhir.identifiers import OdsCode

DAY = 24 * 3600 * 1000
T0 = 1_772_020_800_000
HERE, THERE = OdsCode("ZZH01"), OdsCode("ZZH02")
POLICY = load_ties(DataFiles())
DOCTOR = Actor(ActorKind.PROFESSIONAL, "issuer|1", role="R8000", organisation=HERE)
INSTANTS = st.integers(T0 - 3000 * DAY, T0 + 3000 * DAY)


def tie(kind: DeclaredKind, seen: int = T0, until: int | None = None, since: int = T0) -> Tie:
    """A tie of the hospital's."""
    return Tie(HERE, kind, since, HERE, seen, until)


def holds(one: Tie, at: int) -> bool:
    """Whether it holds for the doctor then."""
    return bool(ties_in_force([one], DOCTOR, POLICY, utc(at)))


@pytest.mark.parametrize(
    ("kind", "until", "last_day"),
    [
        ("registration", None, 20_000),
        ("registration", T0 + 10 * DAY, 10),
        ("care", None, 365),
        ("encounter", None, 730),
        ("encounter", T0 + 10 * DAY, 190),
        ("encounter", T0 - 7000 * DAY, -1),
        ("referral", T0, 90),
        ("care-team", None, 730),
        ("caseload", T0, 90),
        ("placement", T0, 30),
    ],
)
def test_how_long_each_kind_lasts_as_shipped(kind: DeclaredKind, until: int | None, last_day: int) -> None:
    """To the millisecond: it holds until its last day is over, and not then."""
    one = tie(kind, until=until)
    if last_day > 0:
        assert holds(one, T0 + last_day * DAY - 1)
    if last_day < 20_000:
        assert not holds(one, T0 + max(last_day, 0) * DAY)


@given(kind=st.sampled_from(DECLARED_KINDS), seen=INSTANTS, until=st.none() | INSTANTS, at=INSTANTS)
def test_a_tie_that_is_over_stays_over(kind: DeclaredKind, seen: int, until: int | None, at: int) -> None:
    """It holds from its start to its end and at no other time; told again later it ends no earlier."""
    one = tie(kind, seen, until)
    end = end_of(one, POLICY)
    expected = at >= one.since - CLOCKS_MS and (end is None or at < end)
    assert in_force(one, POLICY, utc(at)) is expected
    again = end_of(tie(kind, seen + DAY, until), POLICY)
    assert again is None or (end is not None and again >= end)


@given(
    subject=st.sampled_from(["issuer|1", "issuer|2", ""]),
    role=st.sampled_from(["R8000", "R8001", ""]),
    organisation=st.sampled_from([HERE, THERE]),
    until=st.integers(-5, 5),
    at=st.integers(-5, 5),
)
def test_what_somebody_claimed_is_theirs_alone(
    subject: str, role: str, organisation: OdsCode, until: int, at: int
) -> None:
    """It holds for the same user in the same role at the same place, until its own end and no longer."""
    one = Tie(organisation, "self-claimed", T0 - DAY, organisation, T0, T0 + until, subject, role)
    found = ties_in_force([one], DOCTOR, POLICY, utc(T0 + at))
    same = (subject, role, organisation) == (DOCTOR.subject, DOCTOR.role, DOCTOR.organisation)
    assert bool(found) == (same and at < until)


def test_what_is_missing_holds_nothing() -> None:
    """A kind that the policy lacks, a claim without an end, an actor without an organisation: no tie."""
    assert not in_force(tie("care"), TiePolicy(), utc(T0))
    assert not in_force(Tie(HERE, "self-claimed", T0, HERE, T0), POLICY, utc(T0))
    nowhere = Actor(ActorKind.PROFESSIONAL, "issuer|1", role="R8000")
    assert not ties_in_force([tie("care")], nowhere, POLICY, utc(T0))
    assert Lasting().days_after_end == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  care: {days_after_last_told: 365}\n", "", "lasting", "does not say what holds for: care"),
        ("days_after_end: 180", "days_after_end: -1", "encounter:", "greater than or equal to 0"),
        ("days_after_end: 180", "days_after: 180", "encounter:", "did you mean 'days_after_end'?"),
        ("  care-team:", "  careteam:", "careteam:", "Input should be"),
        ("hours: 12", "hours: 90", "hours: 90", "more than most_hours"),
        ("most_at_once: 20", "most_at_once: 0", "most_at_once: 0", "greater than or equal to 1"),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, old: str, new: str, line: str, message: str) -> None:
    """A policy that cannot be meant is not loaded."""
    text = (packaged_root() / "consent" / "relationships.yaml").read_text("utf-8")
    assert old in text
    folder = tmp_path / "consent"
    folder.mkdir()
    changed = text.replace(old, new, 1)
    (folder / "relationships.yaml").write_text(changed, encoding="utf-8")
    number = next(n for n, each in enumerate(changed.splitlines(), 1) if line in each and "#" not in each)
    with pytest.raises(Invalid, match=f"line {number}: ") as refused:
        load_ties(DataFiles(tmp_path))
    assert message in str(refused.value)


def test_instants_are_compared_exactly() -> None:
    """A datetime with microseconds is not rounded up over an end."""
    at = utc(T0 + 365 * DAY) - timedelta(microseconds=1)
    assert isinstance(at, datetime)
    assert milliseconds(at) == T0 + 365 * DAY - 1
    assert in_force(tie("care"), POLICY, at)
