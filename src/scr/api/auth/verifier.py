"""Bearer tokens: from trusted issuers only, and what they say of the actor.

A token is a JWT (RFC 9068) signed by one of the trusted issuers with an algorithm that the issuer may
use, for this audience, and in its time; or an opaque one, which its issuer says is active.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx
import msgspec
from starlette.requests import Request

from scr.api.auth.introspection import Introspector
from scr.api.auth.keys import KeySource, issuer_keys
from scr.api.auth.people import citizen_or_carer, own_system, staff_or_system
from scr.api.auth.token import (
    LONGEST,
    Claims,
    Header,
    Named,
    check_header,
    check_signature,
    looks_signed,
    read,
)
from scr.consent.actor import Actor
from scr.errors import Invalid, Unauthenticated
from scr.settings import Issuer

_LEEWAY_SECONDS = 30
_REMEMBERED = 10_000
_LONGEST_SUBJECT = 255
"""OpenID Connect Core, 2."""
_READ = 1_000
"""Tokens of which it is remembered what they say: whoever uses one uses it many times."""
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")
"""RFC 6750, 2.1."""

Spend = Callable[[str, str, float], Awaitable[bool]]
"""Note that an issuer's ``jti`` was used, until an instant in seconds; False where it was noted before."""
Standing = Callable[[Claims], Awaitable[Actor | None]]
"""A last look at the claims of a token whose signature holds, and the actor, where they alone do not tell.

Raises Unauthenticated.
"""


@dataclass(frozen=True, slots=True)
class Trusted:
    """An issuer that is trusted, and its keys. ``standing`` is what else is asked of its tokens."""

    issuer: Issuer
    keys: KeySource
    standing: Standing | None = None
    ours: bool = False


