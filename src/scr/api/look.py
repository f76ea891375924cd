"""One look at a record: authenticated, decided, answered, and in the audit before the first byte.

Every FHIR route runs inside ``Looks.serve``. It is the HTTP boundary: whatever fails in a handler
becomes an OperationOutcome here, and an answer whose audit row cannot be written is not given.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import TokenVerifier, authorization_of
from scr.api.auth.token import Named
from scr.api.formats import asked_format, format_of
from scr.api.prefer import preferred_wait, wants_later
from scr.api.streams import Stream, Streaming
from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BTG
from scr.consent.decide import AccessRequest, Decision, Interaction, decide_actor
from scr.consent.policy import Policy
from scr.consent.proxies import Online
from scr.consent.request import STAFF
from scr.errors import Fault, Forbidden, ScrError, TooMany, Unavailable
from scr.fhir.dates import utc
from scr.fhir.outcome import outcome_bytes
from scr.spans import within
from scr.store.claims import Claim, ClaimKind
from scr.store.engine import Database, Work
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append

_log = structlog.get_logger("scr.api")

MAKES = "make"
"""The action of making an answer that somebody asked for before, and fetches later."""
T = TypeVar("T")
Clock = Callable[[], int]
"""Milliseconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: bytes of FHIR JSON, a status, headers without anyone's data."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None
    """What goes out in the place of ``body``, part by part."""


@dataclass(slots=True)
class Look:
    """What is known of the request so far, for the decision and for the audit row."""

    action: str
    what: str
    interaction: Interaction
    now: int
    correlation: str = field(default_factory=random_id)
    actor: Actor | None = None
    person: str | None = None
    decision: Decision | None = None
    details: dict[str, str] = field(default_factory=dict)
    purpose: str = "TREAT"
    told: bool = False
    """Whether the audit has it already: ``written`` has told of it."""
    beside: list[Work[None]] = field(default_factory=list)
    """What is to be written in one transaction with the row that says that the answer went out."""
    wait: float | None = None
    """Seconds that whoever asks would wait for the sources, where they said so."""
    later: bool = False
    """Whether whoever asks does not wait at all, and fetches the answer later."""
    token: Named | None = None
    """What names the token of whoever does not wait: whether it counts is asked again."""
    serves: frozenset[ActorKind] = STAFF
    """Which kinds of actor the face that asks is for."""
    facts: dict[str, Online] = field(default_factory=dict)
    """Of who asks online: what is known of them beside each person, by the opaque key of the person."""

    def came(self, actor: Actor) -> None:
        """Note through which neighbour the actor asks, and why. Raises Forbidden for all but reading.

        A glass that was broken there opens nothing here: it is noted.
        """
        if actor.through is None:
            return
        self.details |= {"neighbour": actor.through.client, "neighbour_name": actor.through.name}
        self.details["asked_as"] = actor.through.correlation
        if actor.through.glass or actor.through.purpose == BTG:
            self.details["broken_there"] = "yes"
        if actor.through.purpose != BTG:
            self.purpose = actor.through.purpose
        if self.action not in _READING:
            raise Forbidden("a neighbour reads, and does nothing else here", code="through-neighbour")

    def claimed(self, claims: Iterable[Claim]) -> None:
        """Note what the actor has claimed of the person: every look under it is found by its id.

        A look under a broken glass has the purpose BTG, whether or not it needed it.
        """
        for claim in claims:
            self.details[claim.kind.value] = claim.id
            if claim.kind is ClaimKind.GLASS:
                self.purpose = BTG

    def allowed(self, decision: Decision) -> bool:
        """Note the decision for the audit, and say whether it permits."""
        self.decision = decision
        return decision.permit


_READING = frozenset({"read", "query", MAKES})
Asker = Callable[[Actor, Request], Awaitable[Actor]]
"""For whom a request is, of whom its token and its headers tell. Raises Unauthenticated, Forbidden."""
Handler = Callable[[Look, Actor], Awaitable[Answer]]
Admit = Callable[[AccessRequest, Policy, datetime], Decision]
"""Whether an actor may do something at all, before anything of anybody is looked at."""


