"""``/why``: why a look of one's own was refused, for staff of every job role.

By the id of the request, which stands in the header ``X-Correlation-ID`` of each answer. Nobody finds
another's look. What is told is what the refusal told, and how the rules go for somebody of whom nothing is
known: why it was this person's record that stayed closed would itself tell something of them.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import Desk, Duty
from scr.api.explaining import NOT_YOURS, Explainer, OwnLook
from scr.api.pages.explain import ANSWERS
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import Invalid, NotFound, ScrError

DUTY = Duty("", "", "why")
SITE = Site("/why", "Why", "Ask again", "For everybody who looks at records")
_ID = re.compile(r"[A-Za-z0-9-]{8,64}\Z")


class WhyPages:
    """``/why``."""

    def __init__(self, desk: Desk, explainer: Explainer, sessions: Sessions, *, secure: bool) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self._explainer = explainer
        self._site = SignedIn(SITE, desk, sessions, secure=secure)

    def router(self) -> Router:
        """The routes of the page."""
        router = self._site.router()
        router.add_api_route("", self.form, methods=["GET"])
        router.add_api_route("", self.answer, methods=["POST"])
        return router

    async def form(self, request: Request) -> Response:
        """Ask for the id of the look."""

        async def work(session: Session, _actor: Actor) -> Response:
            return self._page(session, {})

        return await self._site.run(request, "list", work)

    async def answer(self, request: Request) -> Response:
        """Answer."""

        async def work(sent: Sent) -> Response:
            given = sent.form.get("look", "").strip()
            try:
                if not _ID.match(given):
                    raise NotFound(NOT_YOURS, code="no-look")
                return self._page(sent.session, sent.form, look=await self._explainer.own(sent.actor, given))
            except NotFound as error:  # as the form's mistake: it is to be changed, and sent again
                raise Invalid(error.message, code=error.code) from None

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._page(sent.session, sent.form, error=error)

        return await self._site.take(request, "explain", work, again)

    def _page(
        self, session: Session, form: Form, *, look: OwnLook | None = None, error: ScrError | None = None
    ) -> Response:
        return self._site.page(
            "why.html",
            error.status if error else 200,
            session=session,
            values={"look": "", **form},
            look=look,
            answers=ANSWERS,
            error=error,
        )
