"""The onboarding programme over HTTP: JSON for programs, and the boundary that its pages share.

Closed by default: whoever asks needs a token of a trusted issuer whose selected role has the activity
B0062 (Local System Administration) in ``consent/roles.yaml``. Every call, refused ones too, is in the
audit before anything of the answer leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
import orjson
import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import TokenVerifier
from scr.api.look import Clock
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.errors import Fault, Forbidden, Invalid, NotFound, ScrError, TooLarge, Unavailable
from scr.fhir.dates import instant_text
from scr.fhir.identifiers import OdsCode
from scr.onboarding.gates import GATES, Evidence
from scr.onboarding.programme import Programme, Standing
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.onboarding import Event, Stage
from scr.store.trail import AuditRow, append

ACTIVITY = "B0062"
MAX_BODY = 65_536

T = TypeVar("T")
Json = dict[str, object]
_log = structlog.get_logger("scr.api.onboarding")


class Desk:
    """Lets in who may run the programme, and writes down what they asked."""

    def __init__(self, verifier: TokenVerifier, policy: Policy, database: Database, now: Clock) -> None:
        self._verifier = verifier
        self._policy = policy
        self._database = database
        self._now = now

    async def call(
        self,
        authorization: str | None,
        action: str,
        work: Callable[[Actor], Awaitable[T]],
        *,
        details: Mapping[str, str] | None = None,
        correlation: str = "",
    ) -> T:
        """Do one piece of work for the bearer of a token. Raises what refuses or stops it, audited too."""
        actor: Actor | None = None
        error: ScrError | None = None
        result: T
        try:
            actor = await self._verifier.actor(authorization)
            self._admit(actor)
            result = await work(actor)
        except ScrError as refused:
            error = refused
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no detail of a failure goes out
            _log.error("fault", kind=type(failed).__name__, correlation=correlation)
            error = Fault(f"something went wrong here; quote {correlation} when you report it")
        row = self._row(actor, error, action, details or {}, correlation)
        try:
            await self._database.write(lambda connection: append(connection, row))
        except ScrError:
            message = "the audit cannot be written: look at what is there, then try again"
            raise Unavailable(message, code="no-audit") from None
        if error is not None:
            raise error
        return result

    def _admit(self, actor: Actor) -> None:
        if actor.kind is not ActorKind.PROFESSIONAL or not self._policy.may(actor.role, ACTIVITY):
            raise Forbidden(
                f"the selected role does not have the activity {ACTIVITY} (Local System Administration)",
                code="role-activity",
            )

    def _row(
        self,
        actor: Actor | None,
        error: ScrError | None,
        action: str,
        details: Mapping[str, str],
        correlation: str,
    ) -> AuditRow:
        return AuditRow(
            at=self._now(),
            actor=actor.subject if actor else "",
            actor_name=actor.name if actor else "",
            role=(actor.role or "") if actor else "",
            organisation=str(actor.organisation or "") if actor else "",
            action=action,
            what="onboarding",
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            policy=self._policy.hash,
            correlation=correlation,
            details=dict(details),
        )


class _Promotion(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``promote``. ``by`` is the caller, where it is left out."""

    gate: Stage
    by: str = ""
    reference: str = ""
    report: str = ""
    digest: str = ""
    note: str = ""
    testers: list[str] = []


