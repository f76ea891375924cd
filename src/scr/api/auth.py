"""Bearer tokens: from trusted issuers only, and what they say of the actor.

A token is a JWT (RFC 9068) signed by one of the configured issuers with an algorithm that the issuer
may use, for this audience, and in its time. Keys come from the issuer's discovery document (OpenID
Connect Discovery 1.0) and are kept: a new key id makes one new look, and an issuer that is down does
not stop those whose key is known. The staff claims are those of NHS CIS2: the selected role only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from scr.consent.actor import Actor, ActorKind
from scr.errors import Unauthenticated, Unavailable
from scr.fhir.identifiers import OdsCode
from scr.settings import Issuer

FRESH_SECONDS = 600
GRACE_SECONDS = 3600
_RETRY_SECONDS = 5
_FETCH_SECONDS = 3
_LEEWAY_SECONDS = 30
_MAX_TOKEN = 16_384
_REMEMBERED = 10_000
_TYPES = frozenset({"at+jwt", "application/at+jwt", "JWT"})


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: msgspec.Raw | None = None


class _NrbacRole(msgspec.Struct):
    person_roleid: str
    org_code: str
    role_code: str
    role_name: str = ""


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    nbf: float = 0
    iat: float = 0
    scope: str = ""
    name: str = ""
    client_id: str = ""
    nhsid_useruid: str = ""
    selected_roleid: str | None = None
    nhsid_nrbac_roles: list[_NrbacRole] = []
    organisation_name: str = ""


@dataclass
class _Keys:
    keys: KeySet | None = None
    fetched: float = float("-inf")
    tried: float = float("-inf")
    verified: set[bytes] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def stale(self, kid: str | None, now: float) -> bool:
        """Whether the keys are old, or lack one with this id."""
        return now - self.fetched > FRESH_SECONDS or not _has(self.keys, kid)


class TokenVerifier:
    """Checks tokens and makes actors of them."""

    def __init__(
        self, issuers: Sequence[Issuer], client: httpx.AsyncClient, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuers: Mapping[str, Issuer] = {issuer.url: issuer for issuer in issuers}
        self._client = client
        self._clock = clock
        self._keys: dict[str, _Keys] = {url: _Keys() for url in self._issuers}

    @property
    def issuers(self) -> frozenset[str]:
        """The issuers that are trusted."""
        return frozenset(self._issuers)

    async def actor(self, authorization: str | None) -> Actor:
        """The actor of an ``Authorization`` header. Raises Unauthenticated, with no hint at the token."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise Unauthenticated("a bearer token is needed", code="no-token")
        header, claims = _peek(token)
        issuer = self._issuers.get(claims.iss)
        if issuer is None:
            raise Unauthenticated("the token's issuer is not one that is trusted here", code="unknown-issuer")
        if header.alg not in issuer.algorithms:
            raise Unauthenticated("the token's algorithm is not allowed for its issuer", code="bad-algorithm")
        if header.crit is not None or (header.typ is not None and header.typ not in _TYPES):
            raise Unauthenticated("the token is of another kind than an access token", code="bad-token")
        await self._verify(token, header, issuer)
        self._check(claims, issuer)
        return _actor(claims)

    async def _verify(self, token: str, header: _Header, issuer: Issuer) -> None:
        keys = await self._keys_for(issuer, header.kid)
        verified = self._keys[issuer.url].verified
        digest = hashlib.sha256(token.encode()).digest()
        if digest in verified:  # these very bytes, by these very keys; the times are checked every time
            return
        try:
            jwt.decode(token, keys, algorithms=list(issuer.algorithms))
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("the token's signature does not hold", code="bad-signature") from None
        if len(verified) >= _REMEMBERED:
            verified.clear()
        verified.add(digest)

    def _check(self, claims: _Claims, issuer: Issuer) -> None:
        now = self._clock()
        audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
        if issuer.audience not in audiences:
            raise Unauthenticated("the token is meant for another service", code="bad-audience")
        if claims.exp <= now - _LEEWAY_SECONDS:
            raise Unauthenticated("the token has expired: sign in again", code="expired")
        if claims.nbf > now + _LEEWAY_SECONDS or claims.iat > now + _LEEWAY_SECONDS:
            raise Unauthenticated("the token is not valid yet: is a clock wrong?", code="not-yet-valid")

    async def _keys_for(self, issuer: Issuer, kid: str | None) -> KeySet:
        """The issuer's keys: fresh ones, or for a while the known ones when it cannot be reached."""
        state = self._keys[issuer.url]
        now = self._clock()
        if state.keys is not None and not state.stale(kid, now):
            return state.keys  # nobody whose key is known waits for a look after another one
        async with state.lock:
            now = self._clock()
            if state.stale(kid, now) and now - state.tried > _RETRY_SECONDS:
                state.tried = now
                found = await self._fetch(issuer)
                if found is not None:
                    state.keys, state.fetched = found, now
                    state.verified.clear()
            if state.keys is None or now - state.fetched > GRACE_SECONDS:
                raise Unavailable("the token issuer's keys cannot be had: try again", code="issuer-down")
            return state.keys

    async def _fetch(self, issuer: Issuer) -> KeySet | None:
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                found = await self._client.get(f"{issuer.url.rstrip('/')}/.well-known/openid-configuration")
                document = found.raise_for_status().json()
                if document.get("issuer") != issuer.url:
                    return None
                answer = await self._client.get(str(document["jwks_uri"]))
                return KeySet.import_key_set(answer.raise_for_status().json())
        except (httpx.HTTPError, TimeoutError, JoseError, ValueError, KeyError, AttributeError, TypeError):
            return None


def _has(keys: KeySet | None, kid: str | None) -> bool:
    return keys is not None and (kid is None or any(key.kid == kid for key in keys.keys))


def _peek(token: str) -> tuple[_Header, _Claims]:
    """Header and claims before the signature is checked: to find the key, and for nothing else."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthenticated("the token is not a signed JWT", code="bad-token")
    try:
        return (
            msgspec.json.decode(_unpadded(parts[0]), type=_Header),
            msgspec.json.decode(_unpadded(parts[1]), type=_Claims),
        )
    except (msgspec.DecodeError, ValueError):
        raise Unauthenticated("the token cannot be read", code="bad-token") from None


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _actor(claims: _Claims) -> Actor:
    """The selected role only, never the union of the roles that a person holds."""
    role = next((r for r in claims.nhsid_nrbac_roles if r.person_roleid == claims.selected_roleid), None)
    return Actor(
        kind=ActorKind.PROFESSIONAL if claims.nhsid_useruid else ActorKind.SYSTEM,
        subject=f"{claims.iss}|{claims.sub}",
        name=claims.name,
        role=None if role is None else role.role_code.rpartition(":")[2],
        role_name="" if role is None else role.role_name.strip('"'),
        organisation=None if role is None else _ods(role.org_code),
        organisation_name=claims.organisation_name,
        user_id=claims.nhsid_useruid,
        scopes=frozenset(claims.scope.split()),
        client=claims.client_id,
    )


def _ods(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text)
    except ValueError:
        raise Unauthenticated("the token's organisation is not an ODS code", code="bad-token") from None
