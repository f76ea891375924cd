"""The authorisation server: tokens for systems, by the client credentials grant, and for apps.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, RFC 6749 chapter 4.4; introspection as
RFC 7662 has it, revocation as RFC 7009. A token is good for five minutes, and says no more than its client
was registered for. What is an app's own is in ``apps``.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
from sqlalchemy import Connection

from scr.api.auth.token import Claims
from scr.api.auth.verifier import TokenVerifier, Trusted
from scr.api.oauth.apps import CODE_GRANT, REFRESH_GRANT, Apps, Issued
from scr.api.oauth.assertion import Assertions
from scr.api.oauth.endpoints import Endpoints, Form
from scr.api.oauth.granted import TOKEN_SECONDS, read_granted
from scr.api.oauth.launching import Launching
from scr.api.oauth.requesters import Requesters
from scr.api.oauth.signing import ALGORITHM, SigningKeys
from scr.consent.actor import Actor
from scr.consent.scopes import narrowed, parse
from scr.errors import Invalid, Unauthenticated
from scr.settings import Issuer
from scr.store import spent
from scr.store.clients import Client, ClientKind, find
from scr.store.engine import Database
from scr.store.grants import Grant
from scr.store.keys import KeyRing, random_id

GRANT = "client_credentials"
GRANTS = (GRANT, CODE_GRANT, REFRESH_GRANT)
_APPS = frozenset({ClientKind.APP})
_OWN = frozenset({ClientKind.SYSTEM, ClientKind.NEIGHBOUR})
"""Who is given tokens in their own name."""
_LATER_MS = 3_600_000
"""For so long after its end it is known that a token was taken back: an answer that was asked for with it may
still be to be made."""


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
        audiences = frozenset({ends.token, ends.introspect, ends.revoke, ends.launch})
        self._assertions = Assertions(audiences, database, keys, client, clock)
        self.requesters = Requesters(ends, database, keys, self._assertions.client_keys, clock)
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
        self.apps = Apps(ends, signing, database, keys, clock)
        self.launching = Launching(database, keys, clock)

    async def client_of(self, form: Form) -> Client:
        """The client that a form comes from; an app that has nothing to prove it with, by its id alone.

        Raises Unauthenticated, Unavailable.
        """
        if "client_id" in form and not {"client_assertion", "client_assertion_type"} & set(form):
            named = form["client_id"]
            found = await self._database.read(lambda connection: find(connection, named))
            if found is not None and found.public:
                return found
        return await self._assertions.client_of(form)

    async def token(self, client: Client, form: Form) -> Issued:
        """Tokens for a client, by the grant that it asks by. Raises Invalid."""
        grant = form.get("grant_type")
        if grant == GRANT:
            return Issued(self._of_system(client, form), "")
        if grant not in GRANTS:
            told = f"the grant type has to be one of {', '.join(GRANTS)}"
            raise Invalid(told, code="unsupported_grant_type")
        if client.kind is not ClientKind.APP:
            raise Invalid("this client acts for nobody: it is no app", code="not-an-app")
        if grant == CODE_GRANT:
            return await self.apps.by_code(client, form)
        return await self.apps.by_refresh(client, form)

    def _of_system(self, client: Client, form: Form) -> dict[str, object]:
        if client.kind not in _OWN:
            raise Invalid("this client is given no tokens of its own", code="unauthorized_client")
        given = narrowed(form.get("scope", "").split(), client.scopes)
        scopes = {scope for scope in given if parse(scope) is not None}
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
        if client.public:
            raise Invalid("whoever asks what a token is has to prove who they are", code="public-client")
        token = _token(form)
        any_ones = client.kind is ClientKind.RESOURCE_SERVER
        claims = await self._claims(token)
        if claims is None:
            return await self._introspected_refresh(client.id if not any_ones else None, token)
        if not any_ones and client.id != claims.client_id:
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
            **await self._context(claims),
        }

    async def _introspected_refresh(self, client: str | None, token: str) -> dict[str, object]:
        grant = await self.apps.of_refresh(token)
        if grant is None or client not in (None, grant.client):
            return {"active": False}
        granted = read_granted(grant)
        return {
            "active": True,
            "token_type": "refresh_token",
            "iss": self.endpoints.issuer,
            "client_id": grant.client,
            "scope": granted.scope,
            "iat": grant.began // 1000,
            "exp": grant.ends // 1000,
            **granted.context(),
        }

    async def _context(self, claims: Claims) -> dict[str, object]:
        """The launch context of an app's token."""
        if not claims.grant:
            return {}
        grant = await self._database.read(lambda connection: self.apps.in_force(connection, claims))
        if grant is None:
            return {}
        granted = read_granted(grant)
        return {**granted.context(), **granted.told_of_user()}

    async def revoke(self, client: Client, form: Form) -> None:
        """Let a token count no more, in every process. One that counts no more anyway is no error.

        A refresh token takes all with it that its sign-in gave. Raises Invalid ``other-client`` for a token
        of another client.
        """
        token = _token(form)
        claims = await self._claims(token)
        if claims is None:
            grant = await self.apps.of_refresh(token)
            if grant is not None:
                _check_owner(client, grant.client)
                await self.apps.end(grant)
            return
        _check_owner(client, claims.client_id)
        until = int(claims.exp * 1000) + _LATER_MS
        await self._database.write(
            lambda connection: spent.spend(connection, self._keys, "revoked", claims.iss, claims.jti, until)
        )

    async def _claims(self, token: str) -> Claims | None:
        try:
            _, claims = await self._own.checked(token)
        except Unauthenticated:
            return None
        return claims

    async def _stands(self, claims: Claims) -> Actor | None:
        """Its client is still registered, it was not given back; and whoever let an app, still does."""
        wanted = _APPS if claims.grant else _OWN

        def look(connection: Connection) -> tuple[bool, Grant | None]:
            known = find(connection, claims.client_id)
            if known is None or known.kind not in wanted:
                return False, None
            if spent.is_spent(connection, self._keys, "revoked", claims.iss, claims.jti):
                return False, None
            return True, self.apps.in_force(connection, claims) if claims.grant else None

        stands, grant = await self._database.read(look)
        if not stands or (claims.grant and grant is None):
            raise Unauthenticated("the token was taken back", code="revoked")
        return None if grant is None else read_granted(grant).actor(claims.client_id, claims.scope)


def _check_owner(client: Client, owner: str) -> None:
    if client.id != owner:
        raise Invalid("the token is another client's", code="other-client")


def _token(form: Form) -> str:
    token = form.get("token", "")
    if not token:
        raise Invalid("the form names no token", code="invalid_request")
    return token
