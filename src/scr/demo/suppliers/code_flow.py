"""The authorisation-code flow of the demonstration's issuers: a page to choose somebody, and no password.

OpenID Connect Core 1.0, 3.1, with PKCE and ``private_key_jwt``, as NHS CIS2 and NHS login have it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import httpx
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from scr.demo.suppliers.logins import Login

CLIENT_ID = "shared-care-record"
_CODE_SECONDS = 60
_TOKEN_SECONDS = 600
_ERRORS = {"invalid_client": 401}


@dataclass(frozen=True, slots=True)
class Client:
    """The shared care record, as an issuer knows it: its public keys (JWKS), and where it may be led back."""

    keys: str
    redirect_uri: str
    after_sign_out: str


@dataclass(frozen=True, slots=True)
class _Grant:
    login: Login
    nonce: str
    challenge: str
    scopes: frozenset[str]
    ends: float


class _Refused(Exception):
    """An OAuth error."""


@dataclass(slots=True)
class CodeFlow:
    """One issuer at ``url``, whose ID tokens ``key`` signs with ``algorithm``."""

    url: str
    title: str
    key: RSAKey
    algorithm: str
    client: Client
    logins: Mapping[str, Login]
    _codes: dict[str, _Grant] = field(default_factory=dict)
    _access: dict[str, _Grant] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def discovery(self) -> dict[str, object]:
        """OpenID Connect Discovery 1.0, chapter 3."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/end-session",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS512"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": ["openid", "profile", "delegation"],
        }

    def routes(self, prefix: str = "") -> Sequence[web.RouteDef]:
        """What browsers and the record call, but for the token endpoint and discovery."""
        return (
            web.get(f"{prefix}/authorize", self.answer_page),
            web.get(f"{prefix}/authorize/as/{{key}}", self.answer_chosen),
            web.get(f"{prefix}/userinfo", self.answer_userinfo),
            web.get(f"{prefix}/end-session", self.answer_end_session),
            web.get(f"{prefix}/jwks", self.answer_keys),
            web.get(f"{prefix}/pages.css", _answer_style),
        )

    async def answer_page(self, request: web.Request) -> web.Response:
        """`GET /authorize`: who are you?"""
        if (wrong := self._wrong(request.query)) is not None:
            return web.Response(text=wrong, status=400)
        query = request.query_string
        logins = [
            {
                "address": f"{self.url}/authorize/as/{each.key}?{query}",
                "name": each.name,
                "detail": each.detail,
            }
            for each in self.logins.values()
        ]
        cancel = self._back(request.query, error="access_denied")
        html = _templates().get_template("choose.html")
        text = html.render(title=self.title, base=self.url, logins=logins, cancel=cancel)
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def answer_chosen(self, request: web.Request) -> web.Response:
        """Back with a code for whoever was chosen."""
        login = self.logins.get(request.match_info["key"])
        wrong = self._wrong(request.query)
        if wrong is not None or login is None:
            return web.Response(text=wrong or "nobody has that name", status=400)
        code = secrets.token_urlsafe(24)
        asked = request.query
        self._codes[code] = _Grant(
            login,
            asked.get("nonce", ""),
            asked["code_challenge"],
            frozenset(asked["scope"].split()),
            time.time() + _CODE_SECONDS,
        )
        raise web.HTTPFound(self._back(asked, code=code))

    async def answer_token(self, form: Mapping[str, str]) -> web.Response:
        """`POST /token` with a code."""
        try:
            self._check_client(form.get("client_assertion", ""))
            grant = self._codes.pop(form.get("code", ""), None)
            challenge = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            right = form.get("redirect_uri") == self.client.redirect_uri
            if grant is None or grant.ends < time.time() or grant.challenge != challenge or not right:
                raise _Refused("invalid_grant")
        except _Refused as refused:
            return web.json_response({"error": str(refused)}, status=_ERRORS.get(str(refused), 400))
        access = secrets.token_urlsafe(24)
        self._access[access] = grant
        answer = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
            "id_token": self._id_token(grant, access),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def answer_userinfo(self, request: web.Request) -> web.Response:
        """`GET /userinfo`."""
        grant = self._access.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if grant is None:
            return web.json_response({"error": "invalid_token"}, status=401)
        told = {"sub": grant.login.sub, **grant.login.userinfo}
        if "delegation" not in grant.scopes:
            told.pop("delegations", None)
        return web.json_response(told)

    async def answer_end_session(self, request: web.Request) -> web.Response:
        """`GET /end-session`: nobody stays signed in here, so that all there is to do is to lead back."""
        back = request.query.get("post_logout_redirect_uri", "")
        if back != self.client.after_sign_out:
            return web.Response(text="signed out")
        raise web.HTTPFound(back)

    async def answer_keys(self, _request: web.Request) -> web.Response:
        """`GET /jwks`: the public key."""
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    def _wrong(self, asked: Mapping[str, str]) -> str | None:
        """What is wrong with a request, in words for whoever wrote the client."""
        if asked.get("client_id") != CLIENT_ID or asked.get("redirect_uri") != self.client.redirect_uri:
            return "client_id or redirect_uri is not the one that is registered"
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return "response_type is code, and openid is among the scopes"
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return "a code_challenge (S256) is needed"
        return None

    def _back(self, asked: Mapping[str, str], **told: str) -> str:
        told |= {"iss": self.url} | ({"state": asked["state"]} if "state" in asked else {})
        return str(httpx.URL(self.client.redirect_uri).copy_merge_params(told))

    def _check_client(self, assertion: str) -> None:
        """RFC 7523: signed by the record's key, for this endpoint, in its time, and once."""
        try:
            keys = KeySet.import_key_set(json.loads(self.client.keys))
            claims = jwt.decode(assertion, keys, algorithms=["RS512"]).claims
        except (JoseError, ValueError, KeyError):
            raise _Refused("invalid_client") from None
        used = str(claims.get("jti", ""))
        right = (
            claims.get("iss") == claims.get("sub") == CLIENT_ID and claims.get("aud") == f"{self.url}/token"
        )
        if not right or float(claims.get("exp", 0)) < time.time() or not used or used in self._used:
            raise _Refused("invalid_client")
        self._used.add(used)

    def _id_token(self, grant: _Grant, access: str) -> str:
        moment = int(time.time())
        half = hashlib.new(f"sha{self.algorithm[-3:]}", access.encode()).digest()
        claims = {
            "iss": self.url,
            "sub": grant.login.sub,
            "aud": CLIENT_ID,
            "iat": moment,
            "exp": moment + _TOKEN_SECONDS,
            "auth_time": moment,
            "nonce": grant.nonce,
            "at_hash": _b64(half[: len(half) // 2]),
            "jti": secrets.token_urlsafe(12),
            **grant.login.id_claims,
        }
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def _answer_style(_request: web.Request) -> web.Response:
    """The look of the pages that people come from."""
    body = (files("scr.api.pages") / "assets" / "pages.css").read_bytes()
    return web.Response(body=body, content_type="text/css")


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("scr.demo.suppliers"), autoescape=True, undefined=StrictUndefined)
