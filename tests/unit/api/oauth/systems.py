"""Systems that ask our authorisation server for tokens, and a server for them over a real store."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from scr.api.auth import TokenVerifier
from scr.api.oauth.assertion import ASSERTION_TYPE
from scr.api.oauth.registration import client_to_register
from scr.api.oauth.routes import OAuthRoutes
from scr.api.oauth.server import AuthorisationServer
from scr.api.oauth.signing import SigningKeys, create_signing_key
from scr.fhir.identifiers import OdsCode
from scr.store import clients
from scr.store.clients import ClientKind
from scr.store.engine import Database
from scr.store.keys import KeyRing

BASE = "https://record.example/fhir"
TOKEN_URL = f"{BASE}/auth/token"
Claims = dict[str, object]

EC = ECKey.generate_key("P-384", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER = ECKey.generate_key("P-384", {"kid": "ec"})


def key_set(*keys: ECKey | RSAKey) -> bytes:
    """The public keys, as a client registers them."""
    return orjson.dumps(KeySet(list(keys)).as_dict(private=False))


def assertion(client: str, key: ECKey | RSAKey = EC, header: Claims | None = None, **changes: object) -> str:
    """A good assertion of a client; a change to None leaves a claim out."""
    now = int(time.time())
    claims: Claims = {
        "iss": client,
        "sub": client,
        "aud": TOKEN_URL,
        "exp": now + 240,
        "jti": f"{time.time_ns()}-{id(changes)}",
        **changes,
    }
    top = {"alg": "ES384" if isinstance(key, ECKey) else "RS384", "kid": key.kid, **(header or {})}
    return jwt.encode(
        {name: value for name, value in top.items() if value is not None},
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithms=[str(top["alg"])],
    )


def form(client: str, made: str | None = None, **more: str) -> dict[str, str]:
    """The form of a call for a token."""
    return {
        "grant_type": "client_credentials",
        "scope": "system/*.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": made or assertion(client),
        **more,
    }


@dataclass
class Served:
    """An authorisation server in one process, its clients registered in the store."""

    home: Path
    database: Database
    keys: KeyRing
    published: bytes = key_set(EC)
    fails: bool = False
    client: httpx.AsyncClient = field(init=False)
    server: AuthorisationServer = field(init=False)

    def __post_init__(self) -> None:
        """Open it, with its signing keys made where there are none."""
        path = self.home / "signing.json"
        if not path.exists():
            create_signing_key(path)
        outside = httpx.AsyncClient(transport=httpx.MockTransport(self._outside))
        self.server = AuthorisationServer(
            BASE, SigningKeys(path.read_bytes), self.database, self.keys, outside, time.time
        )
        app = FastAPI(openapi_url=None)
        app.include_router(
            OAuthRoutes(self.server, self.database, lambda: int(time.time() * 1000)).router(), prefix="/fhir"
        )
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="https://record.example")

    def _outside(self, _request: httpx.Request) -> httpx.Response:
        if self.fails:
            raise httpx.ConnectError("down")
        return httpx.Response(
            200, content=self.published, headers={"content-type": "application/jwk-set+json"}
        )

    def register(
        self,
        client: str,
        *scopes: str,
        kind: ClientKind = ClientKind.SYSTEM,
        keys: bytes = b"",
        url: str = "",
    ) -> None:
        """Register a client of the hospital."""
        made = client_to_register(
            client,
            kind,
            "A system",
            OdsCode("RXX"),
            scopes or (("system/*.rs",) if kind is ClientKind.SYSTEM else ()),
            key_set=b"" if url else keys or key_set(EC, RSA),
            key_set_url=url,
            now=1,
        )
        self.database.write_now(lambda connection: clients.register(connection, made))

    async def post(self, what: str, content: dict[str, str], **more: object) -> httpx.Response:
        """A call, whose answer no cache may keep."""
        answer = await self.client.post(f"/fhir/auth/{what}", data=content, **more)  # type: ignore[arg-type]
        assert answer.headers["cache-control"] == "no-store"
        return answer

    async def token(self, client: str, **more: str) -> str:
        """A good token of a client."""
        answer = await self.post("token", form(client, **more))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def verifier(self) -> TokenVerifier:
        """The endpoint's gate, which believes this server as it does any issuer."""
        return TokenVerifier((), httpx.AsyncClient(), own=self.server.trusted)
