"""FHIR dates as intervals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.period import Period
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.dates import instant_text, interval, milliseconds


def ms(*parts: int) -> int:
    """Milliseconds of a moment in UTC."""
    return milliseconds(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", ms(2026, 1, 1), ms(2027, 1, 1)),
        ("2026-12", ms(2026, 12, 1), ms(2027, 1, 1)),
        ("2026-01-31", ms(2026, 1, 31), ms(2026, 2, 1)),
        ("2026-07-01", ms(2026, 6, 30, 23), ms(2026, 7, 1, 23)),
        ("2026-01-31T10:00:00Z", ms(2026, 1, 31, 10), ms(2026, 1, 31, 10, 0, 1)),
        ("2026-07-31T10:00:00+01:00", ms(2026, 7, 31, 9), ms(2026, 7, 31, 9, 0, 1)),
        ("2026-07-31T10:00", ms(2026, 7, 31, 9), ms(2026, 7, 31, 9, 1)),
    ],
)
def test_a_date_stands_for_all_of_what_it_names(text: str, low: int, high: int) -> None:
    """A year, month, day, minute or second is an interval; without a zone it is London time."""
    assert interval(text) == (low, high)


@pytest.mark.parametrize("text", ["", "soon", "2026-13", "2026-02-30", "2026-1-1", "20260131", None, 7, {}])
def test_what_is_no_date_has_no_interval(text: object) -> None:
    """An impossible or foreign date is None, not an error and not a guess."""
    assert interval(text) is None


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_an_instant_reads_back_to_the_millisecond(at: int) -> None:
    """What `instant_text` writes, `interval` reads, and fhir.resources accepts."""
    assert interval(instant_text(at)) == (at, at + 1)
    Period.model_validate({"start": instant_text(at)})


def test_an_open_period_reaches_to_its_open_side() -> None:
    """A period without an end holds every later day; one without a start every earlier."""
    started = interval({"start": "2026-01-01"})
    ended = interval({"end": "2026-01-01"})
    assert started is not None
    assert ended is not None
    assert started[0] == ms(2026, 1, 1)
    assert started[1] > ms(2999, 1, 1)
    assert ended[0] < ms(1900, 1, 1)
    assert ended[1] == ms(2026, 1, 2)
