"""The authorisation server: tokens for systems, by the client credentials grant.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, RFC 6749 chapter 4.4; introspection as
RFC 7662 has it, revocation as RFC 7009. A token is good for five minutes, and says no more than its client
was registered for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from sqlalchemy import Connection

from scr.api.auth.token import Claims
from scr.api.auth.verifier import TokenVerifier, Trusted
from scr.api.oauth.assertion import Assertions
from scr.api.oauth.signing import ALGORITHM, SigningKeys
from scr.consent.scopes import narrowed
from scr.errors import Invalid, Unauthenticated
from scr.settings import Issuer
from scr.store import spent
from scr.store.clients import Client, ClientKind, find
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id

TOKEN_SECONDS = 300
GRANT = "client_credentials"

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where things are, as clients see them; ``base_url`` is the FHIR base."""

    base_url: str

    @property
    def issuer(self) -> str:
        """The ``iss`` of our tokens."""
        return f"{self.base_url}/auth"

    @property
    def token(self) -> str:
        """Where tokens are given; also the audience of assertions."""
        return f"{self.issuer}/token"

    @property
    def introspect(self) -> str:
        """Where it is told what a token is."""
        return f"{self.issuer}/introspect"

    @property
    def revoke(self) -> str:
        """Where a token is given back."""
        return f"{self.issuer}/revoke"

    @property
    def keys(self) -> str:
        """Our public keys."""
        return f"{self.issuer}/jwks"


class AuthorisationServer:
    """Gives tokens, tells what they are, and takes them back. ``clock`` gives seconds since 1970."""

    def __init__(
        self,
        base_url: str,
        signing: SigningKeys,
        database: Database,
        keys: KeyRing,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
    ) -> None:
        self.endpoints = Endpoints(base_url)
        self.signing = signing
        self._database = database
        self._keys = keys
        self._clock = clock
        ends = self.endpoints
        audiences = frozenset({ends.token, ends.introspect, ends.revoke})
        self._assertions = Assertions(audiences, database, keys, client, clock)
        self.trusted = Trusted(
            Issuer(
                url=ends.issuer,
                audience=base_url,
                algorithms=(ALGORITHM,),
                types=("at+jwt",),
                longest_seconds=TOKEN_SECONDS,
            ),
            signing,
            self._stands,
            ours=True,
        )
        self._own = TokenVerifier((), client, clock, own=self.trusted)

    async def client_of(self, form: Form) -> Client:
        """The client that a form comes from. Raises Unauthenticated, Unavailable."""
        return await self._assertions.client_of(form)

    def token(self, client: Client, form: Form) -> dict[str, object]:
        """A token for a client. Raises Invalid ``unsupported_grant_type``, ``invalid_scope``."""
        if form.get("grant_type") != GRANT:
            raise Invalid(f"the grant type has to be {GRANT}", code="unsupported_grant_type")
        if client.kind is not ClientKind.SYSTEM:
            raise Invalid(
                "this client may ask what tokens are, and is given none", code="unauthorized_client"
            )
        scopes = narrowed(form.get("scope", "").split(), client.scopes)
        if not scopes:
            raise Invalid(
                "none of the scopes that were asked for is one that the client may have",
                code="invalid_scope",
            )
        now = int(self._clock())
        scope = " ".join(sorted(scopes))
        claims = {
            "iss": self.endpoints.issuer,
            "sub": client.id,
            "client_id": client.id,
            "aud": self.endpoints.base_url,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": random_id(),
            "scope": scope,
            "name": client.name,
            "organisation_code": client.organisation.value,
        }
        return {
            "access_token": self.signing.sign(claims),
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": scope,
        }

    async def introspect(self, client: Client, form: Form) -> dict[str, object]:
        """What a token is: to the client that it was given to, and to a resource server."""
        claims = await self._claims(_token(form))
        mine = claims is not None and client.id == claims.client_id
        if claims is None or not (mine or client.kind is ClientKind.RESOURCE_SERVER):
            return {"active": False}
        return {
            "active": True,
            "token_type": "bearer",
            "iss": claims.iss,
            "sub": claims.sub,
            "client_id": claims.client_id,
            "aud": claims.aud,
            "scope": claims.scope,
            "iat": int(claims.iat or 0),
            "exp": int(claims.exp),
        }

    async def revoke(self, client: Client, form: Form) -> None:
        """Let a token count no more, in every process. One that counts no more anyway is no error.

        Raises Invalid ``unauthorized_client`` for a token of another client.
        """
        claims = await self._claims(_token(form))
        if claims is None:
            return
        if claims.client_id != client.id:
            raise Invalid("the token is another client's", code="unauthorized_client")
        until = int(claims.exp * 1000) + 60_000
        await self._database.write(
            lambda connection: spent.spend(connection, self._keys, "revoked", claims.iss, claims.jti, until)
        )

    async def _claims(self, token: str) -> Claims | None:
        try:
            _, claims = await self._own.checked(token)
        except Unauthenticated:
            return None
        return claims

    async def _stands(self, claims: Claims) -> None:
        """Its client is still registered, and it was not given back."""

        def look(connection: Connection) -> bool:
            known = find(connection, claims.client_id)
            if known is None or known.kind is not ClientKind.SYSTEM:
                return False
            return not spent.is_spent(connection, self._keys, "revoked", claims.iss, claims.jti)

        if not await self._database.read(look):
            raise Unauthenticated("the token was taken back", code="revoked")


def _token(form: Form) -> str:
    token = form.get("token", "")
    if not token:
        raise Invalid("the form names no token", code="invalid_request")
    return token
