"""The pages of the review queue: what is in doubt, both sides of one, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import Desk, Duty
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.errors import Invalid, NotFound, ScrError, Unprocessable
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.identity.heard import SENTENCES
from scr.intake.review import Case, Review
from scr.mapping.provider import Provider

DUTY = Duty("B0825", "Amend Patient Demographics", "identity review")
SITE = Site("/review", "Whose is it?", "All that waits", "For those who decide whose a record is")

_DECISIONS = ("same", "other", "merge", "one-person")
_DONE = {
    "same": "It is filed, or used from the next answer on, and the person is known by what it tells.",
    "other": "It is dismissed. Tell its source, which has to correct it, and to send what it sent again.",
    "merge": "What was filed under the prior record is the other person's now.",
    "one-person": "The two numbers are read as one person from now on.",
}
_FIELDS = {"no-reason": "reason", "no-decision": "decision"}
_TITLES = {
    "family-name": "Family name",
    "given-name": "Given names",
    "birth-date": "Birth date",
    "sex": "Sex",
    "postcode": "Postcode",
}
_NOT_SHOWN = "not shown"
_LEVELS = {
    "same": "the same",
    "alias": "another form of the name",
    "near": "nearly the same",
    "initial": "an initial",
    "other": "different",
    "untold": "not told by both",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of a case: what was told, what each known person has, and how the two compare."""

    title: str
    told: str
    known: tuple[str, ...]
    prior: str
    level: str
    words: str


class ReviewPages:
    """``/review`` and the pages below it."""

    def __init__(
        self,
        desk: Desk,
        review: Review,
        providers: Mapping[OdsCode, Provider],
        sessions: Sessions,
        *,
        secure: bool,
    ) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self._review = review
        self._names = {provider.ods: provider.name for provider in providers.values()}
        self._site = SignedIn(SITE, desk, sessions, secure=secure)

    def router(self) -> Router:
        """The routes of the pages."""
        router = self._site.router()
        router.add_api_route("", self.queue, methods=["GET"])
        router.add_api_route("/case/{item}", self.show, methods=["GET"])
        router.add_api_route("/case/{item}", self.decide, methods=["POST"])
        return router

    async def queue(self, request: Request) -> Response:
        """What waits for a decision, the oldest first."""

        async def work(session: Session, _actor: Actor) -> Response:
            items, persons = await self._review.queue(), await self._review.persons()
            done = _DONE.get(request.query_params.get("done", ""), "")
            return self._site.page(
                "review_queue.html",
                session=session,
                items=items,
                names=self._names,
                done=done,
                persons=persons,
                sentences=SENTENCES,
            )

        return await self._site.run(request, "list", work)

    async def show(self, request: Request, item: str) -> Response:
        """Both sides of one."""

        async def work(session: Session, _actor: Actor) -> Response:
            return self._page(session, await self._case(item))

        return await self._site.run(request, "read", work, details={"quarantine": item[:80]})

    async def decide(self, request: Request, item: str) -> Response:
        """Carry out what was decided."""

        async def work(sent: Sent) -> Response:
            decision = sent.form.get("decision", "")
            by = sent.actor.name or sent.actor.subject
            await self._carry_out(item, decision, by=by, reason=sent.form.get("reason", ""))
            return moved(f"{SITE.home}?done={decision}")

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._page(sent.session, await self._case(item), sent.form, error)

        return await self._site.take(request, "decide", work, again, details={"quarantine": item[:80]})

    async def _carry_out(self, item: str, decision: str, *, by: str, reason: str) -> None:
        if decision not in _DECISIONS:
            raise Invalid("say what you decide", code="no-decision")
        if decision == "other":
            await self._review.other(item, by=by, reason=reason)
            return
        if decision == "same":
            receipt = await self._review.same(item, by=by, reason=reason)
        else:
            receipt = await self._review.merge(
                item, one_person=decision == "one-person", by=by, reason=reason
            )
        if receipt is not None and receipt.problems:
            raise Unprocessable(f"it stays in quarantine: {receipt.problems[0].sentence}", code="stays")

    async def _case(self, item: str) -> Case:
        """Raises NotFound, also for what is settled by now."""
        try:
            return await self._review.show(item)
        except Unprocessable:
            raise NotFound("nothing waits for a decision here any more", code="no-review") from None

    def _page(
        self, session: Session, case: Case, form: Form | None = None, error: ScrError | None = None
    ) -> Response:
        values = {"decision": "", "reason": "", **(form or {})}
        return self._site.page(
            "review_case.html",
            error.status if error else 200,
            session=session,
            case=case,
            rows=_rows(case),
            name=self._names.get(case.item.provider, str(case.item.provider)),
            values=values,
            error=error,
            field=_FIELDS.get(error.code, "") if error else "",
        )


def _rows(case: Case) -> list[Row]:
    levels = {str(fact): level.value for fact, level in case.verdict.levels} if case.verdict else {}
    told = _facts(case.told)
    known = [_facts(one) for one in case.known]
    prior = _facts(case.prior) if case.prior else {}
    hidden = {"postcode": _NOT_SHOWN} if case.hidden else {}
    told, prior, known = told | hidden, prior | hidden, [one | hidden for one in known]
    levels = {fact: level for fact, level in levels.items() if fact not in hidden}
    return [
        Row(
            title,
            told[fact],
            tuple(one[fact] for one in known),
            prior.get(fact, ""),
            levels.get(fact, ""),
            _LEVELS.get(levels.get(fact, ""), ""),
        )
        for fact, title in _TITLES.items()
    ]


def _facts(side: Demographics) -> dict[str, str]:
    """What a side tells, as people read it; an empty text where it was not told."""
    return {
        "family-name": side.family or "",
        "given-name": " ".join(side.given),
        "birth-date": side.birth_date or "",
        "sex": side.sex or "",
        "postcode": side.postcode or "",
    }
