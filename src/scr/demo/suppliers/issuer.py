"""The token issuer of the demonstration: OpenID Connect discovery, JWKS, and tokens without a password.

`POST /token` with `grant_type=client_credentials` and `client_id=<persona>` gives an access token
(RFC 9068, `typ` at+jwt, RS256) that names a member of staff with the claims of NHS CIS2. It asks for no
secret: it is a stage prop on the loopback address and must never be an issuer anywhere else.

People sign in to the pages here too: staff at the address itself, as if at NHS CIS2, and citizens below
``/nhs-login`` (``code_flow``).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from scr.demo.suppliers.code_flow import Client, CodeFlow
from scr.demo.suppliers.logins import Login, citizen_logins, staff_logins, staff_role
from scr.demo.suppliers.process import Arguments, serve
from scr.demo.suppliers.staff import Staff, personas

LIFETIME = 3600
CIS2 = "cis2"
NHS_LOGIN = "/nhs-login"
DEFAULT_SCOPE = "user/*.rs"


class Issuer:
    """An issuer at ``url`` whose tokens are for ``audience``; its key lives as long as the process."""

    def __init__(self, url: str, audience: str, *, keys: str = "", citizens: Sequence[Login] = ()) -> None:
        """Make the keys. ``keys`` (JWKS) are those by which the record shows that it is itself."""
        self.url = url
        self.audience = audience
        self.key = RSAKey.generate_key(2048, {"kid": uuid.uuid4().hex, "use": "sig", "alg": "RS256"})
        self.staff = {member.client_id: member for member in personas()}
        self.cis2 = self._flow("", "NHS CIS2", self.key, "RS256", keys, staff_logins())
        key = RSAKey.generate_key(2048, {"kid": uuid.uuid4().hex, "use": "sig", "alg": "RS512"})
        self.nhs_login = self._flow(NHS_LOGIN, "NHS login", key, "RS512", keys, citizens)

    def _flow(
        self, path: str, title: str, key: RSAKey, algorithm: str, keys: str, logins: Sequence[Login]
    ) -> CodeFlow:
        record = self.audience.removesuffix("/fhir")
        name = path.strip("/") or CIS2
        client = Client(keys, f"{record}/signin/{name}/callback", f"{record}/signin/out")
        people = {login.key: login for login in logins}
        return CodeFlow(f"{self.url}{path}", title, key, algorithm, client, people)

    def discovery(self) -> dict[str, object]:
        """OpenID Connect Discovery 1.0, chapter 3."""
        return {
            **self.cis2.discovery(),
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
            "scopes_supported": ["openid", "profile", DEFAULT_SCOPE],
        }

    def token(self, member: Staff, scope: str) -> str:
        """An access token for a member of staff."""
        moment = int(time.time())
        role = staff_role(member)
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

    async def answer_nhs_login(self, request: web.Request) -> web.Response:
        """`GET /nhs-login/.well-known/openid-configuration`."""
        return web.json_response(self.nhs_login.discovery())

    async def answer_nhs_login_token(self, request: web.Request) -> web.Response:
        """`POST /nhs-login/token`."""
        return await self.nhs_login.answer_token(await _form(request))

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
        """`POST /token` (RFC 6749, chapters 4.1 and 4.4)."""
        form = await _form(request)
        if form.get("grant_type") == "authorization_code":
            return await self.cis2.answer_token(form)
        if form.get("grant_type", "client_credentials") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        member = self.staff.get(form.get("client_id", ""))
        if member is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        scope = form.get("scope") or DEFAULT_SCOPE
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
    app.router.add_get(f"{NHS_LOGIN}/.well-known/openid-configuration", issuer.answer_nhs_login)
    app.router.add_post(f"{NHS_LOGIN}/token", issuer.answer_nhs_login_token)
    app.add_routes([*issuer.cis2.routes(), *issuer.nhs_login.routes(NHS_LOGIN)])
    app.router.add_get("/personas", issuer.answer_personas)
    app.router.add_post("/token", issuer.answer_token)
    return app


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}


async def run(arguments: Arguments) -> None:
    """Serve until asked to end."""
    issuer = Issuer(
        f"http://{arguments.host}:{arguments.port}",
        arguments.audience,
        keys=arguments.keys,
        citizens=citizen_logins(arguments.seed, arguments.size),
    )
    await serve(application(issuer), arguments)
