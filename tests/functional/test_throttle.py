"""Whoever is refused again and again where tokens and sign-ins are asked for has to wait."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.functional.asgi import call
from tests.functional.deployment import BASE, SERVER, Deployment, beside, running

MOST = 5
BY_PROXY = "X-Forwarded-For"


@pytest.fixture
async def behind(database_url: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment behind a proxy that tells whom it was asked by."""
    made = running(tmp_path / "home", database_url, refusals_per_address=MOST, address_header=BY_PROXY)
    async with made as deployment:
        yield deployment


def of(address: str) -> dict[str, str]:
    """What the proxy says; what comes before it is the caller's own word."""
    return {BY_PROXY: f"10.9.9.9, {address}"}


async def test_refused_calls_are_counted_by_address_for_all_processes(behind: Deployment) -> None:
    """After so many the answer is 429 with a time to wait, audited, on every process; not for others."""
    where = f"{BASE}/auth/token"
    async with beside(behind) as other:
        for turn in range(MOST):
            client = (behind, other)[turn % 2].client
            assert (
                await client.post(where, data={"client_id": "x"}, headers=of("10.0.0.1"))
            ).status_code < 429
        said = await other.client.post(where, data={"client_id": "x"}, headers=of("10.0.0.1"))
        assert said.status_code == 429
        assert 0 < int(said.headers["retry-after"]) <= 10
        assert said.json()["error"] == "temporarily_unavailable"
        row = behind.audit()[0]
        assert (row.what, row.code, row.correlation) == (
            "token", "too-many-refusals", said.headers["x-correlation-id"]
        )  # fmt: skip
        form = await behind.client.post(f"{SERVER}/privacy/session", data={}, headers=of("10.0.0.1"))
        assert form.status_code == 429
        assert "wait" in form.text
        elsewhere = await behind.client.post(where, data={"client_id": "x"}, headers=of("10.0.0.2"))
        assert elsewhere.status_code < 429
        assert (await behind.get("metadata")).status == 200


async def test_what_is_not_refused_is_not_counted(behind: Deployment) -> None:
    """Public addresses and looks are served, however often they are asked for."""
    for _ in range(2 * MOST):
        assert (await behind.client.get(f"{BASE}/auth/jwks", headers=of("10.0.0.1"))).status_code == 200
        assert (await behind.client.get(f"{BASE}/Patient/x", headers=of("10.0.0.1"))).status_code == 401
    said = await behind.client.post(f"{BASE}/auth/token", data={"client_id": "x"}, headers=of("10.0.0.1"))
    assert said.status_code < 429


async def test_what_is_refused_is_audited_and_counted_wherever_it_is_told(behind: Deployment) -> None:
    """A launch by nobody is counted; a sign-in form that is none, and a choice that nobody was offered, have
    a row of the audit; a payload that broke off is the sender's to send again."""
    for _ in range(MOST):
        said = await behind.client.post(f"{BASE}/auth/launch", data={}, headers=of("10.0.0.3"))
        assert said.status_code in (401, 404, 405)
    said = await behind.client.post(f"{BASE}/auth/launch", data={}, headers=of("10.0.0.3"))
    assert said.status_code == 429

    said = await behind.client.post(f"{SERVER}/privacy/session", data={"csrf": "x"}, headers=of("10.0.0.4"))
    row = behind.audit()[0]
    assert (said.status_code, row.action, row.outcome, row.code) == (400, "sign-in", "refused", "stale-form")
    said = await behind.client.get(f"{SERVER}/signin/choose", headers=of("10.0.0.4"))
    row = behind.audit()[0]
    assert (said.status_code, row.action, row.outcome, row.code) == (401, "sign-in", "refused", "bad-state")

    token = behind.issuer.bearer(nhsid_useruid=None, client_id="pas", sub="pas")
    said = await call(behind.app, "POST", "/intake/adt", [("Authorization", token)], None)
    assert (said.status_code, behind.audit()[0].code) == (400, "cut-off")


async def test_looks_are_limited_by_user_and_told_with_the_wait(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """Over it: 429 with the time to wait, a row in the audit, and nothing looked at; another user goes on."""
    database = shutil.copy(sqlite_template, tmp_path / "scr.db")
    async with running(tmp_path / "home", f"sqlite:///{database}", looks_per_user=1) as made:
        assert (await made.get("Patient/nobody")).status == 404
        refused = await made.get("Patient/nobody")
        assert (refused.status, refused.code) == (429, "too-many-looks")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (made.audit()[0].outcome, made.audit()[0].code) == ("refused", "too-many-looks")
        assert (await made.get("Patient/nobody", role="R8001")).status == 404
