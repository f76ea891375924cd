"""``/access/desk``: what staff record of who acts for whom, and what they answer to people's questions.

Whoever has the activity ``record-proxies`` records that a parent has parental responsibility, that an
attorney or deputy has shown their document, and whether a person can decide for themselves: of people with
whom their own organisation has to do. Whoever watches over privacy answers what people ask about looks. Every
call is in the audit, and what is done with somebody's record under that person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.delegating import Wanted
from scr.api.access import bodies, shown
from scr.api.access.answers import as_json, problem
from scr.api.access.bodies import decoded, told
from scr.api.access.people_routes import moment
from scr.api.access.recording import Answering, Recording
from scr.api.auth import authorization_of
from scr.api.desk import Desk, Duty
from scr.api.look import Answer
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import ScrError
from scr.fhir.dates import instant_text
from scr.store.keys import random_id

PROXIES = Duty("record-proxies", "Record who acts for whom", "proxies")
QUESTIONS = Duty("B0015", "Receive Legal Override and Emergency View Alerts", "questions")

Work = Callable[[Actor], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class DeskRoutes:
    """The routes."""

    proxies: Desk
    questions: Desk
    recording: Recording
    answering: Answering

    def router(self) -> Router:
        """Those below ``/access/desk``."""
        router = Router(prefix="/access/desk", include_in_schema=False)
        add = router.add_api_route
        add("/proxies", self.record, methods=["POST"])
        add("/proxies/list", self.listed, methods=["POST"])
        add("/proxies/{proxy}/end", self.end, methods=["POST"])
        add("/proxies/{proxy}/suspend", self.suspend, methods=["POST"])
        add("/proxies/{proxy}/review", self.review, methods=["POST"])
        add("/capacity", self.assess, methods=["POST"])
        add("/questions", self.waiting, methods=["GET"])
        add("/questions/{question}/answer", self.answer, methods=["POST"])
        return router

    async def record(self, request: Request) -> Response:
        """Record an access; the answer has the code that the carer takes it up with."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Recorded)
            wanted = Wanted(
                sent.calls,
                moment(sent.until),
                basis=sent.basis,
                headings=None if sent.headings is None else tuple(sent.headings),
                contributes=sent.contributes,
                evidence=sent.evidence,
            )
            made, now = await self.recording.record(actor, sent.nhs_number, wanted)
            return told(shown.access_of(made.delegated, now, made.code), 201)

        return await self._call(self.proxies, request, "create", work)

    async def listed(self, request: Request) -> Response:
        """Who acts for a person, and who did: by NHS Number, which stands in no address."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Whose)
            found, now = await self.recording.listed(actor, sent.nhs_number)
            return told({"carers": [shown.access_of(one, now) for one in found]})

        return await self._call(self.proxies, request, "read", work)

    async def end(self, request: Request, proxy: str) -> Response:
        """End an access, at once."""

        async def work(actor: Actor) -> Answer:
            return told(shown.access_of(*await self.recording.end(actor, proxy)))

        return await self._call(self.proxies, request, "end", work)

    async def suspend(self, request: Request, proxy: str) -> Response:
        """Let an access rest, or, without a reason, rest no longer."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Resting)
            return told(shown.access_of(*await self.recording.suspend(actor, proxy, sent.reason)))

        return await self._call(self.proxies, request, "suspend", work)

    async def review(self, request: Request, proxy: str) -> Response:
        """Note that an access was looked at and found right."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Reviewed)
            until = moment(sent.until) if sent.until else None
            return told(shown.access_of(*await self.recording.review(actor, proxy, sent.note, until)))

        return await self._call(self.proxies, request, "review", work)

    async def assess(self, request: Request) -> Response:
        """Record whether a person can decide for themselves."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Assessment)
            said = await self.recording.assess(actor, sent.nhs_number, sent.capacity, sent.evidence)
            return told({"capacity": said.capacity, "at": instant_text(said.at)}, 201)

        return await self._call(self.proxies, request, "assess", work)

    async def waiting(self, request: Request) -> Response:
        """What people asked about looks and nobody has answered, the oldest first."""

        async def work(_actor: Actor) -> Answer:
            found = await self.answering.waiting()
            return told({"questions": [shown.question_of(one) for _, one in found]})

        return await self._call(self.questions, request, "list", work)

    async def answer(self, request: Request, question: str) -> Response:
        """Answer one: the person reads it."""

        async def work(actor: Actor) -> Answer:
            sent = await decoded(request, bodies.Text)
            return told(shown.question_of(await self.answering.answer(actor, question, sent.text)))

        return await self._call(self.questions, request, "answer", work)

    @staticmethod
    async def _call(desk: Desk, request: Request, action: str, work: Work) -> Response:
        correlation, error = random_id(), None
        try:
            answer = await desk.call(authorization_of(request), action, work, correlation=correlation)
        except ScrError as failed:
            error, answer = failed, problem(failed)
        return as_json(answer, correlation, error)
