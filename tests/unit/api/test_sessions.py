"""Sessions of signed-in browsers: how long they last."""

from __future__ import annotations

from scr.api.pages.sessions import IDLE_SECONDS, LIFETIME_SECONDS, MOST, Sessions


def test_a_session_lasts_while_it_is_used_and_not_for_ever() -> None:
    """Half an hour unused, eight hours in all; the least used makes room for the newest."""
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    idle, used = sessions.start("t1"), sessions.start("t2")
    while now[0] + IDLE_SECONDS <= LIFETIME_SECONDS:
        assert sessions.find(used) is not None
        now[0] += IDLE_SECONDS
    assert sessions.find(idle) is None
    now[0] = LIFETIME_SECONDS + 1
    assert sessions.find(used) is None
    first, *others = [sessions.start("t") for _ in range(MOST)]
    now[0] += 1
    assert sessions.find(first) is not None
    newest = sessions.start("t")
    assert sessions.find(others[0]) is None
    assert sessions.find(first) is not None
    assert sessions.find(newest) is not None
    assert sessions.find(None) is None
