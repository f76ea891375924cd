"""What is kept for a browser: how long, how often, and that two who ask at once are not both given it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from scr.api.pages.sessions import sweep_sessions
from scr.api.signin.kept import Attempt, Choice, Keep, Visit
from scr.api.signin.person import SignedIn
from scr.api.signin.told import Option
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.tables import SESSION

_BEGAN = 1_750_000_000_000
ADA = SignedIn(
    "citizens", "nhs-login", "https://issuer.example", "nhs-login-ada", "Ada Sample", 0, sid="sid-1"
)
ATTEMPT = Attempt("cis2", "the-nonce", "the-verifier", "/privacy", "digest")
CHOICE = Choice([Option(ADA, "Ada")], "/", "the-id-token", "the-csrf")
VISIT = Visit(ADA, "the-id-token", "the-csrf")


class Clock:
    """Milliseconds that stand until they are moved."""

    now = _BEGAN

    def __call__(self) -> int:
        """The time."""
        return self.now


async def test_an_answer_that_comes_twice_at_once_signs_in_once(database: Database, keys: KeyRing) -> None:
    """Of several processes that are shown one state, or one choice, one alone goes on with it."""
    keeps = [Keep(database, keys, Clock()) for _ in range(4)]
    name = await keeps[0].put(ATTEMPT)
    attempts = await asyncio.gather(*(keep.take(Attempt, name) for keep in keeps))
    assert [each for each in attempts if each is not None] == [ATTEMPT]
    name = await keeps[0].put(CHOICE)
    choices = await asyncio.gather(*(keep.take(Choice, name) for keep in keeps))
    assert [each for each in choices if each is not None] == [CHOICE]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_each_lasts_for_its_own_time_and_is_no_other(database: Database, keys: KeyRing) -> None:
    """Ten minutes to sign in; a visit half an hour unused, eight hours in all; no name serves for another."""
    clock = Clock()
    keep = Keep(database, keys, clock)
    names = [await keep.put(content) for content in (ATTEMPT, CHOICE, VISIT)]
    assert await keep.find(Visit, names[0]) is None
    assert await keep.take(Attempt, names[2]) is None
    for nothing in (None, "", "x" * 1000, names[2][:-1]):
        assert await keep.find(Visit, nothing) is None
        assert await keep.take(Visit, nothing) is None
    clock.now += 599_000
    assert await keep.find(Choice, names[1]) == CHOICE
    clock.now += 1_000
    assert await keep.take(Attempt, names[0]) is None
    assert await keep.find(Choice, names[1]) is None
    assert await keep.find(Visit, names[2]) == VISIT
    assert await sweep_sessions(database, clock.now) == 2
    idle = await keep.put(VISIT)
    while clock.now + 1_700_000 < _BEGAN + 8 * 3_600_000:
        clock.now += 1_700_000
        assert await keep.find(Visit, names[2]) == VISIT
    assert await keep.find(Visit, idle) is None
    clock.now = _BEGAN + 8 * 3_600_000
    assert await keep.find(Visit, names[2]) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_kept_tells_nothing(database: Database, keys: KeyRing) -> None:
    """Neither the row nor what is printed shows a name, a token, a subject or a secret."""
    keep = Keep(database, keys, Clock())
    names = [await keep.put(content) for content in (ATTEMPT, CHOICE, VISIT)]
    rows = str(database.read_now(lambda connection: connection.execute(select(SESSION)).all()))
    shown = rows + repr([ATTEMPT, CHOICE, VISIT])
    for secret in (
        *names,
        "Ada Sample",
        "nhs-login-ada",
        "sid-1",
        "the-id-token",
        "the-csrf",
        "the-nonce",
        "the-verifier",
    ):
        assert secret not in shown
