"""``/disputes``: the pages of a source's staff, who answer what people say is wrong in its entries.

Whoever watches over all of them sees what nobody answered in time, and nothing of what is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.challenges.saying import Outcome
from scr.access.contributing.found import NotTaken
from scr.api.access.challenge_desk import ANSWERING, WATCHING, Answering
from scr.api.desk import Desk
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import Invalid, ScrError
from scr.store.keys import random_id

SITE = Site("/disputes", "Disputes", "All that is said", "For the sources whose entries people say are wrong")
STATES = {
    "open": "Sent, and not read yet",
    "received": "Read, and not answered yet",
    "amended": "The entry was changed",
    "annotated": "The entry stays, with a note",
    "refused": "The entry stays as it is",
    "withdrawn": "The person has taken it back",
}
OUTCOMES = {
    Outcome.AMENDED.value: "The entry was changed in our own system",
    Outcome.ANNOTATED.value: "The entry stays, and what the person says was noted beside it",
    Outcome.REFUSED.value: "The entry stays as it is",
}
_DONE = "The person is told, and reads your answer at their record."


@dataclass(frozen=True, slots=True)
class DisputePages:
    """The pages. ``names`` are of organisations, by ODS code."""

    site: SignedIn
    watchers: SignedIn
    answering: Answering
    names: Mapping[str, str]

    @classmethod
    def of(
        cls,
        desk: Desk,
        watching: Desk,
        answering: Answering,
        names: Mapping[str, str],
        sessions: Sessions,
        *,
        secure: bool,
    ) -> DisputePages:
        """Those of a deployment."""
        assert (desk.duty, watching.duty) == (ANSWERING, WATCHING)
        site, watchers = (SignedIn(SITE, each, sessions, secure=secure) for each in (desk, watching))
        return cls(site, watchers, answering, names)

    def router(self) -> Router:
        """The routes of the pages."""
        router = self.site.router()
        router.add_api_route("", self.mine, methods=["GET"])
        router.add_api_route("/overdue", self.overdue, methods=["GET"])
        router.add_api_route("/of/{logical}", self.one, methods=["GET"])
        router.add_api_route("/of/{logical}", self.answer, methods=["POST"])
        return router

    async def mine(self, request: Request) -> Response:
        """Those of one's own organisation."""

        async def work(session: Session, actor: Actor) -> Response:
            found = await self.answering.mine(actor)
            done = _DONE if request.query_params.get("done") == "answered" else ""
            return self.site.page(
                "disputes_list.html", session=session, found=found, states=STATES, overdue=False, done=done,
                now=self.answering.now(), names=self.names,
            )  # fmt: skip

        return await self.site.run(request, "list", work)

    async def overdue(self, request: Request) -> Response:
        """Those of every source that nobody answered in time."""

        async def work(session: Session, _actor: Actor) -> Response:
            found = await self.answering.overdue()
            return self.watchers.page(
                "disputes_list.html", session=session, found=found, states=STATES, overdue=True, done="",
                now=self.answering.now(), names=self.names,
            )  # fmt: skip

        return await self.watchers.run(request, "list-overdue", work)

    async def one(self, request: Request, logical: str) -> Response:
        """One, with what is said: from now on it was received."""

        async def work(session: Session, actor: Actor) -> Response:
            return await self._page(session, actor, logical)

        return await self.site.run(request, "read", work, details={"challenge": logical[:80]})

    async def answer(self, request: Request, logical: str) -> Response:
        """Answer it."""

        async def work(sent: Sent) -> Response:
            outcome, text = sent.form.get("outcome", ""), sent.form.get("text", "")
            await self.answering.answer(sent.actor, logical, outcome, text, random_id())
            return moved(f"{SITE.home}?done=answered")

        async def again(sent: Sent, error: ScrError) -> Response:
            return await self._page(sent.session, sent.actor, logical, sent.form, error)

        details = {"challenge": logical[:80]}
        return await self.site.take(request, "answer", work, again, details=details)

    async def _page(
        self,
        session: Session,
        actor: Actor,
        logical: str,
        form: Form | None = None,
        error: ScrError | None = None,
    ) -> Response:
        found = await self.answering.read(actor, logical, random_id())
        told, field = _told(error)
        return self.site.page(
            "disputes_one.html",
            error.status if error else 200,
            session=session,
            one=found,
            states=STATES,
            outcomes=OUTCOMES,
            values={"outcome": "", "text": "", **(form or {})},
            error=told,
            field=field,
        )


def _told(error: ScrError | None) -> tuple[ScrError | None, str]:
    """A refusal as the page tells it, and the field that it is about."""
    if not isinstance(error, NotTaken):
        return error, ""
    first = error.findings[0]
    if first.where == "outcome":
        return Invalid("choose what was done", code=first.code), first.where
    return Invalid(first.sentence, code=first.code), first.where
