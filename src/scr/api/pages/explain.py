"""``/privacy/explain``: why somebody may or may not see a record, the rules in order.

Whom it is about stands in the form that is posted, by the id of their Patient or by NHS Number, and in no
address.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from scr.api.explaining import Account, Explainer, WhatIf
from scr.api.pages.sessions import Session
from scr.api.pages.signed_in import Form, Sent, SignedIn
from scr.api.routing import Router
from scr.consent.actor import Actor, ActorKind
from scr.consent.explain import Answer
from scr.errors import Invalid, NotFound, ScrError
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode

ANSWERS = {
    Answer.PASSES: ("passes", "tag-green"),
    Answer.LIFTED: ("lifted by the broken glass", "tag-yellow"),
    Answer.DENIES: ("refuses", "tag-red"),
    Answer.ALSO_DENIES: ("would refuse too", "tag-grey"),
}
_EMPTY = {"who": "", "role": "", "organisation": "", "purpose": "TREAT", "user": ""}
_FIELDS = {
    "bad-person": "who",
    "no-such-person": "who",
    "unknown-role": "role",
    "bad-organisation": "organisation",
    "unknown-purpose": "purpose",
}
_NUMBER = re.compile(r"[0-9][0-9 ]{8,14}\Z")
_ID = re.compile(r"(?:Patient/)?([A-Za-z0-9.-]{1,64})\Z")


class ExplainPages:
    """The form, and what it answers, on a site that has the duty for it."""

    def __init__(self, site: SignedIn, explainer: Explainer) -> None:
        self._site = site
        self._explainer = explainer

    def add_to(self, router: Router) -> None:
        """Add the routes to those of the site."""
        router.add_api_route("/explain", self.form, methods=["GET"])
        router.add_api_route("/explain", self.explain, methods=["POST"])

    async def form(self, request: Request) -> Response:
        """Ask about whom, and who is thought to look."""

        async def work(session: Session, _actor: Actor) -> Response:
            return self._page(session, {})

        return await self._site.run(request, "list", work)

    async def explain(self, request: Request) -> Response:
        """Answer."""

        async def work(sent: Sent) -> Response:
            try:
                account = await self._account(sent.actor, sent.form)
                return self._page(sent.session, sent.form, account=account)
            except NotFound as error:  # as the form's mistake: it is to be changed, and sent again
                raise Invalid(error.message, code=error.code) from None

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._page(sent.session, sent.form, error=error)

        return await self._site.take(request, "explain", work, again)

    async def _account(self, actor: Actor, form: Form) -> Account:
        policy = self._explainer.policy
        if form.get("role", "") not in policy.roles:
            raise Invalid("choose a job role", code="unknown-role")
        if form.get("purpose", "") not in policy.purposes_of(ActorKind.PROFESSIONAL):
            raise Invalid("choose a purpose", code="unknown-purpose")
        what = WhatIf(
            role=form["role"],
            organisation=_organisation(form.get("organisation", "")),
            purpose=form["purpose"],
            user=form.get("user", "").strip()[:300],
        )
        who = form.get("who", "").strip()
        if _NUMBER.match(who):
            return await self._explainer.by_number(actor, _number(who), what)
        match = _ID.match(who)
        if match is None:
            raise Invalid("give the id of a Patient, or an NHS Number", code="bad-person")
        return await self._explainer.by_id(actor, match.group(1), what)

    def _page(
        self,
        session: Session,
        form: Form,
        *,
        account: Account | None = None,
        error: ScrError | None = None,
    ) -> Response:
        policy = self._explainer.policy
        return self._site.page(
            "explain.html",
            error.status if error else 200,
            session=session,
            values={**_EMPTY, **form},
            roles={code: role.name for code, role in policy.roles.items()},
            purposes=sorted(policy.purposes_of(ActorKind.PROFESSIONAL)),
            account=account,
            answers=ANSWERS,
            headings=HEADINGS,
            error=error,
            field=_FIELDS.get(error.code, "who") if error else "",
        )


def _number(text: str) -> NHSNumber:
    try:
        return NHSNumber.parse(text)
    except ValueError:
        raise Invalid("this is no valid NHS Number", code="bad-person") from None


def _organisation(text: str) -> OdsCode:
    try:
        return OdsCode.parse(text.strip().upper())
    except ValueError:
        raise Invalid("give the ODS code of an organisation", code="bad-organisation") from None
