"""A second call where one takes unusually long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.sources.http import SourceFailure, fetch, open_client
from scr.sources.pace import Pace, fetch_paced

HERE = "http://there.example/fhir/Condition"
FINE = {"content-type": "application/json"}
pytestmark = pytest.mark.leaping


def known(seconds: float, calls: int = 64) -> Pace:
    """The pace of a source that took so long, each time."""
    pace = Pace()
    for _ in range(calls):
        pace.took("GET Condition", seconds)
    return pace


async def call(
    pace: Pace, *behaves: Callable[[], httpx.Response | float], seconds: float = 5.0
) -> tuple[str, int]:
    """Ask a server whose calls behave so in turn; its answer or failure, and how often it was called."""
    asked = 0

    async def there(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        behave = behaves[min(asked, len(behaves) - 1)]
        asked += 1
        answer = behave()
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return httpx.Response(200, headers=FINE, content=b'"late"')
        return answer

    async with open_client(httpx.MockTransport(there)) as client:
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            found = await fetch_paced(pace, client, client.build_request("GET", HERE), 1000, deadline)
        except SourceFailure as failure:
            return failure.code, asked
        return found.body.decode(), asked


def fine() -> httpx.Response:
    """An answer at once."""
    return httpx.Response(200, headers=FINE, content=b'"fine"')


def broken() -> httpx.Response:
    """A failure at once."""
    return httpx.Response(503, headers=FINE, content=b"")


def stuck() -> float:
    """An answer that takes its time."""
    return 3600.0


async def test_a_call_that_is_stuck_is_made_once_more() -> None:
    """Past the usual time the question is asked again, and the first answer is taken."""
    assert await call(known(0.001), stuck, fine) == ('"fine"', 2)


async def test_what_is_not_known_to_be_slow_is_asked_once() -> None:
    """Without a usual time, or within it, there is one call; and a failure is not for this to repeat."""
    assert await call(known(0.001, calls=19), stuck, fine, seconds=0.1) == ("timed-out", 1)
    assert await call(known(2.0), fine) == ('"fine"', 1)
    assert await call(known(2.0), broken, fine) == ("http-503", 1)


async def test_of_two_calls_the_one_that_answers_counts() -> None:
    """A second call that fails does not spoil the first, and where both fail the first is told."""
    slow = 0.1
    assert await call(known(0.001), lambda: slow, broken) == ('"late"', 2)
    assert await call(known(0.001), stuck, broken, seconds=0.2) == ("timed-out", 2)


@given(st.lists(st.booleans(), max_size=400))
def test_no_more_than_one_call_in_twenty_is_repeated(slow: list[bool]) -> None:
    """Whatever happens: a twentieth of the calls, and the few that were saved up."""
    pace, repeated = Pace(), 0
    for number, one in enumerate(slow, 1):
        pace.took("GET Condition", 0.1)
        repeated += one and pace.may_repeat()
        assert repeated <= 3 + number / 20


async def test_what_it_remembers_is_bounded() -> None:
    """A server that names its pages ever anew does not fill the memory."""
    pace = Pace()
    for number in range(10_000):
        pace.took(f"GET {number}", 0.1)
    assert sum(pace.usual(f"GET {number}") is not None for number in range(10_000)) == 0
    assert len(pace._times) <= 32


@pytest.mark.parametrize(("pause", "attempts", "asked"), [("0", 2, 2), ("9", 2, 1), ("0", 1, 1)])
async def test_the_pause_that_it_asks_for_is_kept_where_there_is_time(
    pause: str, attempts: int, asked: int
) -> None:
    """503 with Retry-After: tried again after it, if another attempt is allowed and there is time."""
    calls = 0

    def there(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return fine() if calls > 1 else httpx.Response(503, headers={**FINE, "retry-after": pause})

    async with open_client(httpx.MockTransport(there)) as client:
        deadline = asyncio.get_running_loop().time() + 1
        request = client.build_request("GET", HERE)
        with suppress(SourceFailure):
            await fetch(client, request, max_bytes=1000, deadline=deadline, attempts=attempts)
    assert calls == asked
