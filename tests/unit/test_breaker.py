"""The circuit breaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.breaker import Breaker, BreakerState


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at some moment."""
    return Clock()


def test_it_opens_after_some_failures_in_a_row(clock: Clock) -> None:
    """A success in between counts them anew; only then is nothing let through."""
    breaker = Breaker(clock, failures=2)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admit()
    breaker.failed()
    assert breaker.state is BreakerState.OPEN
    assert not breaker.admit()
    assert breaker.wait == 5.0


def test_one_probe_is_let_through_and_decides(clock: Clock) -> None:
    """After the pause one call may go, no second one beside it, and its success closes it."""
    breaker = Breaker(clock, failures=1)
    breaker.failed()
    clock.now += 5.0
    states = [breaker.state]
    assert [breaker.admit(), breaker.admit()] == [True, False]
    breaker.succeeded()
    states.append(breaker.state)
    assert states == [BreakerState.HALF_OPEN, BreakerState.CLOSED]
    assert breaker.admit()


def test_a_probe_that_fails_doubles_the_pause_up_to_the_longest(clock: Clock) -> None:
    """5, 10, 20, and then no more than the longest."""
    breaker = Breaker(clock, failures=1, longest=20.0)
    waits = []
    breaker.failed()
    for _ in range(4):
        waits.append(breaker.wait)
        clock.now += breaker.wait
        assert breaker.admit()
        breaker.failed()
    assert waits == [5.0, 10.0, 20.0, 20.0]


def test_a_probe_that_is_never_heard_of_is_given_up(clock: Clock) -> None:
    """Its caller was cancelled, say: after the longest pause another may try."""
    breaker = Breaker(clock, failures=1)
    breaker.failed()
    clock.now += 5.0
    assert breaker.admit()
    clock.now += 120.0
    assert breaker.admit()


def test_what_was_on_its_way_does_not_lengthen_the_pause(clock: Clock) -> None:
    """Ten calls that fail together are one failure of the system."""
    breaker = Breaker(clock, failures=2)
    for _ in range(10):
        breaker.failed()
    assert breaker.wait == 5.0


@given(st.floats(min_value=0, max_value=1e6))
def test_a_pause_that_the_system_names_opens_it_at_once(seconds: float) -> None:
    """429 with Retry-After: it is believed, up to the longest pause."""
    breaker = Breaker(Clock())
    breaker.failed(retry_after=seconds)
    assert breaker.wait == pytest.approx(min(seconds, 120.0))


@given(st.lists(st.sampled_from(["ok", "fails", "time"]), max_size=60))
def test_it_never_stays_shut_for_longer_than_the_longest_pause(events: list[str]) -> None:
    """Whatever happened, a call may go after the longest pause; and closed, one may go now."""
    clock = Clock()
    breaker = Breaker(clock)
    for event in events:
        if event == "time":
            clock.now += 7.0
        elif breaker.admit():
            breaker.succeeded() if event == "ok" else breaker.failed()
    assert (breaker.state is BreakerState.CLOSED) <= (breaker.wait == 0.0)
    clock.now += 120.0
    assert breaker.admit()
