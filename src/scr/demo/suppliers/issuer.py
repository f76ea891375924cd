"""The token issuer of the demonstration: OpenID Connect discovery, JWKS, and tokens without a password.

`POST /token` with `grant_type=client_credentials` and `client_id=<persona>` gives an access token
(RFC 9068, `typ` at+jwt, RS256) that names a member of staff with the claims of NHS CIS2. It asks for no
secret: it is a stage prop on the loopback address and must never be an issuer anywhere else.
"""

from __future__ import annotations

import time
import uuid

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from scr.demo.suppliers.process import Arguments, serve
from scr.demo.suppliers.staff import Staff, personas

LIFETIME = 3600
DEFAULT_SCOPE = "user/*.rs"


class Issuer:
    """An issuer at ``url`` whose tokens are for ``audience``; its key lives as long as the process."""

    def __init__(self, url: str, audience: str) -> None:
        """Make the key."""
        self.url = url
        self.audience = audience
        self.key = RSAKey.generate_key(2048, {"kid": uuid.uuid4().hex, "use": "sig", "alg": "RS256"})
        self.staff = {member.client_id: member for member in personas()}

    def discovery(self) -> dict[str, object]:
        """OpenID Connect Discovery 1.0, chapter 3."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint": f"{self.url}/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": [DEFAULT_SCOPE],
        }

    def token(self, member: Staff, scope: str) -> str:
        """An access token for a member of staff."""
        moment = int(time.time())
        role = {
            "person_orgid": f"{member.user}01",
            "person_roleid": f"{member.user}02",
            "org_code": member.organisation,
            "role_code": f"S8000:G8000:{member.role}",
            "role_name": member.role_name,
            "activity_codes": [],
        }
        claims = {
            "iss": self.url,
            "sub": member.user,
            "aud": self.audience,
            "exp": moment + LIFETIME,
            "iat": moment,
            "nbf": moment,
            "jti": str(uuid.uuid4()),
            "client_id": member.client_id,
            "scope": scope,
            "nhsid_useruid": member.user,
            "name": member.name,
            "selected_roleid": role["person_roleid"],
            "nhsid_nrbac_roles": [role],
            "organisation_name": member.organisation_name,
        }
        header = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid}
        return jwt.encode(header, claims, self.key)

    async def answer_discovery(self, request: web.Request) -> web.Response:
        """`GET /.well-known/openid-configuration`."""
        return web.json_response(self.discovery())

    async def answer_keys(self, request: web.Request) -> web.Response:
        """`GET /jwks`: the public key."""
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    async def answer_personas(self, request: web.Request) -> web.Response:
        """`GET /personas`: who can sign in."""
        return web.json_response(
            [
                {
                    "client_id": member.client_id,
                    "name": member.name,
                    "role": f"{member.role} {member.role_name}",
                    "organisation": f"{member.organisation} {member.organisation_name}",
                    "expect": member.expect,
                }
                for member in self.staff.values()
            ]
        )

    async def answer_token(self, request: web.Request) -> web.Response:
        """`POST /token` (RFC 6749, chapter 4.4)."""
        form = await request.post()
        if form.get("grant_type", "client_credentials") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        member = self.staff.get(str(form.get("client_id", "")))
        if member is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        scope = str(form.get("scope") or DEFAULT_SCOPE)
        answer = {
            "access_token": self.token(member, scope),
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": scope,
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})


def application(issuer: Issuer) -> web.Application:
    """The web application."""
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.answer_discovery)
    app.router.add_get("/jwks", issuer.answer_keys)
    app.router.add_get("/personas", issuer.answer_personas)
    app.router.add_post("/token", issuer.answer_token)
    return app


async def run(arguments: Arguments) -> None:
    """Serve until asked to end."""
    issuer = Issuer(f"http://{arguments.host}:{arguments.port}", arguments.audience)
    await serve(application(issuer), arguments)
