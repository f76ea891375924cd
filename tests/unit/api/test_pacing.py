"""How many looks a minute: by user and by client, on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from scr.api.pacing import Pace, paced
from scr.consent.actor import Actor, ActorKind
from scr.errors import TooMany
from scr.settings import Settings

NOW = [0.0]
REQUEST = Request({"type": "http", "method": "GET", "headers": []})


def waits(pace: Pace) -> int:
    """Count a look; or how long somebody is told to wait."""
    try:
        pace.take("somebody")
    except TooMany as refused:
        return max(refused.retry_after, 1)
    return 0


@given(st.integers(1, 200), st.lists(st.floats(0, 20), max_size=200))
def test_never_more_than_so_many_in_a_minute_and_one_more_after_the_wait(
    a_minute: int, pauses: list[float]
) -> None:
    """However they come: at once, or spread; twice as many in any minute at most, the first ones at once; and
    whoever waits as long as they are told is let through."""
    now, taken = 0.0, list[float]()
    pace = Pace(a_minute, lambda: now)
    for pause in pauses:
        now += pause
        if wait := waits(pace):
            assert len(taken) >= a_minute
            pace.take("somebody else")
            now += wait
            assert waits(pace) == 0
        taken.append(now)
    for first in taken:
        assert len([one for one in taken if first <= one < first + 60]) <= 2 * a_minute


async def test_users_and_clients_are_counted_each() -> None:
    """A client has as many as it may for all its users; without limits nothing stands before a look."""

    def actor(user: str, client: str) -> Actor:
        return Actor(ActorKind.PROFESSIONAL, user, client=client)

    assert paced(Settings(), None) is None
    ask = paced(Settings(looks_per_user=2, looks_per_client=3), None, lambda: NOW[0])
    assert ask is not None
    one = actor("one", "viewer")
    assert await ask(one, REQUEST) is one
    await ask(one, REQUEST)
    with pytest.raises(TooMany):
        await ask(one, REQUEST)
    await ask(actor("two", "viewer"), REQUEST)
    with pytest.raises(TooMany):
        await ask(actor("three", "viewer"), REQUEST)
    await ask(actor("three", "another"), REQUEST)


def test_who_is_not_there_any_more_is_forgotten() -> None:
    """What is remembered does not grow with everybody who ever came."""
    now = 0.0
    pace = Pace(1, lambda: now)
    for number in range(60_000):
        now += 70.0 if number == 50_000 else 0.0
        pace.take(str(number))
    assert len(pace._until) <= 10_000
