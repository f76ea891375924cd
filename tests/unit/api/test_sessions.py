"""Sessions of signed-in browsers: how long they last, who can serve them, and what of them is kept."""

from __future__ import annotations

from sqlalchemy import select, update

from scr.api.pages.sessions import IDLE_SECONDS, LIFETIME_SECONDS, Sessions, sweep_sessions
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.tables import SESSION

_BEGAN = 1_750_000_000_000


class Clock:
    """Milliseconds that stand until they are moved."""

    def __init__(self) -> None:
        self.now = _BEGAN

    def __call__(self) -> int:
        """The time."""
        return self.now

    def on(self, seconds: float) -> None:
        """Move on."""
        self.now += int(seconds * 1000)


async def test_a_session_lasts_while_it_is_used_and_not_for_ever(database: Database, keys: KeyRing) -> None:
    """Half an hour unused, eight hours in all; what is over is swept away, and nothing else."""
    clock = Clock()
    sessions = Sessions(database, keys, clock).of("/review")
    idle, used = await sessions.start("t1"), await sessions.start("t2")
    while clock.now - _BEGAN + IDLE_SECONDS * 1000 < LIFETIME_SECONDS * 1000:
        clock.on(IDLE_SECONDS)
        assert await sessions.find(used) is not None
    assert await sessions.find(idle) is None
    assert await sweep_sessions(database, clock.now) == 1
    clock.on(IDLE_SECONDS)
    assert await sessions.find(used) is None
    fresh = await sessions.start("t3")
    assert await sweep_sessions(database, clock.now) == 1
    assert await sessions.find(fresh) is not None


async def test_any_process_serves_a_session_and_ends_it_for_all(database: Database, keys: KeyRing) -> None:
    """Two that share the store and the keys share the sessions, and the tokens of the sign-in form."""
    one, two = (Sessions(database, keys, Clock()).of("/review") for _ in range(2))
    cookie = await one.start("t")
    found = await one.find(cookie)
    assert found is not None
    assert found.token == "t"
    assert await two.find(cookie) == found
    assert one.sign_in_token("c") == two.sign_in_token("c") != one.sign_in_token("d")
    await two.end(cookie)
    assert await one.find(cookie) is None


async def test_a_cookie_names_the_session_of_its_own_site_alone(database: Database, keys: KeyRing) -> None:
    """That of another site, one that was made up, an endless one and none name nothing."""
    sessions = Sessions(database, keys, Clock())
    cookie = await sessions.of("/review").start("t")
    assert await sessions.of("/onboarding").find(cookie) is None
    for other in (cookie[:-1], cookie + "x", cookie * 1000, "", None):
        assert await sessions.of("/review").find(other) is None
        await sessions.of("/review").end(other)
    assert sessions.of("/review").sign_in_token("c") != sessions.of("/onboarding").sign_in_token("c")
    assert await sessions.of("/review").find(cookie) is not None


async def test_what_is_kept_tells_neither_cookie_nor_token(database: Database, keys: KeyRing) -> None:
    """A keyed hash and sealed bytes; a changed row, or one in the place of another, is no session."""
    sessions = Sessions(database, keys, Clock()).of("/review")
    cookie, other = await sessions.start("a.secret.token"), await sessions.start("another")
    [row, moved] = database.read_now(lambda connection: connection.execute(select(SESSION)).all())
    for secret in (b"a.secret.token", cookie.encode()):
        assert all(secret not in str(value).encode() for each in (row, moved) for value in each)
        assert secret not in row.sealed + row.wrapped_key + moved.sealed
    found = await sessions.find(cookie)
    assert "secret" not in repr(found)
    swapped = update(SESSION).where(SESSION.c.key == row.key)
    await database.write(lambda connection: connection.execute(swapped.values(sealed=moved.sealed)))
    states = [await sessions.find(each) is None for each in (cookie, other)]
    assert sorted(states) == [False, True]
