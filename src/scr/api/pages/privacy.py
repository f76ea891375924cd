"""The pages of the privacy officer: who broke the glass or claimed a relationship, and what it was."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.recording import Answering
from scr.api.desk import Desk, Duty
from scr.api.explaining import Explainer
from scr.api.pages.explain import ExplainPages
from scr.api.pages.misuse import MisusePages
from scr.api.pages.questions import QuestionsPages
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site, check_form, read_form
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.misuse import MisuseRules
from scr.errors import Invalid, ScrError
from scr.identity.misuse.worklist import Worklist
from scr.identity.oversight import Case, Oversight, Watcher
from scr.store.claims import Claim, ClaimKind, Verdict

DUTY = Duty("B0015", "Receive Legal Override and Emergency View Alerts", "privacy")
SITE = Site("/privacy", "Privacy", "All that waits", "For privacy officers and Caldicott guardians")
KINDS = {ClaimKind.GLASS: "Broken glass", ClaimKind.RELATIONSHIP: "Claimed relationship"}
VERDICTS = {Verdict.APPROPRIATE: "Appropriate", Verdict.FOLLOW_UP: "To be followed up"}

_DONE = {
    "appropriate": "It was appropriate. It is off the list.",
    "follow-up": "It stays on the list until somebody says that it was appropriate.",
    "withdrawn": "It opens nothing any more.",
}
_FIELDS = {"no-note": "note", "no-verdict": "verdict"}


@dataclass(frozen=True, slots=True)
class Row:
    """One claim in the list."""

    claim: Claim
    kind: str
    state: str
    is_open: bool


class PrivacyPages:
    """``/privacy`` and the pages below it."""

    def __init__(
        self,
        desk: Desk,
        oversight: Oversight,
        explainer: Explainer,
        answering: Answering,
        sessions: Sessions,
        misuse: tuple[Worklist, MisuseRules | None],
        *,
        secure: bool,
    ) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self._oversight = oversight
        self._site = SignedIn(SITE, desk, sessions, secure=secure)
        self._explain = ExplainPages(self._site, explainer)
        self._questions = QuestionsPages(self._site, answering)
        self._misuse = MisusePages(self._site, *misuse)

    def router(self) -> Router:
        """The routes of the pages."""
        router = self._site.router()
        router.add_api_route("", self.waiting, methods=["GET"])
        router.add_api_route("/all", self.every, methods=["GET"])
        router.add_api_route("/claim/{claim}", self.show, methods=["GET"])
        router.add_api_route("/claim/{claim}", self.review, methods=["POST"])
        router.add_api_route("/claim/{claim}/withdraw", self.withdraw, methods=["POST"])
        self._explain.add_to(router)
        self._questions.add_to(router)
        self._misuse.add_to(router)
        return router

    async def waiting(self, request: Request) -> Response:
        """What waits for a review, the oldest first."""

        async def work(session: Session, _actor: Actor) -> Response:
            rows = [self._row(claim) for claim in await self._oversight.waiting()]
            done = _DONE.get(request.query_params.get("done", ""), "")
            return await self._list(session, rows, done=done)

        return await self._site.run(request, "list", work)

    async def every(self, request: Request) -> Response:
        """The latest claims, reviewed or not."""

        async def work(session: Session, _actor: Actor) -> Response:
            rows = [self._row(claim) for claim in await self._oversight.latest()]
            return await self._list(session, rows, every=True)

        return await self._site.run(request, "list", work)

    async def show(self, request: Request, claim: str) -> Response:
        """One claim, whom it is about, and what was looked at under it."""

        async def work(session: Session, actor: Actor) -> Response:
            return self._page(session, await self._oversight.show(claim, _watcher(actor)))

        return await self._site.run(request, "read", work, details={"claim": claim[:80]})

    async def review(self, request: Request, claim: str) -> Response:
        """Write down what it was."""

        async def work(sent: Sent) -> Response:
            verdict = _verdict(sent.form.get("verdict", ""))
            await self._oversight.review(claim, _watcher(sent.actor), verdict, sent.form.get("note", ""))
            return moved(f"{SITE.home}?done={verdict.value}")

        async def again(sent: Sent, error: ScrError) -> Response:
            shown = await self._oversight.show(claim, _watcher(sent.actor))
            return self._page(sent.session, shown, sent.form, error)

        return await self._site.take(request, "review", work, again, details={"claim": claim[:80]})

    async def withdraw(self, request: Request, claim: str) -> Response:
        """End it now."""

        async def work(session: Session, actor: Actor) -> Response:
            check_form(await read_form(request), session)
            await self._oversight.withdraw(claim, _watcher(actor))
            return moved(f"{SITE.home}?done=withdrawn")

        return await self._site.run(request, "withdraw", work, details={"claim": claim[:80]})

    async def _list(
        self, session: Session, rows: list[Row], *, every: bool = False, done: str = ""
    ) -> Response:
        stuck = await self._oversight.undelivered()
        return self._site.page(
            "privacy_list.html",
            session=session,
            rows=rows,
            every=every,
            done=done,
            stuck=stuck,
            asked=await self._questions.waiting(),
            found=await self._misuse.waiting(),
        )

    def _row(self, claim: Claim) -> Row:
        return Row(claim, KINDS[claim.kind], state_of(claim), self._oversight.is_open(claim))

    def _page(
        self, session: Session, case: Case, form: Form | None = None, error: ScrError | None = None
    ) -> Response:
        return self._site.page(
            "privacy_claim.html",
            error.status if error else 200,
            session=session,
            case=case,
            row=self._row(case.claim),
            verdicts={verdict.value: words for verdict, words in VERDICTS.items()},
            values={"verdict": "", "note": "", **(form or {})},
            error=error,
            field=_FIELDS.get(error.code, "") if error else "",
        )


def state_of(claim: Claim) -> str:
    """What was made of it, in words."""
    return VERDICTS[Verdict(claim.verdict)] if claim.verdict else "To be reviewed"


def _watcher(actor: Actor) -> Watcher:
    return Watcher(actor.name or actor.subject, actor.subject)


def _verdict(text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        raise Invalid("say what it was", code="no-verdict") from None
