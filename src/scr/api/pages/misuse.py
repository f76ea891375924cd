"""``/privacy/misuse``: what the rules found in the audit, and what it was."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from scr.api.misuse import watcher_of
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session
from scr.api.pages.signed_in import Form, Sent, SignedIn
from scr.consent.actor import Actor
from scr.consent.misuse import MisuseRules
from scr.errors import Invalid, ScrError
from scr.identity.misuse.told import STATUSES, evidence
from scr.identity.misuse.worklist import Shown, Worklist
from scr.store.misuse.findings import Finding, Status

DECISIONS = {status.value: words for status, words in STATUSES.items() if status is not Status.NEW}
"""What may be decided, in words."""
_TAGS = {Status.NEW: "yellow", Status.MISUSE: "red", Status.EXPLAINED: "green", Status.NOT_MISUSE: "green"}
_FIELDS = {"no-note": "note", "no-verdict": "status"}


@dataclass(frozen=True, slots=True)
class Row:
    """A finding in the list: the title of its rule, its state in words and colour, and why, in sentences."""

    finding: Finding
    title: str
    state: str
    tag: str
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class MisusePages:
    """The list and a finding, on a site that has the duty for it."""

    site: SignedIn
    worklist: Worklist
    rules: MisuseRules | None

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to those of the site."""
        router.add_api_route("/misuse", self.list, methods=["GET"])
        router.add_api_route("/misuse/{finding}", self.show, methods=["GET"])
        router.add_api_route("/misuse/{finding}", self.decide, methods=["POST"])

    async def waiting(self) -> int:
        """How many nobody has decided on."""
        return await self.worklist.count()

    async def list(self, request: Request) -> Response:
        """What nobody has decided on, most points first; with ``?all=yes`` the latest."""
        every = request.query_params.get("all") == "yes"
        done = DECISIONS.get(request.query_params.get("done", ""), "")

        async def work(session: Session, _actor: Actor) -> Response:
            found = await (self.worklist.latest() if every else self.worklist.waiting())
            rows = [self._row(one) for one in found]
            return self.site.page(
                "privacy_misuse_list.html", session=session, rows=rows, every=every, done=done
            )

        return await self.site.run(request, "list findings", work)

    async def show(self, request: Request, finding: str) -> Response:
        """One finding."""

        async def work(session: Session, actor: Actor) -> Response:
            return self._page(session, await self.worklist.show(finding, watcher_of(actor)))

        return await self.site.run(request, "read finding", work, details={"finding": finding[:80]})

    async def decide(self, request: Request, finding: str) -> Response:
        """Write down what it was."""

        async def work(sent: Sent) -> Response:
            status = _status(sent.form.get("status", ""))
            await self.worklist.decide(finding, watcher_of(sent.actor), status, sent.form.get("note", ""))
            return moved(f"{self.site.site.home}/misuse?done={status.value}")

        async def again(sent: Sent, error: ScrError) -> Response:
            shown = await self.worklist.show(finding, watcher_of(sent.actor))
            return self._page(sent.session, shown, sent.form, error)

        details = {"finding": finding[:80]}
        return await self.site.take(request, "decide finding", work, again, details=details)

    def _row(self, finding: Finding) -> Row:
        rules = {} if self.rules is None else self.rules.rules
        rule = rules.get(finding.rule)
        title = rule.title if rule is not None else finding.rule
        status = finding.status
        return Row(finding, title, STATUSES[status], _TAGS[status], evidence(finding))

    def _page(
        self, session: Session, shown: Shown, form: Form | None = None, error: ScrError | None = None
    ) -> Response:
        return self.site.page(
            "privacy_misuse.html",
            error.status if error else 200,
            session=session,
            shown=shown,
            row=self._row(shown.finding),
            decisions=DECISIONS,
            states={status.value: words for status, words in STATUSES.items()},
            values={"status": "", "note": "", **(form or {})},
            error=error,
            field=_FIELDS.get(error.code, "") if error else "",
        )


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise Invalid("say what it was", code="no-verdict") from None