class TokenVerifier:
    """Checks tokens and makes actors of them."""

    def __init__(
        self,
        issuers: Sequence[Issuer],
        client: httpx.AsyncClient,
        clock: Callable[[], float] = time.time,
        *,
        own: Trusted | None = None,
        secret: Callable[[str], bytes] | None = None,
        spend: Spend | None = None,
    ) -> None:
        """``own`` is this deployment as an issuer; ``secret`` reads a reference of the settings.

        Raises Invalid where an issuer needs what is not there.
        """
        self._clock = clock
        self._spend = spend
        self._issuers = frozenset(issuer.url for issuer in issuers)
        self._trusted = {each.url: Trusted(each, issuer_keys(each, client, clock)) for each in issuers}
        if own is not None and self._trusted.setdefault(own.issuer.url, own) is not own:
            raise Invalid(
                f"the issuer {own.issuer.url} is this deployment itself: it needs no entry",
                code="bad-setting",
            )
        self._opaque: Introspector | None = None
        self._read: dict[bytes, tuple[Header, Claims]] = {}
        for each in issuers:
            if each.one_time and spend is None:
                raise Invalid(f"no memory for the one-time tokens of {each.url}", code="bad-setting")
            if each.introspection is not None:
                if secret is None:
                    raise Invalid(f"no secret for the introspection of {each.url}", code="bad-setting")
                secret(each.introspection.secret)
                self._opaque = Introspector(each, each.introspection, client, secret, clock)

    @property
    def issuers(self) -> frozenset[str]:
        """The issuers that the settings trust."""
        return self._issuers

    @property
    def usual(self) -> str:
        """Whose tokens are meant where nobody is named: the settings' first issuer, or else ourselves."""
        return next(iter(self._trusted), "")

    async def actor(self, authorization: str | None) -> Actor:
        """The actor of an ``Authorization`` header (see ``authorization_of``).

        Raises Unauthenticated, with no hint at the token; Unavailable where an issuer is needed and down.
        """
        trusted, claims, actor = await self._believed(_bearer(authorization))
        if trusted.issuer.one_time:
            await self._use(claims, trusted.issuer)
        return _actor(claims, trusted) if actor is None else actor

    async def checked(self, token: str) -> tuple[Trusted, Claims]:
        """Whose a token is and what it says, without using it up. Raises as ``actor`` does."""
        trusted, claims, _ = await self._believed(token)
        return trusted, claims

    async def named(self, authorization: str | None) -> Named:
        """What names the token of an ``Authorization`` header that was believed. Raises as ``actor`` does."""
        return Named.of((await self.checked(_bearer(authorization)))[1])

    async def still(self, token: Named) -> None:
        """Whether a token that was believed before would be, but for its time: its issuer is trusted, and, of
        one of our own, it was not taken back, nor was its client or whoever let the app.

        Raises Unauthenticated. Of another issuer's token nobody here can know more than that.
        """
        trusted = self._trusted.get(token.iss)
        if trusted is None:
            raise Unauthenticated("the token's issuer is not trusted here any more", code="unknown-issuer")
        if trusted.standing is not None:
            await trusted.standing(token.claims())

    async def _believed(self, token: str) -> tuple[Trusted, Claims, Actor | None]:
        if looks_signed(token) or self._opaque is None:
            trusted, claims = await self._signed(token)
        else:
            claims = await self._opaque.claims(token)
            trusted = self._trusted[self._opaque.issuer.url]
        self._check(claims, trusted.issuer)
        actor = None if trusted.standing is None else await trusted.standing(claims)
        return trusted, claims, actor

    async def _signed(self, token: str) -> tuple[Trusted, Claims]:
        digest = hashlib.sha256(token.encode()).digest()
        header, claims = self._read.get(digest) or read(token)
        trusted = self._trusted.get(claims.iss)
        if trusted is None:
            raise Unauthenticated("the token's issuer is not one that is trusted here", code="unknown-issuer")
        _check_kind(header, claims, trusted.issuer)
        key = await trusted.keys.key(header.kid, header.alg)
        verified = trusted.keys.verified
        if digest not in verified:  # else: these very bytes, by these very keys; the rest is asked every time
            check_signature(token, header.alg, key)
            if len(verified) >= _REMEMBERED:
                verified.clear()
            verified.add(digest)
        if digest not in self._read:
            if len(self._read) >= _READ:
                self._read.clear()
            self._read[digest] = header, claims
        return trusted, claims

    def _check(self, claims: Claims, issuer: Issuer) -> None:
        now = self._clock()
        if not claims.sub or len(claims.sub) > _LONGEST_SUBJECT:
            raise Unauthenticated("the token names nobody", code="bad-token")
        if claims.cnf is not msgspec.UNSET:
            raise Unauthenticated("the token is bound to a key, and nothing here asks for it", code="bound")
        if issuer.audience not in claims.audiences:
            raise Unauthenticated("the token is meant for another service", code="bad-audience")
        if claims.exp <= now - _LEEWAY_SECONDS:
            raise Unauthenticated("the token has expired: sign in again", code="expired")
        if any(begin is not None and begin > now + _LEEWAY_SECONDS for begin in (claims.nbf, claims.iat)):
            raise Unauthenticated("the token is not valid yet: is a clock wrong?", code="not-yet-valid")
        if claims.exp - (now if claims.iat is None else claims.iat) > issuer.longest_seconds:
            raise Unauthenticated("the token is good for longer than its issuer may give", code="too-long")

    async def _use(self, claims: Claims, issuer: Issuer) -> None:
        if not claims.jti:
            raise Unauthenticated("a token that counts once needs an id", code="bad-token")
        assert self._spend is not None
        if not await self._spend(issuer.url, claims.jti, claims.exp + _LEEWAY_SECONDS):
            raise Unauthenticated("the token was used before, and counts once", code="used-before")


def authorization_of(request: Request) -> str | None:
    """The ``Authorization`` header of a request; several are joined, and then none of them counts."""
    return ", ".join(request.headers.getlist("authorization")) or None


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("a bearer token is needed", code="no-token")
    if len(token) > LONGEST:
        raise Unauthenticated(f"the token is longer than {LONGEST} characters", code="token-too-large")
    if not _TOKEN.match(token):
        raise Unauthenticated("the header does not hold one bearer token", code="bad-token")
    return token


def _check_kind(header: Header, claims: Claims, issuer: Issuer) -> None:
    if header.alg not in issuer.algorithms:
        raise Unauthenticated("the token's algorithm is not allowed for its issuer", code="bad-algorithm")
    check_header(header)
    if header.kind not in {kind.lower() for kind in issuer.types} or claims.of_sign_in:
        raise Unauthenticated("the token is of another kind than an access token", code="wrong-kind")
    if not header.kid:
        raise Unauthenticated("the token does not name its key", code="no-key-id")


def _actor(claims: Claims, trusted: Trusted) -> Actor:
    if trusted.ours:
        return own_system(claims)
    return citizen_or_carer(claims) if trusted.issuer.people == "citizens" else staff_or_system(claims)
