"""``Patient/$claim-relationship`` and ``Patient/$break-glass``: a user says why they must look at a person.

By NHS Number in the body, never in an address. What the role may not do is refused before anybody is
looked for, in the same words whoever is asked about; a person who is not known, or of whom nothing that
is live tells, cannot be told from one of whom nothing is shown (ADR 0004).
"""

from __future__ import annotations

import structlog
from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.look import Answer, Look, Looks
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.consent.policy import Policy
from scr.errors import Forbidden, Unprocessable
from scr.fhir.claim_request import ClaimRequest, read_claim, told_claim
from scr.identity.claims import Terms, check_hours, check_open, claim, terms_of
from scr.store.claims import Claim, ClaimKind
from scr.store.engine import Database

OPERATIONS = {"$claim-relationship": ClaimKind.RELATIONSHIP, "$break-glass": ClaimKind.GLASS}
_log = structlog.get_logger("scr.api")


class ClaimRoutes:
    """The two operations, below the FHIR base."""

    def __init__(self, looks: Looks, broker: Broker, policy: Policy, database: Database) -> None:
        self._looks = looks
        self._broker = broker
        self._policy = policy
        self._database = database

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/Patient/$claim-relationship", self.relationship, methods=["POST"])
        router.add_api_route("/Patient/$break-glass", self.glass, methods=["POST"])
        return router

    async def relationship(self, request: Request) -> Response:
        """Claim a relationship with one person for some hours."""
        return await self._serve(request, "$claim-relationship")

    async def glass(self, request: Request) -> Response:
        """Break the glass for one person."""
        return await self._serve(request, "$break-glass")

    async def _serve(self, request: Request, operation: str) -> Response:
        async def handle(look: Look, actor: Actor) -> Answer:
            return await self._claim(look, actor, OPERATIONS[operation], request)

        return await self._looks.serve(
            request,
            action="create",
            what=f"Patient/{operation}",
            interaction=Interaction.READ,
            handler=handle,
        )

    async def _claim(self, look: Look, actor: Actor, kind: ClaimKind, request: Request) -> Answer:
        role = self._policy.roles.get(actor.role or "")
        activities = frozenset() if role is None else role.activities
        terms = terms_of(kind, activities, self._policy.ties, self._policy.glass)
        look.purpose = terms.purpose
        asked = read_claim(await read_body(request))
        hours = _checked(asked, terms)
        await self._database.read(lambda conn: check_open(conn, actor, terms, look.now))
        known = await self._broker.by_number(asked.nhs_number, actor)
        if known is None or not known.ties:
            raise Forbidden("it cannot be granted for this NHS Number: check it", code="not-granted")
        look.person = known.person.key
        made = await self._database.write(
            lambda conn: _written(conn, known, actor, terms, asked, hours, look.now)
        )
        look.claimed((made,))
        # The alert: for whoever watches the log. It names nobody; the list at /privacy does.
        _log.warning("alert", kind=made.kind.value, claim=made.id, correlation=look.correlation)
        return Answer(told_claim(made.id, made.until, made.purpose, tuple(sorted(terms.lifts))))


def _checked(asked: ClaimRequest, terms: Terms) -> int:
    """The hours of a claim whose purpose is the right one; a broken glass has to say that it is one."""
    if asked.purpose != terms.purpose and (asked.purpose or terms.kind is ClaimKind.GLASS):
        raise Unprocessable(f"purpose has to be {terms.purpose}", code="bad-purpose")
    return check_hours(terms, asked.hours)


def _written(
    conn: Connection, known: Known, actor: Actor, terms: Terms, asked: ClaimRequest, hours: int, now: int
) -> Claim:
    return claim(conn, known.person, known.view, actor, terms, reason=asked.reason, hours=hours, now=now)
