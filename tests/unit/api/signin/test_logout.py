"""Sign-outs that an upstream asks for: which tokens count, once, and whose visits they end."""

from __future__ import annotations

import pytest
from tests.unit.api.signin.conftest import Door
from tests.unit.api.signin.upstream import Claims

from scr.api.auth.token import Acting
from scr.api.signin.id_token import LOGOUT_EVENT

_REFUSED: list[tuple[Claims, Claims, str]] = [
    ({}, {"iss": "https://another.example"}, "wrong-issuer"),
    ({}, {"aud": "another"}, "bad-audience"),
    ({}, {"aud": ["record", "another"]}, "bad-audience"),
    ({}, {"exp": 1}, "expired"),
    ({}, {"iat": 1}, "expired"),
    ({}, {"iat": 9_999_999_999, "exp": None}, "not-yet-valid"),
    ({}, {"events": {}}, "wrong-kind"),
    ({}, {"events": {LOGOUT_EVENT: "yes"}}, "wrong-kind"),
    ({}, {"nonce": "n"}, "wrong-kind"),
    ({}, {"sub": None, "sid": None}, "bad-token"),
    ({}, {"jti": ""}, "bad-token"),
    ({}, {"jti": None}, "bad-token"),
    ({"typ": "at+jwt"}, {}, "wrong-kind"),
    ({"kid": "another"}, {}, "unknown-key"),
    ({"kid": None}, {}, "no-key-id"),
    ({"cty": "JWT"}, {}, "bad-header"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_logout_token_that_does_not_hold_ends_nothing(door: Door) -> None:
    """Each refusal has its code in the audit, and the visit lasts; the right token then ends it, once."""
    name = await door.visit()
    for header, changes, code in _REFUSED:
        assert await door.send(door.token(header, **changes)) == (400, code), (header, changes)
    good = door.token()
    head, body, signature = good.split(".")
    assert await door.send(f"{head}.{body}.{signature[::-1]}") == (400, "bad-signature")
    none = door.upstream.signed({}, typ=None).split(".")[1]
    assert await door.send(f"eyJhbGciOiJub25lIn0.{none}.") == (400, "bad-token")
    for nothing in ("", "x" * 20_000):
        assert (await door.send(nothing))[0] == 400
    assert await door.there(name) == [True]
    assert await door.send(good) == (200, "")
    assert await door.there(name) == [False]
    assert await door.send(good) == (400, "used-before")


async def test_it_ends_the_session_that_it_names_or_all_of_somebody(door: Door) -> None:
    """By ``sid`` that session alone, and only of its own person; by ``sub`` all; a carer is who signed in."""
    one, two = await door.visit(), await door.visit(sid="s2")
    bob = await door.visit(subject="bob", sid="s3")
    carer = await door.visit(subject="child", sid="s4", act=Acting(sub="ann"))
    elsewhere = await door.visit(issuer="https://another.example")
    everybody = (one, two, bob, carer, elsewhere)
    assert (await door.send(door.token(sid="s3")))[0] == 200
    assert await door.there(*everybody) == [True] * 5
    assert (await door.send(door.token(sub=None, sid="s1")))[0] == 200
    assert await door.there(*everybody) == [False, True, True, True, True]
    assert (await door.send(door.token(sid=None)))[0] == 200
    assert await door.there(*everybody) == [False, False, True, False, True]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nobody_is_signed_out_unheard(door: Door) -> None:
    """An upstream that is not ours is told so; one whose keys cannot be had now may ask again."""
    said = await door.client.post("/signin/other/backchannel-logout", data={"logout_token": "x"})
    assert (said.status_code, said.json()["error"]) == (400, "invalid_request")
    name, token = await door.visit(), door.token()
    door.upstream.down = True
    said = await door.client.post("/signin/cis2/backchannel-logout", data={"logout_token": token})
    assert said.status_code == 503
    assert await door.there(name) == [True]
