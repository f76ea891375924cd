"""A client that proves who it is with a signed assertion: ``private_key_jwt`` (RFC 7523).

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html. Until the signature holds,
every failure is told in the same words; its code is for the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from scr.api.auth.token import LONGEST, Claims, check_signature, read
from scr.api.oauth.client_keys import ALGORITHMS as ALGORITHMS
from scr.api.oauth.client_keys import ClientKeys, check_client_header
from scr.errors import Unauthenticated
from scr.store import spent
from scr.store.clients import Client, find
from scr.store.engine import Database
from scr.store.keys import KeyRing

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TYPES = frozenset({"jwt", "client-authentication+jwt"})
_LONGEST_SECONDS = 300
_LEEWAY_SECONDS = 10
_LONGEST_ID = 255


@dataclass(slots=True)
class Assertions:
    """Checks assertions that are meant for one of ``audiences``. ``clock`` gives seconds since 1970."""

    audiences: frozenset[str]
    database: Database
    keys: KeyRing
    client: httpx.AsyncClient
    clock: Callable[[], float]
    client_keys: ClientKeys = field(init=False)

    def __post_init__(self) -> None:
        """Know no keys yet."""
        self.client_keys = ClientKeys(self.client, self.clock)

    async def client_of(self, form: Mapping[str, str]) -> Client:
        """The client that a form proves to come from. Raises Unauthenticated; Unavailable."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Unauthenticated("a signed client assertion is needed", code="no-assertion")
        assertion = form.get("client_assertion", "")
        if not 0 < len(assertion) <= LONGEST:
            raise Unauthenticated("a signed client assertion is needed", code="no-assertion")
        header, claims = read(assertion)
        client = await self.database.read(lambda connection: find(connection, claims.sub))
        if client is None:
            raise _unproven("unknown-client")
        check_client_header(header, _TYPES)
        try:
            check_signature(assertion, header.alg, await self.client_keys.key(client, header))
        except Unauthenticated as error:
            raise _unproven(error.code) from None
        _check_claims(claims, form.get("client_id"), self.audiences, self.clock())
        await self._use(claims)
        return client

    async def _use(self, claims: Claims) -> None:
        """Of many processes that are shown one assertion, one takes it: the row of its id is unique."""
        until = int((claims.exp + _LEEWAY_SECONDS) * 1000) + 1
        fresh = await self.database.write(
            lambda connection: spent.spend(connection, self.keys, "assertion", claims.sub, claims.jti, until)
        )
        if not fresh:
            raise Unauthenticated("the assertion was used before, and counts once", code="used-before")


def _check_claims(claims: Claims, client_id: str | None, audiences: frozenset[str], now: float) -> None:
    if claims.iss != claims.sub or client_id not in (None, claims.sub):
        raise Unauthenticated("iss, sub and client_id are all the client's id", code="bad-client")
    if len(claims.audiences) != 1 or claims.audiences[0] not in audiences:
        raise Unauthenticated("the aud of an assertion is the address of this endpoint", code="bad-audience")
    if claims.exp <= now - _LEEWAY_SECONDS:
        raise Unauthenticated("the assertion has expired", code="expired")
    if claims.exp > now + _LONGEST_SECONDS + _LEEWAY_SECONDS:
        raise Unauthenticated("an assertion is good for five minutes at most", code="too-long")
    if any(begin is not None and begin > now + _LEEWAY_SECONDS for begin in (claims.nbf, claims.iat)):
        raise Unauthenticated("the assertion is not valid yet: is a clock wrong?", code="not-yet-valid")
    if not 0 < len(claims.jti) <= _LONGEST_ID:
        raise Unauthenticated(f"an assertion needs a jti of at most {_LONGEST_ID} letters", code="no-jti")


def _unproven(code: str) -> Unauthenticated:
    """The same words for a client that is not there and for a signature that is not its own."""
    return Unauthenticated("the assertion is not one of a client that is registered here", code=code)