class _Undoing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``undo``: the last gate, where none is named."""

    reason: str
    by: str = ""
    gate: Stage | None = None


Body = TypeVar("Body", _Promotion, _Undoing)


class OnboardingRoutes:
    """``/onboarding/providers`` and below."""

    def __init__(self, desk: Desk, programme: Programme) -> None:
        self._desk = desk
        self._programme = programme

    def router(self) -> APIRouter:
        """The four routes."""
        router = APIRouter(prefix="/onboarding/providers", include_in_schema=False)
        router.add_api_route("", self.overview, methods=["GET"])
        router.add_api_route("/{ods}", self.show, methods=["GET"])
        router.add_api_route("/{ods}/promote", self.promote, methods=["POST"])
        router.add_api_route("/{ods}/undo", self.undo, methods=["POST"])
        return router

    async def overview(self, request: Request) -> Response:
        """Every provider and where it stands."""

        async def work(_actor: Actor) -> Json:
            return {"providers": [as_json(each) for each in await self._programme.overview()]}

        return await self._answer(request, "list", {}, work)

    async def show(self, request: Request, ods: str) -> Response:
        """One provider, with its gates and its history."""

        async def work(_actor: Actor) -> Json:
            return whole_json(await self._programme.show(ods_code(ods)))

        return await self._answer(request, "read", {"provider": ods[:12]}, work)

    async def promote(self, request: Request, ods: str) -> Response:
        """Take a provider through its next gate."""

        async def work(actor: Actor) -> Json:
            told = _decoded(await read_body(request), _Promotion)
            evidence = Evidence(
                told.gate,
                told.by or actor.name,
                reference=told.reference,
                report=told.report,
                digest=told.digest,
                note=told.note,
                testers=frozenset(told.testers),
            )
            return whole_json(await self._programme.promote(ods_code(ods), evidence, actor))

        return await self._answer(request, "promote", {"provider": ods[:12]}, work)

    async def undo(self, request: Request, ods: str) -> Response:
        """Undo a gate of a provider, and those that stand on it."""

        async def work(actor: Actor) -> Json:
            told = _decoded(await read_body(request), _Undoing)
            by = told.by or actor.name
            standing = await self._programme.undo(ods_code(ods), told.reason, by, actor, gate=told.gate)
            return whole_json(standing)

        return await self._answer(request, "undo", {"provider": ods[:12]}, work)

    async def _answer(
        self,
        request: Request,
        action: str,
        details: Mapping[str, str],
        work: Callable[[Actor], Awaitable[Json]],
    ) -> Response:
        correlation = random_id()
        authorization = request.headers.get("authorization")
        status, kind = 200, "application/json"
        try:
            body = await self._desk.call(
                authorization, action, work, details=details, correlation=correlation
            )
        except ScrError as error:
            # https://www.rfc-editor.org/rfc/rfc9457
            status, kind = error.status, "application/problem+json"
            body = {"status": status, "title": error.default_code, "code": error.code, "detail": str(error)}
        headers = {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Correlation-ID": correlation,
        }
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="scr"'
        return Response(orjson.dumps(body), status, headers=headers, media_type=kind)


def ods_code(text: str) -> OdsCode:
    """The code in an address. Raises NotFound for what is none."""
    try:
        return OdsCode.parse(text)
    except ValueError:
        raise NotFound("there is no such provider", code="no-provider") from None


async def read_body(request: Request) -> bytes:
    """The body of a request. Raises TooLarge over 64 KiB."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"the body is over {MAX_BODY} bytes", code="too-large")
    return bytes(body)


def _decoded(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the body is not what is asked for: {error}", code="bad-body") from None


def as_json(standing: Standing) -> Json:
    """Where a provider stands, as JSON."""
    state, gate, clock = standing.state, standing.state.next_gate, standing.clock
    return {
        "ods": standing.ods.value,
        "name": standing.name,
        "type": standing.organisation_type,
        "stage": state.stage.value,
        "gatesPassed": state.gates_passed,
        "gates": len(GATES),
        "testers": sorted(state.testers),
        "nextGate": None
        if gate is None
        else {
            "gate": gate.stage.value,
            "title": gate.title,
            "needs": gate.needs,
            "checksItself": gate.checks_itself,
        },
        "clock": None
        if clock is None
        else {
            "goLive": clock.go_live.isoformat(),
            "deadline": clock.deadline.isoformat(),
            "daysLeft": clock.days_left,
            "overdue": clock.overdue,
            "liveOn": clock.live_on.isoformat() if clock.live_on else None,
            "text": clock.sentence,
        },
    }


def whole_json(standing: Standing) -> Json:
    """One provider with the evidence of its gates and its history, as JSON."""
    return as_json(standing) | {
        "evidence": {gate.value: _event_json(event) for gate, event in standing.state.passed.items()},
        "history": [_event_json(event) for event in standing.history],
    }


def _event_json(event: Event) -> Json:
    return {
        "number": event.seq,
        "at": instant_text(event.at),
        "did": event.kind.value,
        "gate": event.gate.value,
        "stage": event.stage.value,
        "by": event.by,
        "recordedBy": event.actor,
        "reference": event.reference,
        "digest": event.digest,
        "report": event.report,
        "note": event.note,
        "testers": sorted(event.testers),
    }
