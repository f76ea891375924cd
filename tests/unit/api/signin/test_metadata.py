"""What an upstream says of itself: believed where it can be, kept while it is down, and not for ever."""

from __future__ import annotations

import pytest
from tests.unit.api.signin.upstream import URL, TestUpstream

from scr.errors import Unavailable

_ELSEWHERE = "http://upstream.example/x"


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": f"{URL}/"},
        {"issuer": None},
        {"token_endpoint": None},
        *({name: _ELSEWHERE} for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")),
        {"jwks_uri": _ELSEWHERE},
        {"end_session_endpoint": _ELSEWHERE},
    ],
    ids=str,
)
async def test_what_is_not_its_own_word_over_https_is_not_believed(says: dict[str, object]) -> None:
    """Another name than its own, an address that is missing, or one in the clear: nobody is sent there."""
    upstream = TestUpstream()
    assert (await upstream.directory().metadata()).token_endpoint == f"{URL}/token"
    upstream.says = says
    with pytest.raises(Unavailable, match="CIS2 cannot be reached") as refused:
        await upstream.directory().metadata()
    assert refused.value.code == "upstream-down"


async def test_it_is_asked_every_ten_minutes_and_outlives_an_outage_for_a_while() -> None:
    """While it is down what is known counts for the time of grace; many sign-ins are not many calls."""
    upstream = TestUpstream()
    directory = upstream.directory()
    for _ in range(3):
        await directory.metadata()
    assert upstream.asked == 1
    upstream.now += 601
    await directory.metadata()
    assert upstream.asked == 2
    upstream.down = True
    upstream.now += 600 + 900
    assert (await directory.metadata()).issuer == URL
    upstream.now += 1
    for _ in range(3):
        with pytest.raises(Unavailable):
            await directory.metadata()
    upstream.down = False
    with pytest.raises(Unavailable):
        await directory.metadata()
    upstream.now += 6
    assert (await directory.metadata()).issuer == URL
    assert upstream.asked == 3
