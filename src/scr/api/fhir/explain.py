"""``Patient/[id]/$explain-access``: why somebody may or may not see a record, told to privacy officers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import authorization_of
from scr.api.desk import Desk, read_body
from scr.api.explaining import Account, Explainer, WhatIf
from scr.api.look import Answer, refused, respond
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.consent.explain import Answer as Told
from scr.errors import ScrError
from scr.fhir.explain_access import ToldPart, ToldRule, read_question, told_access
from scr.store.keys import random_id

OPERATION = "explain-access"


class ExplainRoutes:
    """The operation, below the FHIR base."""

    def __init__(self, desk: Desk, explainer: Explainer) -> None:
        self._desk = desk
        self._explainer = explainer

    def router(self) -> Router:
        """The route."""
        router = Router(include_in_schema=False)
        router.add_api_route(f"/Patient/{{logical}}/${OPERATION}", self.explain, methods=["POST"])
        return router

    async def explain(self, request: Request, logical: str) -> Response:
        """Explain, and write down that somebody asked."""
        correlation = random_id()

        async def work(actor: Actor) -> bytes:
            asked = read_question(await read_body(request))
            what = WhatIf(
                role=asked.role,
                organisation=asked.organisation,
                purpose=asked.purpose,
                interaction=Interaction(asked.interaction),
                user=asked.user,
            )
            return as_parameters(await self._explainer.by_id(actor, logical, what))

        try:
            body = await self._desk.call(authorization_of(request), OPERATION, work, correlation=correlation)
        except ScrError as error:
            return respond(refused(error), correlation)
        return respond(Answer(body), correlation)


def as_parameters(account: Account) -> bytes:
    """An account as FHIR tells it."""
    found = account.explanation
    reason = found.decision.reasons[0]
    rules = [
        ToldRule(
            name=said.rule,
            asked_of=said.part,
            question=said.question,
            answer=said.answer.name.lower().replace("_", "-"),
            reason="" if said.reason is None else said.reason.sentence,
            code="" if said.reason is None else said.reason.code,
            remedy="" if said.answer is Told.PASSES else said.remedy,
        )
        for said in found.said
    ]
    parts = [
        ToldPart(
            heading=part.heading,
            sources=part.sources,
            types=part.types,
            permit=part.permit,
            reason="" if part.reason is None else part.reason.sentence,
            code="" if part.reason is None else part.reason.code,
            remedy=part.remedy,
        )
        for part in account.parts
    ]
    return told_access(
        permit=found.decision.permit,
        code=reason.code,
        sentence=reason.sentence,
        policy=found.decision.policy,
        obligations=[one.value for one in found.decision.obligations],
        rules=rules,
        changes=[(change.what, change.code) for change in found.changes],
        parts=parts,
    )
