"""For whom a neighbouring shared care record asks: its word on each request, held to what was registered.

The word is a JWT in a header (``scr.sources.requester``). Who asks is then the professional whom it names,
through that neighbour; without it, or where anything of it is not as it has to be, nobody asks. It counts
once, in whichever process. Whoever is no neighbour brings none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
from starlette.requests import Request

from scr.api.auth.token import LONGEST, check_signature, read_as
from scr.api.oauth.client_keys import ClientKeys, check_client_header
from scr.api.oauth.endpoints import Endpoints
from scr.consent.actor import Actor, ActorKind, Through
from scr.consent.scopes import parse
from scr.errors import Forbidden, Unauthenticated
from scr.fhir.identifiers import OdsCode
from scr.sources.requester import HEADER, ORGANISATION, PURPOSE_SYSTEM, ROLE_SYSTEM, TYPE, RequesterClaims
from scr.store import spent
from scr.store.clients import Client, ClientKind, find
from scr.store.engine import Database
from scr.store.keys import KeyRing

_KINDS = frozenset({TYPE})
_LONGEST_SECONDS = 120
_LEEWAY_SECONDS = 10
_LONGEST_TEXT = 255
_CORRELATION = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_CLAIMS = msgspec.json.Decoder(RequesterClaims)


@dataclass(frozen=True, slots=True)
class Requesters:
    """Makes of a neighbour's request that of its professional. ``clock`` gives seconds since 1970."""

    endpoints: Endpoints
    database: Database
    keys: KeyRing
    client_keys: ClientKeys
    clock: Callable[[], float]

    async def asker(self, actor: Actor, request: Request) -> Actor:
        """Who asks. Raises Unauthenticated ``requester-…``, Forbidden, Unavailable."""
        told = request.headers.getlist(HEADER)
        client = await self._neighbour(actor)
        if client is None:
            if told:
                raise Unauthenticated(f"{HEADER} is for neighbours", code="not-a-neighbour")
            return actor
        if not told:
            raise Unauthenticated(f"a neighbour tells for whom it asks: {HEADER}", code="no-requester")
        try:
            claims = await self._believed(client, told)
        except Unauthenticated as refused:
            raise Unauthenticated(
                f"{HEADER} is not what has to be there: {refused.message}", code=f"requester-{refused.code}"
            ) from None
        return _professional(actor, client, claims, self.endpoints.issuer)

    async def still(self, actor: Actor) -> None:
        """Whether the neighbour through which an actor asked may speak for them yet. Raises Forbidden."""
        through = actor.through
        if through is None:
            return
        client = await self.database.read(lambda connection: find(connection, through.client))
        if (
            client is None
            or client.kind is not ClientKind.NEIGHBOUR
            or str(actor.organisation) not in client.speaks_for
            or actor.role not in client.roles
        ):
            raise Forbidden("the neighbour does not speak for them any more", code="not-its-role")

    async def _neighbour(self, actor: Actor) -> Client | None:
        if actor.kind is not ActorKind.SYSTEM or actor.subject != f"{self.endpoints.issuer}|{actor.client}":
            return None
        client = await self.database.read(lambda connection: find(connection, actor.client))
        return client if client is not None and client.kind is ClientKind.NEIGHBOUR else None

    async def _believed(self, client: Client, told: list[str]) -> RequesterClaims:
        if len(told) != 1 or len(told[0]) > LONGEST:
            raise Unauthenticated("it has to stand there once", code="bad-token")
        header, claims = read_as(told[0], _CLAIMS)
        check_client_header(header, _KINDS)
        check_signature(told[0], header.alg, await self.client_keys.key(client, header))
        _check(claims, client, self.endpoints.base_url, self.clock())
        until = int((claims.exp + _LEEWAY_SECONDS) * 1000) + 1
        fresh = await self.database.write(
            lambda connection: spent.spend(connection, self.keys, "requester", client.id, claims.jti, until)
        )
        if not fresh:
            raise Unauthenticated("it was used before, and counts once", code="used-before")
        return claims


def _check(claims: RequesterClaims, client: Client, audience: str, now: float) -> None:
    if claims.iss != client.issuer:
        raise Unauthenticated("its issuer is not the one that was registered", code="unknown-issuer")
    if claims.aud != audience:
        raise Unauthenticated("it is meant for another service", code="bad-audience")
    if claims.exp <= now - _LEEWAY_SECONDS:
        raise Unauthenticated("it has expired", code="expired")
    if claims.iat > now + _LEEWAY_SECONDS:
        raise Unauthenticated("it is not valid yet: is a clock wrong?", code="not-yet-valid")
    if claims.exp - claims.iat > _LONGEST_SECONDS:
        raise Unauthenticated("it is good for two minutes at most", code="too-long")
    if not 0 < len(claims.jti) <= _LONGEST_TEXT or not 0 < len(claims.sub) <= _LONGEST_TEXT:
        raise Unauthenticated("it needs an id, and somebody whom it names", code="bad-token")


def _professional(actor: Actor, client: Client, claims: RequesterClaims, ours: str) -> Actor:
    """The professional, as far as the neighbour may speak for them. Raises Forbidden."""
    who, beside = claims.extensions.ihe_iua, claims.extensions.shared_care_record
    if ours in beside.asked_by:
        raise Forbidden("this question was asked here first: it went in a circle", code="own-question")
    roles = [one.code for one in who.subject_role if one.system == ROLE_SYSTEM]
    purposes = [one.code for one in who.purpose_of_use if one.system == PURPOSE_SYSTEM]
    organisation = who.subject_organization_id.removeprefix(ORGANISATION)
    if not who.subject_organization_id.startswith(ORGANISATION) or organisation not in client.speaks_for:
        raise Forbidden("the neighbour does not speak for this organisation", code="not-its-organisation")
    if len(roles) != 1 or roles[0] not in client.roles:
        raise Forbidden("the neighbour does not speak for this job role", code="not-its-role")
    if len(purposes) != 1:
        raise Forbidden("the neighbour names one purpose of use", code="purpose")
    return replace(
        actor,
        kind=ActorKind.PROFESSIONAL,
        subject=f"{claims.iss}|{claims.sub}",
        name=who.subject_name[:_LONGEST_TEXT],
        role=roles[0],
        organisation=OdsCode(organisation),
        organisation_name=who.subject_organization[:_LONGEST_TEXT],
        user_id=claims.sub,
        scopes=_for_people(actor.scopes),
        assurance=claims.acr,
        through=Through(
            client.id,
            client.name,
            client.organisation,
            client.speaks_for[organisation],
            frozenset(beside.ties),
            purposes[0],
            beside.broken_glass,
            beside.correlation if _CORRELATION.match(beside.correlation) else "",
        ),
    )


def _for_people(scopes: frozenset[str]) -> frozenset[str]:
    """What the neighbour's scopes come to for its professional: the same types, to read and to search."""
    read = (parse(scope) for scope in scopes)
    found = (
        replace(one, context="user", letters="".join(letter for letter in one.letters if letter in "rs"))
        for one in read
        if one is not None
    )
    return frozenset(str(one) for one in found if one.letters)
