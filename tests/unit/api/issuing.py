"""A token issuer for tests: real keys, discovery and key set over ``httpx.MockTransport``."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import httpx
import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from scr.api.auth import TokenVerifier
from scr.settings import Algorithm, Issuer

Claims = dict[str, object]
URL = "https://issuer.example"
AUDIENCE = "https://record.example/fhir"


def role(code: str = "R8000", organisation: str = "A81001", profile: str = "555000000102") -> Claims:
    """One role of a member of staff, as NHS CIS2 tells it."""
    return {
        "person_orgid": "555000000101",
        "person_roleid": profile,
        "org_code": organisation,
        "role_code": f"S8000:G8000:{code}",
        "role_name": '"Clinical Practitioner Access Role"',
    }


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class TestIssuer:
    """An issuer at ``url``; ``asked`` are the addresses that were fetched from it, in order."""

    __test__ = False

    def __init__(self, key: RSAKey | ECKey, *, url: str = URL, audience: str = AUDIENCE) -> None:
        self.url = url
        self.audience = audience
        self.key = key
        self.published: list[RSAKey | ECKey] = [key]
        self.says_it_is = url
        self.down = False
        self.asked: list[str] = []

    def claims(self, **changes: object) -> Claims:
        """Good claims of a clinician; a change to None leaves one out."""
        now = int(time.time())
        made: Claims = {
            "iss": self.url,
            "sub": "555000000100",
            "aud": self.audience,
            "exp": now + 300,
            "iat": now,
            "scope": "user/*.rs",
            "name": "Ann Lee",
            "client_id": "clinic",
            "nhsid_useruid": "555000000100",
            "selected_roleid": "555000000102",
            "nhsid_nrbac_roles": [role()],
            **changes,
        }
        return {name: value for name, value in made.items() if value is not None}

    def token(
        self, header: Claims | None = None, *, key: RSAKey | ECKey | None = None, **changes: object
    ) -> str:
        """A token, signed; ``header`` and ``changes`` differ from a good one."""
        signer = key or self.key
        algorithm = "RS256" if isinstance(signer, RSAKey) else "ES256"
        top = {"alg": algorithm, "typ": "at+jwt", "kid": signer.kid, **(header or {})}
        top = {name: value for name, value in top.items() if value is not None}
        return jwt.encode(top, self.claims(**changes), signer, algorithms=[str(top["alg"])])

    def bearer(self, **changes: object) -> str:
        """The ``Authorization`` header of a good token with these changes."""
        return f"Bearer {self.token(**changes)}"  # type: ignore[arg-type]

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Discovery and key set."""
        self.asked.append(str(request.url))
        if self.down:
            raise httpx.ConnectError("down")
        path = request.url.path
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": self.says_it_is, "jwks_uri": f"{self.url}/jwks"})
        if path == "/jwks":
            return httpx.Response(200, json=KeySet(list(self.published)).as_dict(private=False))
        return httpx.Response(404)

    def settings(self, *algorithms: Algorithm) -> Issuer:
        """The issuer as a deployment trusts it."""
        return Issuer(url=self.url, audience=self.audience, algorithms=algorithms or ("RS256", "ES256"))

    def verifier(self, *algorithms: Algorithm, clock: Callable[[], float] = time.time) -> TokenVerifier:
        """A verifier that trusts this issuer."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.respond))
        return TokenVerifier([self.settings(*algorithms)], client, clock)


def resigned(token: str, header: Claims, payload: bytes | None, sign: Callable[[bytes], bytes]) -> str:
    """A token with another header, perhaps another payload, and a signature made by hand."""
    _, old_payload, _ = token.split(".")
    text = f"{b64(orjson.dumps(header))}.{old_payload if payload is None else b64(payload)}"
    return f"{text}.{b64(sign(text.encode()))}"
