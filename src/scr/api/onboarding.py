"""The onboarding programme over HTTP: JSON for programs (https://www.rfc-editor.org/rfc/rfc9457 for errors).

Whoever asks needs the activity B0062 (Local System Administration); see ``scr.api.desk``.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from scr.api.answered import Json, answered, decoded
from scr.api.desk import Desk, Duty, read_body
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import NotFound
from scr.fhir.dates import instant_text
from scr.fhir.identifiers import OdsCode
from scr.onboarding.gates import GATES, Evidence
from scr.onboarding.programme import Programme, Standing
from scr.store.onboarding import Event, Stage

PROGRAMME = Duty("B0062", "Local System Administration", "onboarding")


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


class OnboardingRoutes:
    """``/onboarding/providers`` and below."""

    def __init__(self, desk: Desk, programme: Programme) -> None:
        self._desk = desk
        self._programme = programme

    def router(self) -> Router:
        """The four routes."""
        router = Router(prefix="/onboarding/providers", include_in_schema=False)
        router.add_api_route("", self.overview, methods=["GET"])
        router.add_api_route("/{ods}", self.show, methods=["GET"])
        router.add_api_route("/{ods}/promote", self.promote, methods=["POST"])
        router.add_api_route("/{ods}/undo", self.undo, methods=["POST"])
        return router

    async def overview(self, request: Request) -> Response:
        """Every provider and where it stands."""

        async def work(_actor: Actor) -> Json:
            return {"providers": [as_json(each) for each in await self._programme.overview()]}

        return await answered(self._desk, request, "list", {}, work)

    async def show(self, request: Request, ods: str) -> Response:
        """One provider, with its gates and its history."""

        async def work(_actor: Actor) -> Json:
            return whole_json(await self._programme.show(ods_code(ods)))

        return await answered(self._desk, request, "read", {"provider": ods[:12]}, work)

    async def promote(self, request: Request, ods: str) -> Response:
        """Take a provider through its next gate."""

        async def work(actor: Actor) -> Json:
            told = decoded(await read_body(request), _Promotion)
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

        return await answered(self._desk, request, "promote", {"provider": ods[:12]}, work)

    async def undo(self, request: Request, ods: str) -> Response:
        """Undo a gate of a provider, and those that stand on it."""

        async def work(actor: Actor) -> Json:
            told = decoded(await read_body(request), _Undoing)
            by = told.by or actor.name
            standing = await self._programme.undo(ods_code(ods), told.reason, by, actor, gate=told.gate)
            return whole_json(standing)

        return await answered(self._desk, request, "undo", {"provider": ods[:12]}, work)


def ods_code(text: str) -> OdsCode:
    """The code in an address. Raises NotFound for what is none."""
    try:
        return OdsCode.parse(text)
    except ValueError:
        raise NotFound("there is no such provider", code="no-provider") from None


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
