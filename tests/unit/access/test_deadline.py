"""One calendar month: month ends, leap days, and the days on which clocks change in London."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.access.challenges.deadline import due, last_day
from scr.fhir.dates import LONDON, milliseconds, utc


def at(text: str) -> int:
    """A time in London, ms UTC."""
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=LONDON))


@pytest.mark.parametrize(
    ("opened", "last"),
    [
        ("2026-01-30T09:00", "2026-02-28"),
        ("2026-01-31T23:59", "2026-02-28"),
        ("2028-01-31T09:00", "2028-02-29"),
        ("2028-01-29T09:00", "2028-02-29"),
        ("2026-01-29T09:00", "2026-02-28"),
        ("2026-02-28T09:00", "2026-03-28"),
        ("2028-02-29T09:00", "2028-03-29"),
        ("2026-03-31T00:00", "2026-04-30"),
        ("2026-12-31T23:59", "2027-01-31"),
        ("2026-12-01T00:00", "2027-01-01"),
        ("2026-06-30T23:30", "2026-07-30"),  # 22:30 UTC
        ("2026-07-01T00:30", "2026-08-01"),  # the day before in UTC
    ],
)
def test_it_ends_with_the_same_day_of_the_next_month_or_its_last(opened: str, last: str) -> None:
    """By the calendar of London, whatever it is in UTC then."""
    assert last_day(at(opened)).isoformat() == last


@pytest.mark.parametrize(
    ("opened", "over"),
    [
        ("2026-02-28T09:00", "2026-03-29T00:00:00+00:00"),  # clocks change an hour later
        ("2026-03-28T09:00", "2026-04-28T23:00:00+00:00"),
        ("2026-09-25T09:00", "2026-10-26T00:00:00+00:00"),  # the 25th has 25 hours
        ("2026-09-26T09:00", "2026-10-27T00:00:00+00:00"),
    ],
)
def test_the_last_day_counts_to_its_end(opened: str, over: str) -> None:
    """Midnight after it in London, on either side of a change of the clocks."""
    assert utc(due(at(opened))) == datetime.fromisoformat(over)


@given(st.integers(at("2020-01-01"), at("2099-12-01")))
def test_it_is_never_shorter_than_28_days_nor_longer_than_32(begun: int) -> None:
    """The last day is in the next month, and no later by number than the day on which it was opened."""
    day, last = utc(begun).astimezone(LONDON).date(), last_day(begun)
    assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == 1
    assert last.day == min(day.day, monthrange(last.year, last.month)[1])
    assert timedelta(days=28) <= date.fromordinal(last.toordinal() + 1) - day <= timedelta(days=32)
    assert begun < due(begun)
