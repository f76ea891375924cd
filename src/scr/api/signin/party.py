"""We as a client of an upstream: OpenID Connect Core 1.0, 3.1, with PKCE (RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from scr.api.signin.metadata import Directory, down
from scr.api.signin.told import Told
from scr.errors import Invalid, Unauthenticated
from scr.settings import Upstream
from scr.sources.http import Fetched, SourceFailure, fetch

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 120
_SECONDS = 8
_MOST_BYTES = 256 * 1024
_ERRORS = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope", "invalid_token",
})  # fmt: skip
_T = TypeVar("_T")
_log = structlog.get_logger("scr.api.signin")


class Tokens(msgspec.Struct, frozen=True):
    """What a code is redeemed for. Neither is kept for longer than the sign-in, but the ID token."""

    access_token: str
    id_token: str
    token_type: str

    def __repr__(self) -> str:
        """Without them."""
        return "Tokens()"


class _Error(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A client of one upstream. ``secret`` reads our key or secret, anew each time."""

    settings: Upstream
    directory: Directory
    client: httpx.AsyncClient
    secret: Callable[[str], bytes]
    clock: Callable[[], float]
    callback: str

    async def authorisation(self, state: str, nonce: str, verifier: str, *, anew: bool = False) -> str:
        """The address that a browser is sent to. Raises Unavailable."""
        metadata = await self.directory.metadata()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.callback,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _b64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if anew:
            asked["prompt"] = "login"
        if self.settings.acr_values:
            asked["acr_values"] = self.settings.acr_values
        if self.settings.vtr:
            asked["vtr"] = json.dumps(self.settings.vtr, separators=(",", ":"))
        return str(httpx.URL(metadata.authorization_endpoint).copy_merge_params(asked))

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """What the code stands for. Raises Unauthenticated ``upstream-refused``, Unavailable, Invalid."""
        metadata = await self.directory.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"} | self._prove(form, metadata.token_endpoint)
        request = self.client.build_request("POST", metadata.token_endpoint, data=form, headers=headers)
        tokens = await self._ask(request, msgspec.json.Decoder(Tokens))
        if tokens.token_type.lower() != "bearer":
            raise down(self.settings)
        return tokens

    async def told(self, tokens: Tokens) -> Told:
        """What it tells of who signed in (chapter 5.3). Raises Unauthenticated, Unavailable."""
        metadata = await self.directory.metadata()
        headers = {"Accept": "application/json", "Authorization": f"Bearer {tokens.access_token}"}
        request = self.client.build_request("GET", metadata.userinfo_endpoint, headers=headers)
        return await self._ask(request, msgspec.json.Decoder(Told))

    async def signing_out(self, id_token: str, back: str) -> str:
        """Where a browser is sent to sign out there too (RP-Initiated Logout 1.0); empty: nowhere."""
        metadata = await self.directory.metadata()
        if not metadata.end_session_endpoint:
            return ""
        told = {
            "id_token_hint": id_token,
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": back,
        }
        return str(httpx.URL(metadata.end_session_endpoint).copy_merge_params(told))

    def _prove(self, form: dict[str, str], audience: str) -> dict[str, str]:
        """Show that it is we: in the form, or in the headers that this gives."""
        ours = self.settings
        secret = self.secret(ours.secret)
        if ours.authentication == "private_key_jwt":
            form["client_assertion_type"] = ASSERTION_TYPE
            form["client_assertion"] = _assertion(ours, secret, audience, int(self.clock()))
            form["client_id"] = ours.client_id
            return {}
        if ours.authentication == "client_secret_post":
            form |= {"client_id": ours.client_id, "client_secret": secret.decode()}
            return {}
        pair = f"{quote(ours.client_id, safe='')}:{quote(secret.decode(), safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def _ask(self, request: httpx.Request, decoder: msgspec.json.Decoder[_T]) -> _T:
        deadline = asyncio.get_running_loop().time() + _SECONDS
        try:
            fetched = await fetch(self.client, request, max_bytes=_MOST_BYTES, deadline=deadline)
        except SourceFailure as failure:
            if failure.code.startswith("http-4"):
                raise self._refused(failure.code) from None
            raise down(self.settings) from None
        if 400 <= fetched.status < 500:
            raise self._refused(_error_of(fetched))
        if fetched.status != 200:
            raise down(self.settings)
        try:
            return decoder.decode(fetched.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _log.warning("upstream-unreadable", upstream=self.settings.name)
            raise down(self.settings) from None

    def _refused(self, error: str) -> Unauthenticated:
        """For the operator the log has the error, where it is one of the standard's."""
        _log.warning("upstream-refused", upstream=self.settings.name, error=error)
        told = f"{self.settings.title} did not take the sign-in: begin again"
        return Unauthenticated(told, code="upstream-refused")


def check_upstream(upstream: Upstream, secret: Callable[[str], bytes]) -> None:
    """Raises Invalid where our key or secret for it is not there, or is none."""
    found = secret(upstream.secret)
    if upstream.authentication == "private_key_jwt":
        _assertion(upstream, found, "", 0)


def _assertion(ours: Upstream, secret: bytes, audience: str, now: int) -> str:
    """That it is we, signed (RFC 7523)."""
    claims = {
        "iss": ours.client_id,
        "sub": ours.client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
    }
    header = {"alg": ours.signing, "typ": "JWT"} | ({"kid": ours.key_id} if ours.key_id else {})
    try:
        return jwt.encode(header, claims, RSAKey.import_key(secret), algorithms=[ours.signing])
    except (JoseError, ValueError):
        raise Invalid(
            f"the key of the upstream {ours.name!r} is not an RSA private key in PEM", code="bad-key"
        ) from None


def _error_of(fetched: Fetched) -> str:
    try:
        error = msgspec.json.decode(fetched.body, type=_Error).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = ""
    return error if error in _ERRORS else f"http-{fetched.status}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
