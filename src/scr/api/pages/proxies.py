"""``/proxies``: the pages of staff who record who acts for whom, and on what they have seen.

The number of the person is in a form and in no address. What is recorded, and every look at it, is in the
audit under the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from scr.access.delegating import Wanted, carers_of
from scr.access.proposing import PARENTAL
from scr.api.access.desk_routes import PROXIES
from scr.api.access.recording import Recording
from scr.api.desk import Desk
from scr.api.pages.render import moved
from scr.api.pages.sessions import Session, Sessions
from scr.api.pages.signed_in import Form, Sent, SignedIn, Site
from scr.api.routing import Router
from scr.consent.actor import Actor, ActorKind
from scr.errors import Invalid, NotFound, ScrError
from scr.fhir.dates import LONDON, milliseconds
from scr.fhir.headings import HEADINGS
from scr.store.delegations import State

SITE = Site("/proxies", "Who acts for whom", "Another person", "For staff who record carers and proxies")
STATES: Mapping[State, str] = {
    State.INVITED: "Waits to be taken up",
    State.LAPSED: "The code ran out",
    State.IN_FORCE: "In force",
    State.SUSPENDED: "Rests",
    State.OVER: "Over",
    State.ENDED: "Ended",
}
CAPACITIES = {"absent": "They cannot decide for themselves", "present": "They can decide for themselves"}
_FIELDS = {
    "bad-number": "number", "no-person": "number", "bad-basis": "basis", "bad-name": "calls",
    "no-evidence": "evidence", "bad-until": "until", "bad-heading": "level", "bad-capacity": "capacity",
    "bad-reason": "reason", "no-note": "note",
}  # fmt: skip
_BLANK = {
    "number": "", "basis": "", "calls": "", "evidence": "", "until": "", "level": "all", "adds": "no",
    "capacity": "", "reason": "", "note": "",
}  # fmt: skip
_DONE = {
    "ended": "The access has ended. It opens nothing from the next request on.",
    "suspended": "The access rests. It opens nothing until somebody lets it go on.",
    "resumed": "The access goes on.",
    "reviewed": "It is noted that somebody has looked at it.",
}


@dataclass(frozen=True, slots=True)
class ProxyPages:
    """The pages."""

    site: SignedIn
    recording: Recording
    names: Mapping[str, str]

    @classmethod
    def of(
        cls, desk: Desk, recording: Recording, names: Mapping[str, str], sessions: Sessions, *, secure: bool
    ) -> ProxyPages:
        """Those of a deployment; ``names`` are of organisations, by ODS code."""
        assert desk.duty == PROXIES
        return cls(SignedIn(SITE, desk, sessions, secure=secure), recording, names)

    def router(self) -> Router:
        """The routes of the pages."""
        router = self.site.router()
        for path, endpoint, method in (
            ("", self.ask, "GET"),
            ("/person", self.person, "POST"),
            ("/record", self.record_form, "POST"),
            ("/recorded", self.record, "POST"),
            ("/capacity", self.capacity, "POST"),
            ("/of/{proxy}", self.show, "GET"),
            ("/of/{proxy}/{what}", self.change, "POST"),
        ):
            router.add_api_route(path, endpoint, methods=[method])
        return router

    async def ask(self, request: Request) -> Response:
        """Whose accesses?"""

        async def work(session: Session, _actor: Actor) -> Response:
            return self._asking(session, {})

        return await self.site.run(request, "ask", work)

    async def person(self, request: Request) -> Response:
        """Who acts for somebody, by NHS Number."""

        async def work(sent: Sent) -> Response:
            with _as_mistake():
                return await self._person(sent.session, sent.actor, sent.form)

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._asking(sent.session, sent.form, error)

        return await self.site.take(request, "list", work, again)

    async def record_form(self, request: Request) -> Response:
        """The form in which an access is recorded, filled where a source told of somebody."""

        async def work(sent: Sent) -> Response:
            return self._recording(sent.session, sent.form)

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._recording(sent.session, sent.form, error)

        return await self.site.take(request, "ask", work, again)

    async def record(self, request: Request) -> Response:
        """Record an access: the answer shows the code, once."""

        async def work(sent: Sent) -> Response:
            wanted = _wanted(sent.form)
            with _as_mistake():
                made, _ = await self.recording.record(sent.actor, sent.form.get("number", ""), wanted)
            return self.site.page("proxies_recorded.html", session=sent.session, made=made, wanted=wanted)

        async def again(sent: Sent, error: ScrError) -> Response:
            return self._recording(sent.session, sent.form, error)

        return await self.site.take(request, "create", work, again)

    async def capacity(self, request: Request) -> Response:
        """Record whether somebody can decide for themselves."""

        async def work(sent: Sent) -> Response:
            number, capacity = sent.form.get("number", ""), sent.form.get("capacity", "")
            await self.recording.assess(sent.actor, number, capacity, sent.form.get("evidence", ""))
            return await self._person(sent.session, sent.actor, {"number": number}, done="It was recorded.")

        async def again(sent: Sent, error: ScrError) -> Response:
            return await self._person(sent.session, sent.actor, sent.form, error)

        return await self.site.take(request, "assess", work, again)

    async def show(self, request: Request, proxy: str) -> Response:
        """One access, and what can be done with it."""

        async def work(session: Session, actor: Actor) -> Response:
            done = _DONE.get(request.query_params.get("done", ""), "")
            return await self._one(session, actor, proxy, done=done)

        return await self.site.run(request, "read", work, details={"delegation": proxy[:40]})

    async def change(self, request: Request, proxy: str, what: str) -> Response:
        """End it, let it rest or go on, or note that it was looked at."""

        async def work(sent: Sent) -> Response:
            done = await self._changed(sent.actor, proxy, what, sent.form)
            return moved(f"{SITE.home}/of/{proxy}?done={done}")

        async def again(sent: Sent, error: ScrError) -> Response:
            return await self._one(sent.session, sent.actor, proxy, sent.form, error)

        details = {"delegation": proxy[:40]}
        return await self.site.take(request, what[:20], work, again, details=details)

    async def _changed(self, actor: Actor, proxy: str, what: str, form: Form) -> str:
        match what:
            case "end":
                await self.recording.end(actor, proxy)
                return "ended"
            case "suspend":
                why = form.get("reason", "").strip()
                if not why:
                    raise Invalid("say why it is to rest", code="bad-reason", where="reason")
                await self.recording.suspend(actor, proxy, why)
                return "suspended"
            case "resume":
                await self.recording.suspend(actor, proxy, "")
                return "resumed"
            case "review":
                await self.recording.review(actor, proxy, form.get("note", ""), None)
                return "reviewed"
        raise Invalid("end, suspend, resume or review", code="bad-change")

    def _asking(self, session: Session, form: Form, error: ScrError | None = None) -> Response:
        return self._page("proxies_ask.html", session, form, error)

    def _recording(self, session: Session, form: Form, error: ScrError | None = None) -> Response:
        carers = carers_of(self.recording.policy)
        bases = {code: rule.name for code, rule in carers.bases.items()}
        open_to = self.recording.policy.online[ActorKind.CARER].headings
        titles = {code: title for code, title in HEADINGS.items() if code in open_to}
        return self._page("proxies_record.html", session, form, error, bases=bases, titles=titles)

    async def _person(
        self,
        session: Session,
        actor: Actor,
        form: Form,
        error: ScrError | None = None,
        *,
        done: str = "",
    ) -> Response:
        found = await self.recording.of_person(actor, form.get("number", ""))
        return self._page(
            "proxies_person.html", session, form, error, found=found, states=STATES, done=done,
            capacities=CAPACITIES, names=self.names, parental=PARENTAL,
        )  # fmt: skip

    async def _one(
        self,
        session: Session,
        actor: Actor,
        proxy: str,
        form: Form | None = None,
        error: ScrError | None = None,
        *,
        done: str = "",
    ) -> Response:
        one, now = await self.recording.one(actor, proxy)
        return self._page(
            "proxies_one.html", session, form or {}, error, one=one, state=one.state(now), states=STATES,
            bases={code: rule.name for code, rule in carers_of(self.recording.policy).bases.items()},
            titles=HEADINGS, done=done,
        )  # fmt: skip

    def _page(
        self, template: str, session: Session, form: Form, error: ScrError | None, **context: object
    ) -> Response:
        return self.site.page(
            template,
            error.status if error else 200,
            session=session,
            values={**_BLANK, **form},
            error=error,
            field=_FIELDS.get(error.code, "") if error else "",
            **context,
        )


@contextmanager
def _as_mistake() -> Iterator[None]:
    """That nobody is found by a number is told at its field: another one may be the right one."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message, code=error.code, where="number") from None


def _wanted(form: Form) -> Wanted:
    """What is to be recorded. Raises Invalid."""
    headings = tuple(code for code in HEADINGS if form.get(f"headings-{code}"))
    try:
        day = date.fromisoformat(form.get("until", "").strip())
        until = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Invalid("a day such as 2027-01-31", code="bad-until", where="until") from None
    return Wanted(
        form.get("calls", ""),
        milliseconds(until),
        basis=form.get("basis", ""),
        headings=None if form.get("level", "all") == "all" else headings,
        contributes=form.get("adds") == "yes",
        evidence=form.get("evidence", ""),
    )
