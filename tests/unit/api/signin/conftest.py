"""A deployment that people sign in to, and its one upstream."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from tests.unit.api.signin.upstream import URL, Claims, TestUpstream

from scr.api.signin.id_token import LOGOUT_EVENT
from scr.api.signin.kept import Keep, Visit
from scr.api.signin.party import Party
from scr.api.signin.person import SignedIn
from scr.api.signin.routes import SignInRoutes
from scr.api.signin.sign_in import Cookies, SignIn
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.trail import recent

ANN = SignedIn("staff", "cis2", URL, "ann", "Ann Lee", 0, sid="s1", user_id="u")


@dataclass
class Door:
    """The deployment, and its upstream."""

    upstream: TestUpstream
    keep: Keep
    database: Database
    client: httpx.AsyncClient
    sign_in: SignIn
    party: Party

    async def visit(self, **changes: object) -> str:
        """Ann is signed in, with these changes."""
        return await self.keep.put(Visit(msgspec.structs.replace(ANN, **changes), "id-token", "csrf"))

    async def there(self, *names: str) -> list[bool]:
        """Which visits last."""
        return [await self.keep.find(Visit, name) is not None for name in names]

    def token(self, header: Claims | None = None, **changes: object) -> str:
        """A logout token of Ann's session, with these changes."""
        now = int(self.upstream.now)
        claims: Claims = {
            "iss": URL, "aud": "record", "iat": now, "exp": now + 120, "jti": str(uuid.uuid4()),
            "sub": "ann", "sid": "s1", "events": {LOGOUT_EVENT: {}}, **changes,
        }  # fmt: skip
        return self.upstream.signed(claims, **(header or {}))

    async def send(self, token: str) -> tuple[int, str]:
        """What is answered to a token, and the code in the audit."""
        self.upstream.now += 0.01
        said = await self.client.post("/signin/cis2/backchannel-logout", data={"logout_token": token})
        assert said.headers["cache-control"] == "no-store"
        [row] = self.database.read_now(lambda connection: recent(connection, 1))
        assert (row.action, row.outcome) == ("sign-out", "success" if said.status_code == 200 else "refused")
        return said.status_code, row.code


@pytest.fixture
async def door(database: Database, keys: KeyRing, tmp_path: Path) -> AsyncIterator[Door]:
    """One upstream, for staff."""
    upstream = TestUpstream()
    keep = Keep(database, keys, lambda: int(upstream.now * 1000))
    directory = upstream.directory()
    party = Party(
        directory.settings, directory, directory.client, lambda _: b"secret", lambda: upstream.now, "callback"
    )
    policy = load_policy(DataFiles(tmp_path))
    sign_in = SignIn({"cis2": party}, keep, policy, Cookies(secure=True))
    app = FastAPI()
    app.include_router(SignInRoutes(sign_in, database, keep.now, "https://record.test").router())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://record.test"
    ) as client:
        yield Door(upstream, keep, database, client, sign_in, party)
