"""Who is there: a visit counts while its upstream is ours and the policy is content with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.requests import Request
from tests.unit.api.signin.conftest import Door

from scr.api.signin.sign_in import Cookies
from scr.consent.actor import ActorKind
from scr.store.trail import recent

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def request_with(cookie: str) -> Request:
    """What a browser with that cookie sends."""
    return Request({"type": "http", "headers": [(b"cookie", f"__Host-scr_visit={cookie}".encode())]})


async def test_a_visit_ends_with_what_it_rests_on(door: Door) -> None:
    """Its upstream left the settings or has another address, or the policy asks for a surer sign-in now."""
    request = request_with(await door.visit(assurance="2"))
    now = door.sign_in
    assert await now.current(request) is not None
    moved = replace(
        door.party, settings=door.party.settings.model_copy(update={"url": "https://new.example"})
    )
    for parties in ({}, {"other": door.party}, {"cis2": moved}):
        assert await replace(now, parties=parties).current(request) is None
    for levels, there in ((("2", "3"), True), (("3",), False)):
        stricter = replace(now.policy, assurance={ActorKind.PROFESSIONAL: levels})
        assert (await replace(now, policy=stricter).current(request) is not None) is there
    assert await replace(now, cookies=Cookies(secure=False)).current(request) is None


async def test_an_upstream_that_is_down_is_told_and_leaves_nothing_behind(door: Door) -> None:
    """503 with a way on, a row in the audit that it failed, and no cookie."""
    door.upstream.down = True
    said = await door.client.get("/signin/begin/staff", params={"to": "/privacy"})
    assert (said.status_code, "CIS2 cannot be reached" in said.text) == (503, True)
    assert "set-cookie" not in said.headers
    [row] = door.database.read_now(recent)
    assert (row.action, row.outcome, row.code) == ("sign-in", "failed", "upstream-down")
    said = await door.client.get("/signin/begin/citizens", params={"to": "/"})
    assert (said.status_code, "no upstream is configured" in said.text) == (503, True)
    assert (await door.client.get("/signin/begin/nobody")).status_code == 404
