"""How many looks a minute: by user and by client, in one process and in several, on the test's own clock."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as drawn
from hypothesis import strategies as st
from starlette.requests import Request
from tests.unit.store.samples import NOW

from scr.api.look import Asker
from scr.api.pacing import Pace, paced, told_to
from scr.consent.actor import Actor, ActorKind
from scr.errors import TooMany
from scr.settings import Settings
from scr.store.engine import Database
from scr.store.keys import KeyRing

REQUEST = Request({"type": "http", "method": "GET", "headers": []})
_names = iter(range(10**9))


async def waits(pace: Pace, who: str = "somebody") -> int:
    """Count a look; or how many seconds somebody is told to wait."""
    try:
        await pace.take(who)
    except TooMany as refused:
        return max(refused.retry_after, 1)
    return 0


@given(st.integers(1, 200), st.lists(st.integers(0, 20_000), max_size=200))
def test_never_more_than_so_many_in_a_minute_and_one_more_after_the_wait(
    a_minute: int, pauses: list[int]
) -> None:
    """However they come: at once, or spread; twice as many in any minute at most, the first ones at once; and
    whoever waits as long as they are told is let through."""
    now, taken = NOW, list[int]()

    async def run() -> None:
        nonlocal now
        pace = Pace(a_minute, lambda: now)
        for pause in pauses:
            now += pause
            if wait := await waits(pace):
                assert len(taken) >= a_minute
                await pace.take(f"somebody else {now}")
                now += wait * 1000
                assert await waits(pace) == 0
            taken.append(now)

    asyncio.run(run())
    for first in taken:
        assert len([one for one in taken if first <= one < first + 60_000]) <= 2 * a_minute


@drawn(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a_minute=st.integers(1, 60), asked=st.lists(st.integers(0, 3), min_size=160, max_size=160))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_several_processes_let_through_the_limit_and_a_part_more_for_each(
    database: Database, keys: KeyRing, a_minute: int, asked: list[int]
) -> None:
    """At one moment, whichever of four is asked: all of the limit, and at most a sixteenth more for each;
    after two quiet minutes as many again."""
    now, who = NOW, str(next(_names))

    async def run() -> int:
        paces = [Pace(a_minute, lambda: now, told_to(database, keys, "tests")) for _ in range(4)]
        return sum([await waits(paces[number], who) == 0 for number in asked])

    part = max(1, a_minute // 16)
    for _ in range(2):
        through = asyncio.run(run())
        assert a_minute <= through <= a_minute + len(set(asked)) * part
        now += 240_000


async def test_users_and_clients_are_counted_each(database: Database, keys: KeyRing) -> None:
    """A client has as many as it may for all its users, at a process that began anew too; without limits
    nothing stands before a look."""

    def actor(user: str, client: str) -> Actor:
        return Actor(ActorKind.PROFESSIONAL, user, client=client)

    def begun(**limits: int) -> Asker | None:
        return paced(Settings(**limits), None, database, keys, lambda: NOW)  # type: ignore[arg-type]

    assert begun() is None
    ask = begun(looks_per_user=2, looks_per_client=3)
    assert ask is not None
    one = actor("one", "viewer")
    assert await ask(one, REQUEST) is one
    await ask(one, REQUEST)
    with pytest.raises(TooMany):
        await ask(one, REQUEST)
    again = begun(looks_per_user=2, looks_per_client=3)
    assert again is not None
    with pytest.raises(TooMany):
        await again(one, REQUEST)
    await again(actor("two", "viewer"), REQUEST)
    with pytest.raises(TooMany):
        await ask(actor("three", "viewer"), REQUEST)
    await ask(actor("three", "another"), REQUEST)


async def test_who_is_not_there_any_more_is_forgotten() -> None:
    """What is remembered does not grow with everybody who ever came."""
    now = NOW
    pace = Pace(1, lambda: now)
    for number in range(60_000):
        now += 70_000 if number == 50_000 else 0
        await pace.take(str(number))
    assert len(pace._counts) <= 10_000
