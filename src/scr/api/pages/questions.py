"""``/privacy/questions``: what people ask about looks at their records, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.recording import Answering
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session
from scr.api.pages.signed_in import Sent, SignedIn
from scr.consent.actor import Actor
from scr.errors import ScrError

_DONE = "The person reads your answer at their record."


@dataclass(frozen=True, slots=True)
class QuestionsPages:
    """The list and a question, on a site that has the duty for it."""

    site: SignedIn
    answering: Answering

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to those of the site."""
        router.add_api_route("/questions", self.list, methods=["GET"])
        router.add_api_route("/questions/{question}", self.show, methods=["GET"])
        router.add_api_route("/questions/{question}", self.answer, methods=["POST"])

    async def waiting(self) -> int:
        """How many nobody has answered."""
        return len(await self.answering.waiting())

    async def list(self, request: Request) -> Response:
        """What nobody has answered, the oldest first."""

        async def work(session: Session, _actor: Actor) -> Response:
            done = _DONE if request.query_params.get("done") == "answered" else ""
            found = await self.answering.waiting()
            return self.site.page("privacy_questions.html", session=session, found=found, done=done)

        return await self.site.run(request, "list questions", work)

    async def show(self, request: Request, question: str) -> Response:
        """One question."""

        async def work(session: Session, _actor: Actor) -> Response:
            return await self._page(session, question)

        return await self.site.run(request, "read question", work, details={"question": question[:80]})

    async def answer(self, request: Request, question: str) -> Response:
        """Answer it."""

        async def work(sent: Sent) -> Response:
            await self.answering.answer(sent.actor, question, sent.form.get("text", ""))
            return moved(f"{self.site.site.home}/questions?done=answered")

        async def again(sent: Sent, error: ScrError) -> Response:
            return await self._page(sent.session, question, sent.form.get("text", ""), error)

        details = {"question": question[:80]}
        return await self.site.take(request, "answer question", work, again, details=details)

    async def _page(
        self, session: Session, question: str, text: str = "", error: ScrError | None = None
    ) -> Response:
        _, one = await self.answering.read(question)
        return self.site.page(
            "privacy_question.html",
            error.status if error else 200,
            session=session,
            one=one,
            text=text,
            error=error,
        )