class Looks:
    """Serves looks."""

    def __init__(
        self,
        verifier: TokenVerifier,
        policy: Policy,
        database: Database,
        clock: Clock,
        asker: Asker | None = None,
    ) -> None:
        """``asker``: for whom a neighbour asks; without one, for nobody."""
        self._verifier = verifier
        self._policy = policy
        self._database = database
        self._clock = clock
        self._asker = asker or _themselves

    async def serve(
        self,
        request: Request,
        *,
        action: str,
        what: str,
        interaction: Interaction,
        handler: Handler,
        admit: Admit = decide_actor,
        formats: Callable[[Request], object] = asked_format,
    ) -> Response:
        """Run one look. ``action`` and ``what`` name it in the audit, with no id and no number.

        ``formats`` raises NotAcceptable where the answer cannot be given as it is wanted.
        """
        started = time.perf_counter()
        look = Look(
            action, what, interaction, self._clock(), wait=preferred_wait(request), later=wants_later(request)
        )
        error: ScrError | None = None
        try:
            answer = await self._answer(look, request, handler, admit, formats)
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no data of a failure goes out
            told = told_of(look, failed)
            error = failed if isinstance(failed, ScrError) else told
            answer = refused(told)
        try:
            if error is not None or not look.told:
                await self._write(look, error, closing=answer.stream is None)
        except ScrError:
            answer = refused(Unavailable("the audit cannot be written, so nothing is shown", code="no-audit"))
        _log.info(
            "look",
            what=what,
            status=answer.status,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            correlation=look.correlation,
        )
        return self._stream(look, answer) or respond(answer, look.correlation, request)

    @within("audit")
    async def _write(self, look: Look, error: ScrError | None, *, closing: bool) -> None:
        """Write the row of the look; where nothing more comes of it (``closing``), what stands beside too."""
        row, beside = audit_row(look, error, self._policy.hash), list(look.beside)

        def work(connection: Connection) -> None:
            append(connection, row)
            for write in beside if closing and error is None else ():
                write(connection)

        await self._database.write(work)

    def _stream(self, look: Look, answer: Answer) -> Streaming | None:
        """The response of an answer in parts, of which the audit has the look."""
        if answer.stream is None:
            return None

        async def close(ended: str, error: ScrError | None) -> None:
            """The closing row names nobody: the first one does, and has the same correlation."""
            look.details["stream"] = ended
            work = [] if ended != "whole" else list(look.beside)
            row = replace(audit_row(look, error, self._policy.hash), person=None, at=self._clock())

            def write(connection: Connection) -> None:
                append(connection, row)
                for one in work:
                    one(connection)

            try:
                await self._database.write(write)
            except ScrError as failed:
                _log.error("stream.unclosed", kind=failed.code, correlation=look.correlation)
            _log.info("stream", what=look.what, ended=ended, correlation=look.correlation)

        headers = {**_headers(look.correlation), **answer.headers}
        return Streaming(answer.stream, headers, close, lambda failed: told_of(look, failed))

    async def _answer(
        self,
        look: Look,
        request: Request,
        handler: Handler,
        admit: Admit,
        formats: Callable[[Request], object],
    ) -> Answer:
        look.actor = await self._verifier.actor(authorization_of(request))
        if look.later:
            look.token = await self._verifier.named(authorization_of(request))
        look.actor = await self._asker(look.actor, request)
        look.came(look.actor)
        formats(request)  # what cannot be given as it is wanted is not asked for
        asked = AccessRequest(look.actor, look.interaction, purpose=look.purpose)
        decision = admit(asked, self._policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)
        return await handler(look, look.actor)


async def _themselves(actor: Actor, _request: Request) -> Actor:
    return actor


async def written(
    look: Look, database: Database, policy: Policy, work: Work[T], note: Callable[[T], None]
) -> T:
    """Do what a look is to write, and tell of it in the audit, in one transaction: neither stands alone.

    ``note`` puts into the look what the audit row is to say of what was written.
    """

    def both(connection: Connection) -> T:
        result = work(connection)
        note(result)
        append(connection, audit_row(look, None, policy.hash))
        return result

    result = await database.write(both)
    look.told = True
    return result


def told_of(look: Look, failed: Exception) -> ScrError:
    """What whoever asks is told of a failure; where something is wrong in here is for the log."""
    if isinstance(failed, ScrError) and not isinstance(failed, Fault):
        return failed
    kind = failed.code if isinstance(failed, Fault) else type(failed).__name__
    more = {"error": str(failed)} if isinstance(failed, Fault) else {}
    _log.error("fault", kind=kind, correlation=look.correlation, what=look.what, **more)
    return Fault(f"something went wrong here; quote {look.correlation} when you report it")


def audit_row(look: Look, error: ScrError | None, policy: str) -> AuditRow:
    """The audit row of a look, under the policy with this hash."""
    actor = look.actor
    return AuditRow(
        at=look.now,
        actor=actor.subject if actor else "",
        actor_name=actor.name if actor else "",
        role=(actor.role or "") if actor else "",
        organisation=str(actor.organisation or "") if actor else "",
        action=look.action,
        person=look.person,
        purpose=look.purpose,
        what=look.what,
        outcome="success" if error is None else "refused" if error.status < 500 else "failed",
        code=error.code if error else look.decision.code if look.decision else "",
        policy=policy,
        correlation=look.correlation,
        details=dict(look.details),
    )


def refused(error: ScrError) -> Answer:
    """The answer that tells of an error."""
    headers = {"WWW-Authenticate": _challenge(error)} if error.status == 401 else {}
    if isinstance(error, TooMany) and error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    return Answer(outcome_bytes(error), error.status, headers)


def _challenge(error: ScrError) -> str:
    """RFC 6750, 3: whoever came without a token is told of no error."""
    return 'Bearer realm="scr"' + ("" if error.code == "no-token" else ', error="invalid_token"')


def respond(answer: Answer, correlation: str, request: Request | None = None) -> Response:
    """The HTTP response, in the format that was wanted: never cached, never sniffed, and with the id that
    the audit row has."""
    wanted = format_of(request)
    headers = {**_headers(correlation), **answer.headers}
    body = wanted.write(answer.body)
    return Response(body, answer.status, headers=headers, media_type=wanted.media_type)


def _headers(correlation: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Correlation-ID": correlation,
    }
