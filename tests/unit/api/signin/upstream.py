"""An upstream for tests: discovery, keys, and what it signs, over ``httpx.MockTransport``."""

from __future__ import annotations

import time

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from scr.api.signin.metadata import Directory
from scr.settings import Upstream

URL = "https://upstream.example"
Claims = dict[str, object]


class TestUpstream:
    """An upstream at ``URL``; ``says`` changes its discovery document, ``asked`` counts the calls for it."""

    __test__ = False

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "up-1"})
        self.says: Claims = {}
        self.down = False
        self.asked = 0
        self.now = time.time()

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Discovery and key set."""
        if self.down:
            raise httpx.ConnectError("down")
        if request.url.path == "/jwks":
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        self.asked += 1
        paths = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "userinfo_endpoint": "/me"}
        told: Claims = {name: f"{URL}{path}" for name, path in paths.items()}
        return httpx.Response(200, json={"issuer": URL, "jwks_uri": f"{URL}/jwks", **told, **self.says})

    def settings(self, **changes: object) -> Upstream:
        """The upstream as a deployment has it."""
        told = {"name": "cis2", "title": "CIS2", "url": URL, "people": "staff", "client_id": "record"}
        return Upstream.model_validate(
            {**told, "secret": "env:NONE", "algorithms": ("ES256",), "grace_seconds": 900, **changes}
        )

    def directory(self) -> Directory:
        """What is known of it, by a clock that is moved by hand."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.respond))
        return Directory(self.settings(), client, lambda: self.now)

    def signed(self, claims: Claims, **header: object) -> str:
        """A token; a claim or header that is None is left out."""
        top = {"alg": "ES256", "typ": "logout+jwt", "kid": self.key.kid, **header}
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({k: v for k, v in top.items() if v is not None}, told, self.key)
