"""``POST /intake/{feed}``: a supplier's system sends a payload over HTTP.

The sender signs in as any other system does; its client id says whose feed it may use. The answer is
an OperationOutcome, and goes out after the commit: 202 where every part was filed, or waits for the
national register to say whose it is; 422 where some are in quarantine. In each case the payload is
kept, and need not be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import TokenVerifier, authorization_of
from scr.api.look import Answer, Clock, refused, respond
from scr.api.reading import read_body
from scr.api.routing import Router
from scr.consent.actor import Actor, ActorKind
from scr.errors import Fault, Forbidden, Invalid, ScrError, TooLarge, Unavailable
from scr.faults import reach
from scr.fhir.entry import Resource
from scr.fhir.identifiers import OdsCode
from scr.fhir.outcome import issue, operation_outcome, to_bytes
from scr.intake.receive import Intake, Receipt
from scr.mapping.provider import Feed, HttpPostConnection, Provider
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append

_TOLD = 50
_log = structlog.get_logger("scr.api")


class IntakeRoutes:
    """Takes payloads over HTTP."""

    def __init__(
        self,
        verifier: TokenVerifier,
        intake: Intake,
        providers: Mapping[OdsCode, Provider],
        database: Database,
        clock: Clock,
        max_bytes: int,
    ) -> None:
        self._verifier = verifier
        self._intake = intake
        self._database = database
        self._clock = clock
        self._max_bytes = max_bytes
        self._feeds = by_sender(providers, several_issuers=len(verifier.issuers) > 1)

    def router(self) -> Router:
        """The one route."""
        router = Router()
        router.add_api_route("/intake/{feed}", self.post, methods=["POST"], include_in_schema=False)
        return router

    async def post(self, request: Request, feed: str) -> Response:
        """Take one payload."""
        correlation = random_id()
        actor: Actor | None = None
        error: ScrError | None = None
        try:
            actor = await self._verifier.actor(authorization_of(request))
            answer = await self._take(request, feed, actor)
        except ScrError as failed:
            error, answer = failed, refused(failed)
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no data of a failure goes out
            _log.error("fault", kind=type(failed).__name__, correlation=correlation, what="intake")
            error = Fault(f"something went wrong here; quote {correlation} when you report it")
            answer = refused(error)
        try:
            row = self._row(actor, error, correlation)
            await self._database.write(lambda connection: append(connection, row))
        except ScrError:
            answer = refused(Unavailable("the audit cannot be written: send it again", code="no-audit"))
        return respond(answer, correlation)

    async def _take(self, request: Request, feed_name: str, actor: Actor) -> Answer:
        found = self._feeds.get((feed_name, actor.client))
        if found is None:
            raise Forbidden("this client has no feed of this name", code="no-feed")
        provider, feed, issuer = found
        if actor.kind is not ActorKind.SYSTEM or not actor.subject.startswith(
            f"{issuer or self._verifier.usual}|"
        ):
            raise Forbidden("this client has no feed of this name", code="no-feed")
        raw = await self._body(request)
        reach("intake.received")
        receipt = await self._intake.receive(provider, feed, raw)
        reach("http.taken")
        return Answer(to_bytes(_told(receipt, feed)), 422 if receipt.problems else 202)

    async def _body(self, request: Request) -> bytes:
        try:
            return await read_body(request, self._max_bytes)
        except TooLarge:
            message = f"the payload is over {self._max_bytes} bytes: split it"
            raise TooLarge(message, code="too-large") from None

    def _row(self, actor: Actor | None, error: ScrError | None, correlation: str) -> AuditRow:
        return AuditRow(
            at=self._clock(),
            actor=actor.subject if actor else "",
            actor_name=actor.name if actor else "",
            action="create",
            what="intake",
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            correlation=correlation,
        )


def by_sender(
    providers: Mapping[OdsCode, Provider], *, several_issuers: bool
) -> dict[tuple[str, str], tuple[Provider, Feed, str]]:
    """The feed of each name and client, and the issuer of its tokens.

    Raises Invalid where a payload could be either of two providers', or a client of either of two issuers.
    """
    feeds: dict[tuple[str, str], tuple[Provider, Feed, str]] = {}
    for provider in providers.values():
        for feed in provider.feeds:
            if not isinstance(feed.connection, HttpPostConnection):
                continue
            where = f"adapters/providers/{provider.ods}.yaml"
            sender = (feed.name, feed.connection.client)
            if several_issuers and not feed.connection.issuer:
                raise Invalid(
                    f"feed {feed.name!r}: several token issuers are trusted: name the client's as `issuer`",
                    code="bad-feed",
                    where=where,
                )
            if sender in feeds:
                raise Invalid(
                    f"the client {sender[1]!r} sends a feed {feed.name!r} of {feeds[sender][0].ods} already: "
                    "whose a payload is could not be told; give one of them another name",
                    code="bad-feed",
                    where=where,
                )
            feeds[sender] = (provider, feed, feed.connection.issuer)
    return feeds


def _told(receipt: Receipt, feed: Feed) -> Resource:
    again = " It came before, and is stored once." if receipt.duplicate else ""
    done = "it waits until PDS has said whose it is" if receipt.waiting else f"{receipt.filed} parts filed"
    text = f"Message {receipt.message} of feed {feed.name}: {done}.{again}"
    detail = "waiting" if receipt.waiting else "received"
    issues = [issue("information", "informational", text, detail=detail)]
    issues += [
        issue("error", "business-rule", f"{p.place}: {p.sentence}", detail=p.code)
        for p in receipt.problems[:_TOLD]
    ]
    return operation_outcome(issues)
