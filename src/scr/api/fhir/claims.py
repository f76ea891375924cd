"""``Patient/$claim-relationship`` and ``Patient/$break-glass``: a user says why they must look at a person.

By NHS Number in the body, never in an address. What the role may not do is refused before anybody is
looked for, in the same words whoever is asked about; a person who is not known, or of whom nothing that
is live tells, cannot be told from one of whom nothing is shown (ADR 0004).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.limits import WRONG_NUMBERS, Limits
from scr.api.look import Answer, Look, Looks, written
from scr.api.routing import Router
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, Interaction, decide
from scr.consent.policy import Policy
from scr.consent.ties import ties_in_force
from scr.errors import Conflict, Forbidden, Unprocessable
from scr.fhir.claim_request import ClaimRequest, read_claim, told_claim
from scr.fhir.dates import utc
from scr.identity.claims import Terms, check_hours, check_open, claim, draft, terms_of
from scr.store import alerts, notices
from scr.store.claims import Claim, ClaimKind
from scr.store.notices import NoticeKind

OPERATIONS = {"$claim-relationship": ClaimKind.RELATIONSHIP, "$break-glass": ClaimKind.GLASS}
_TOO_MANY = "too many wrong numbers: try later"
_log = structlog.get_logger("scr.api")


class ClaimRoutes:
    """The two operations, below the FHIR base."""

    def __init__(
        self, looks: Looks, broker: Broker, policy: Policy, limits: Limits, *, alerts: bool = False
    ) -> None:
        """``alerts``: each claim that is granted is told to those outside whom the settings name."""
        self._looks = looks
        self._broker = broker
        self._policy = policy
        self._database = limits.database
        self._limits = limits
        self._alerts = alerts

    def router(self) -> Router:
        """The routes."""
        router = Router(include_in_schema=False)
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
        async def ask() -> ClaimRequest:
            return read_claim(await read_body(request))

        async def handle(look: Look, actor: Actor) -> Answer:
            return await self.claim(look, actor, OPERATIONS[operation], ask)

        return await self._looks.serve(
            request,
            action="create",
            what=f"Patient/{operation}",
            interaction=Interaction.READ,
            handler=handle,
        )

    async def claim(
        self, look: Look, actor: Actor, kind: ClaimKind, ask: Callable[[], Awaitable[ClaimRequest]]
    ) -> Answer:
        """Claim for an actor what ``ask`` reads, once it is known that they may claim at all.

        Raises Forbidden, Conflict, TooMany, Unprocessable.
        """
        role = self._policy.roles.get(actor.role or "")
        activities = frozenset() if role is None else role.activities
        terms = terms_of(kind, activities, self._policy.ties, self._policy.glass)
        look.purpose = terms.purpose
        asked = await ask()
        made = draft(actor, terms, hours=_checked(asked, terms), now=look.now)
        self._check_anybody(look, actor, made)
        await self._database.read(lambda conn: check_open(conn, actor, terms, look.now))
        # Counted as wrong until it turns out to be right: of many at once no more are tried.
        await self._limits.take(WRONG_NUMBERS, actor.subject, _TOO_MANY, "too-many-claims")
        known = await self._broker.by_number(asked.nhs_number, actor)
        if known is None or not known.ties or not self._would_open(look, actor, known, made):
            raise Forbidden("it cannot be granted for this NHS Number: check it", code="not-granted")
        await self._limits.give_back(WRONG_NUMBERS, actor.subject)
        look.person = known.person.key
        if terms.kind is ClaimKind.RELATIONSHIP:
            self._check_needed(look, actor, known)
        granted = await self._grant(look, actor, known, terms, made, asked.reason)
        # The alert: for whoever watches the log. It names nobody; the list at /privacy does.
        _log.warning("alert", kind=granted.kind.value, claim=granted.id, correlation=look.correlation)
        lifts = tuple(sorted(terms.lifts))
        return Answer(told_claim(granted.id, granted.until, granted.purpose, lifts))

    async def _grant(
        self, look: Look, actor: Actor, known: Known, terms: Terms, made: Claim, reason: str
    ) -> Claim:
        """The claim, its audit row and its alert: all of them, or none."""

        def work(connection: Connection) -> Claim:
            granted = claim(connection, known.person, known.view, actor, terms, made, reason)
            if self._alerts:
                alerts.add(connection, granted)
            if granted.kind is ClaimKind.GLASS:  # the person is told who, and not why
                details = {"by": granted.name, "role": granted.role_name, "at": granted.organisation_name}
                notices.add(
                    connection,
                    known.person,
                    NoticeKind.GLASS,
                    granted.id,
                    details,
                    granted.since,
                    sends=self._alerts,
                )
            return granted

        return await written(
            look, self._database, self._policy, work, lambda granted: look.claimed((granted,))
        )

    def _check_anybody(self, look: Look, actor: Actor, made: Claim) -> None:
        """Raises Forbidden where it would open nobody's record, whoever is asked about."""
        tie = made.tie()
        asked = AccessRequest(
            actor,
            look.interaction,
            purpose=look.purpose,
            ties=() if tie is None else (tie,),
            glass=made.glass(),
            organisations=self._broker.organisations,
        )
        decision = decide(asked, self._policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)

    def _would_open(self, look: Look, actor: Actor, known: Known, made: Claim) -> bool:
        """Whether the record would be open with it. What stands against it then is not told: see above."""
        tie = made.tie()
        ties = known.ties if tie is None else (*known.ties, tie)
        case = replace(known, claims=(*known.claims, made), ties=ties)
        return decide(case.request(actor, look.interaction, look.purpose), self._policy, utc(look.now)).permit

    def _check_needed(self, look: Look, actor: Actor, known: Known) -> None:
        """Raises Conflict where the user's organisation has a relationship anyway."""
        told = (tie for tie in known.ties if tie.kind != "self-claimed")
        if ties_in_force(told, actor, self._policy.ties, utc(look.now)):
            raise Conflict(
                "your organisation has a relationship with this person: there is nothing to claim",
                code="relationship-known",
            )


def _checked(asked: ClaimRequest, terms: Terms) -> int:
    """The hours of a claim whose purpose is the right one; a broken glass has to say that it is one."""
    if asked.purpose != terms.purpose and (asked.purpose or terms.kind is ClaimKind.GLASS):
        raise Unprocessable(f"purpose has to be {terms.purpose}", code="bad-purpose")
    return check_hours(terms, asked.hours)
