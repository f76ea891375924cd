"""Tokens for apps that act for people: codes, refresh tokens in turn, and what they say.

RFC 6749 4.1 and 6, RFC 7636, RFC 9068, OpenID Connect Core 3.1.3, RFC 9700 4.14. A code and a refresh token
count once, in whichever process; one that is shown again ends all that came of it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from scr.api.auth.token import Claims
from scr.api.oauth.asked import Asked, proves
from scr.api.oauth.endpoints import Endpoints, Form
from scr.api.oauth.granted import (
    CODE_SECONDS,
    TOKEN_SECONDS,
    Granted,
    approver_of,
    ends_of,
    login_of,
    read_granted,
    subject_for,
    user_url,
)
from scr.api.oauth.offer import OPENID, Offer
from scr.api.oauth.signing import SigningKeys
from scr.api.signin.person import SignedIn
from scr.consent.scopes import narrowed
from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.store import grants, launches
from scr.store.clients import Client
from scr.store.engine import Database
from scr.store.grants import Grant, Taken
from scr.store.keys import KeyRing, random_id

CODE_GRANT = "authorization_code"
REFRESH_GRANT = "refresh_token"
_GONE = "the code or token is not one that counts here, or counts no more: sign in again"


@dataclass(frozen=True, slots=True)
class Issued:
    """An answer with tokens, and what the audit says of it: the id of the grant."""

    answer: dict[str, object]
    grant: str


@dataclass(frozen=True, slots=True)
class Apps:
    """Begins grants, and gives tokens of them. ``clock`` gives seconds since 1970."""

    endpoints: Endpoints
    signing: SigningKeys
    database: Database
    keys: KeyRing
    clock: Callable[[], float]

    async def own_patient(self, who: SignedIn) -> tuple[str, str]:
        """Logical ids: of the Patient whom a citizen's or carer's token is of, and of their own.

        Empty where nobody of that number is held here. Staff have neither.
        """
        actor = who.actor("")
        numbers = (actor.patient, actor.nhs_number or actor.patient)

        def look(connection: Connection, number: NHSNumber | None) -> str:
            person = None if number is None else index.find(connection, self.keys, number)
            return "" if person is None else person.patient_id

        return await self.database.read(lambda conn: (look(conn, numbers[0]), look(conn, numbers[1])))

    async def begin(self, asked: Asked, who: SignedIn, offer: Offer, own: str) -> tuple[str, str]:
        """A code for what a person has let an app do; and the id of the grant.

        Raises Invalid ``bad-launch`` where the handle of the launch was used meanwhile.
        """
        now, code = self._now(), secrets.token_urlsafe(32)
        content = Granted(
            who=who,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            scope=offer.scope,
            nonce=asked.nonce,
            patient=offer.patient,
            held=offer.held,
            banner=offer.banner,
            fhir_user=user_url(self.keys, self.endpoints.base_url, who, own),
        )
        login, client = login_of(who), asked.client

        def write(connection: Connection) -> str:
            if asked.launch and launches.take(connection, self.keys, asked.launch, client.id, now) is None:
                raise Invalid("the launch is over, or was used: open the app again", code="bad-launch")
            if client.consent == "once":
                launches.approve(connection, client.id, approver_of(self.keys, who), offer.scopes, now)
            return grants.begin(
                connection,
                self.keys,
                client.id,
                login,
                msgspec.json.encode(content),
                code=code,
                code_until=now + CODE_SECONDS * 1000,
                now=now,
                ends=ends_of(who, offer.scopes, now),
            )

        return code, await self.database.write(write)

    async def by_code(self, client: Client, form: Form) -> Issued:
        """Tokens for a code. Raises Invalid with a code that OAuth calls ``invalid_grant``."""
        now = self._now()
        taken = await self.database.write(
            lambda connection: grants.take_code(connection, self.keys, form.get("code", ""), now)
        )
        if taken is None:
            raise Invalid(_GONE, code="bad-code")
        if not taken.first:
            raise Invalid(_GONE, code="code-used")
        granted = read_granted(taken.grant)
        if taken.grant.client != client.id:
            raise Invalid(_GONE, code="wrong-client")
        if taken.late:
            raise Invalid(_GONE, code="code-late")
        if form.get("redirect_uri") != granted.redirect_uri:
            raise Invalid("redirect_uri is not that of the request", code="wrong-redirect")
        if not proves(granted.challenge, form.get("code_verifier", "")):
            raise Invalid("code_verifier is not that of the request", code="wrong-verifier")
        return await self._issue(client, taken, granted, granted.scopes, form.get("code", ""))

    async def by_refresh(self, client: Client, form: Form) -> Issued:
        """The next tokens. Raises Invalid, ``invalid_grant`` in OAuth's words; or ``no-scope``."""
        now, token = self._now(), form.get("refresh_token", "")
        await self._check_scope(token, form)
        taken = await self.database.write(
            lambda connection: grants.take_refresh(connection, self.keys, client.id, token, now)
        )
        if taken is None:
            raise Invalid(_GONE, code="bad-refresh")
        if taken.grant.client != client.id:
            raise Invalid(_GONE, code="wrong-client")
        if not taken.first:
            raise Invalid(_GONE, code="refresh-used")
        granted = read_granted(taken.grant)
        scopes = granted.scopes
        if "scope" in form:
            scopes = narrowed(form["scope"].split(), granted.scopes)
        return await self._issue(client, taken, granted, scopes)

    def in_force(self, connection: Connection, claims: Claims) -> Grant | None:
        """The grant of an access token, if it lasts."""
        grant = grants.find(connection, self.keys, claims.grant)
        mine = grant is not None and grant.client == claims.client_id
        return grant if grant is not None and mine and grant.lasts(self._now()) else None

    async def of_refresh(self, token: str) -> Grant | None:
        """The grant that a refresh token would still renew."""

        def look(connection: Connection) -> Grant | None:
            if not grants.is_fresh(connection, self.keys, token):
                return None
            return grants.grant_of_refresh(connection, self.keys, token)

        grant = await self.database.read(look)
        return grant if grant is not None and grant.lasts(self._now()) else None

    async def _check_scope(self, token: str, form: Form) -> None:
        """Before the token is used up: a client that asks for too much may ask again."""
        grant = await self.of_refresh(token) if "scope" in form else None
        if grant is not None and not narrowed(form["scope"].split(), read_granted(grant).scopes):
            raise Invalid("none of the scopes is one that was granted", code="no-scope")

    async def end(self, grant: Grant) -> None:
        """End a grant, and with it all its tokens."""
        now = self._now()
        await self.database.write(lambda connection: grants.end(connection, grant.id, now))

    async def _issue(
        self, client: Client, taken: Taken, granted: Granted, scopes: frozenset[str], code: str = ""
    ) -> Issued:
        now, grant = int(self.clock()), taken.grant
        if not grant.lasts(self._now()):
            raise Invalid(_GONE, code="grant-over")
        answer = self._access(client, grant, granted, scopes, now)
        if code and OPENID in scopes:
            answer["id_token"] = self._id_token(client, granted, str(answer["access_token"]), code, now)
        if granted.refreshes:
            refresh = secrets.token_urlsafe(48)
            await self.database.write(
                lambda connection: grants.add_refresh(connection, self.keys, grant, refresh)
            )
            answer["refresh_token"] = refresh
        return Issued(answer, grant.id)

    def _access(
        self, client: Client, grant: Grant, granted: Granted, scopes: frozenset[str], now: int
    ) -> dict[str, object]:
        scope = " ".join(sorted(scopes))
        until = min(now + TOKEN_SECONDS, grant.ends // 1000)
        claims = {
            "iss": self.endpoints.issuer,
            "sub": subject_for(self.keys, client.id, granted.who),
            "client_id": client.id,
            "aud": self.endpoints.base_url,
            "iat": now,
            "exp": until,
            "jti": random_id(),
            "scope": scope,
            "grant": grant.id,
        }
        return {
            "access_token": self.signing.sign(claims),
            "token_type": "bearer",
            "expires_in": until - now,
            "scope": scope,
            **granted.context(),
        }

    def _id_token(self, client: Client, granted: Granted, access: str, code: str, now: int) -> str:
        """OpenID Connect Core 2 and 3.1.3.6; the hashes bind it to the code and token it came with."""
        claims: dict[str, object] = {
            "iss": self.endpoints.issuer,
            "sub": subject_for(self.keys, client.id, granted.who),
            "aud": client.id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": granted.who.auth_time or granted.who.signed_in,
            "at_hash": _half(access),
            "c_hash": _half(code),
            **granted.told_of_user(),
        }
        if granted.nonce:
            claims["nonce"] = granted.nonce
        return self.signing.sign(claims, "JWT")

    def _now(self) -> int:
        return int(self.clock() * 1000)


def _half(text: str) -> str:
    """The left half of the hash that goes with ES384, in base64url."""
    digest = hashlib.sha384(text.encode()).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()
