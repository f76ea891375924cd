"""The findings of misuse over HTTP, for privacy officers: ``/misuse/findings`` and below, as JSON."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from scr.api.answered import Json, answered, decoded
from scr.api.desk import Desk, read_body
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.fhir.dates import instant_text
from scr.identity.misuse.told import evidence
from scr.identity.misuse.worklist import Shown, Worklist
from scr.identity.oversight import Watcher
from scr.store.misuse.findings import Finding, Status


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a decision: what it was, and what was found."""

    status: Status
    note: str


class MisuseRoutes:
    """The list, a finding, and what somebody decides on it."""

    def __init__(self, desk: Desk, worklist: Worklist) -> None:
        self._desk = desk
        self._worklist = worklist

    def router(self) -> Router:
        """The three routes."""
        router = Router(prefix="/misuse/findings", include_in_schema=False)
        router.add_api_route("", self.list, methods=["GET"])
        router.add_api_route("/{finding}", self.show, methods=["GET"])
        router.add_api_route("/{finding}/decision", self.decide, methods=["POST"])
        return router

    async def list(self, request: Request) -> Response:
        """What nobody has decided on; with ``?all=true`` the latest, decided on or not."""
        every = request.query_params.get("all") == "true"

        async def work(_actor: Actor) -> Json:
            found = await (self._worklist.latest() if every else self._worklist.waiting())
            return {"findings": [as_json(one) for one in found]}

        return await answered(self._desk, request, "list findings", {}, work)

    async def show(self, request: Request, finding: str) -> Response:
        """One finding, with whom it is about and the looks."""

        async def work(actor: Actor) -> Json:
            return whole_json(await self._worklist.show(finding, watcher_of(actor)))

        return await answered(self._desk, request, "read finding", {"finding": finding[:80]}, work)

    async def decide(self, request: Request, finding: str) -> Response:
        """Say what it was."""

        async def work(actor: Actor) -> Json:
            told = decoded(await read_body(request), _Decision)
            await self._worklist.decide(finding, watcher_of(actor), told.status, told.note)
            return {"id": finding, "status": told.status.value}

        return await answered(self._desk, request, "decide finding", {"finding": finding[:80]}, work)


def watcher_of(actor: Actor) -> Watcher:
    """Who looks or decides."""
    return Watcher(actor.name or actor.subject, actor.subject)


def as_json(finding: Finding) -> Json:
    """A finding without whom it is about."""
    one = finding.user_day
    return {
        "id": finding.id,
        "at": instant_text(finding.at),
        "raised": instant_text(finding.raised),
        "rules": [{"rule": each.rule, "points": each.score} for each in finding.seen.rules],
        "evidence": evidence(finding),
        "policy": finding.seen.policy,
        "user": one.actor,
        "name": finding.actor_name,
        "role": one.role,
        "organisation": one.organisation,
        "look": finding.look,
        "status": finding.status.value,
        "decidedBy": finding.decided_by,
        "decided": None if finding.decided is None else instant_text(finding.decided),
    }


def whole_json(shown: Shown) -> Json:
    """A finding with whom it is about, the looks, and what was decided."""
    known = shown.demographics
    return as_json(shown.finding) | {
        "person": None
        if shown.nhs_number is None
        else {
            "nhsNumber": shown.nhs_number.value,
            "family": known.family,
            "given": list(known.given),
            "birthDate": known.birth_date,
        },
        "looks": [
            {"id": row.id, "at": instant_text(row.at), "what": row.what, "outcome": row.outcome}
            for row in shown.looks
        ],
        "people": len(shown.visits),
        "decisions": [
            {
                "at": instant_text(said.at),
                "by": said.by,
                "status": said.status.value,
                "note": said.note,
            }
            for said in shown.finding.notes
        ],
    }
