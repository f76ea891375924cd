"""``/my/carers``: who acts for you; to let somebody, and to end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access import delegating
from scr.access.delegating import Wanted
from scr.access.looked import DAY_MS, LONGEST_DAYS, MOST, Looked, Teller
from scr.api.access.acting import Acting, check_own
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import My, name_of
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_, language
from scr.api.routing import Router
from scr.api.services import Services
from scr.consent.actor import ActorKind
from scr.errors import NotFound, ScrError
from scr.fhir.headings import HEADINGS
from scr.fhir.shown.words import heading_title
from scr.store import trail
from scr.store.delegations import Delegated, State

PAGE = "/my/carers"
LASTS = {"91": N_("3 months"), "182": N_("6 months"), "365": N_("1 year"), "730": N_("2 years")}
STATES = {
    State.INVITED: (N_("Waiting for them"), "yellow"),
    State.LAPSED: (N_("The code ran out"), "grey"),
    State.IN_FORCE: (N_("Acts for you now"), "green"),
    State.SUSPENDED: (N_("Stopped for now"), "orange"),
    State.OVER: (N_("Over"), "grey"),
    State.ENDED: (N_("Ended"), "grey"),
}
BASES = {
    "parental-responsibility": N_("They have parental responsibility"),
    "consent": N_("You agreed to it"),
    "best-interest": N_("It was decided in your best interest"),
    "health-and-welfare-lasting-power-of-attorney": N_("They are your attorney for health and welfare"),
    "court-appointed-personal-welfare-deputy": N_("The court made them your deputy"),
}
EVENTS = {
    "invited": N_("Invited"),
    "accepted": N_("Said yes"),
    "ended": N_("Ended"),
    "suspended": N_("Stopped for now"),
    "resumed": N_("Started again"),
    "reviewed": N_("Looked at again"),
}
_ERRORS = {
    "bad-name": ("calls", N_("Enter the name of the person you want to invite")),
    "bad-until": ("lasts", N_("Choose how long they can act for you")),
    "bad-heading": ("headings", N_("Choose at least one part of your record")),
    "too-many-invited": (
        "",
        N_("You have invited too many people who have not answered. End one of those first."),
    ),
}
_OVER = (State.LAPSED, State.OVER, State.ENDED)


@dataclass(frozen=True, slots=True)
class CarersPages:
    """The pages."""

    my: My
    services: Services
    acting: Acting
    teller: Teller

    def router(self) -> Router:
        """Their routes."""
        router = Router(prefix=PAGE, include_in_schema=False)
        router.add_api_route("", self.list, methods=["GET"])
        router.add_api_route("/invite", self.invite, methods=["GET", "POST"])
        router.add_api_route("/of/{delegation}", self.show, methods=["GET"])
        router.add_api_route("/of/{delegation}/end", self.end, methods=["GET", "POST"])
        return router

    async def list(self, request: Request) -> Response:
        """Who acts for the person, who is invited, and who did."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            every = await self._every(look, visitor)
            states = [(one, one.state(look.now)) for one in every]
            return self.my.show(
                request, visitor, "my/carers.html", own=visitor.own, of=name_of(visitor.known.person),
                states=STATES,
                now=[one for one in states if one[1] not in _OVER],
                over=[one for one in states if one[1] in _OVER],
                mine=visitor.right.delegation, done=request.query_params.get("done", ""),
            )  # fmt: skip

        return await self.my.run(request, "read", "access/carers", work)

    async def invite(self, request: Request) -> Response:
        """Invite somebody: the answer shows the code, once."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            check_own(visitor)
            if request.method == "GET":
                return self._invite_form(request, visitor, {"level": "all", "lasts": "182"})
            wanted = _wanted(form, look.now)
            invited = await self.acting.invite(look, visitor, wanted)
            return self.my.show(request, visitor, "my/invited.html", invited=invited, wanted=wanted)

        async def again(_look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return self._invite_form(request, visitor, form, error)

        action = "read" if request.method == "GET" else "create"
        return await self.my.run(request, action, "access/carers", work, again=again)

    async def show(self, request: Request, delegation: str) -> Response:
        """One of them: what it opens, since when, and what they did."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            one = await self._one(look, visitor, delegation)
            did = await self._did(visitor, one, look.now)
            return self.my.show(
                request, visitor, "my/carer.html", one=one, state=one.state(look.now), states=STATES, did=did,
                bases=BASES, events=EVENTS, titles=self._titles(request, one),
            )  # fmt: skip

        return await self.my.run(request, "read", "access/carers", work)

    async def end(self, request: Request, delegation: str) -> Response:
        """Ask whether it is to end, and end it: from now on they see nothing."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            one = await self._one(look, visitor, delegation)
            if request.method == "GET":
                return self.my.show(request, visitor, "my/carer_end.html", one=one, own=visitor.own)
            await self.acting.end(look, visitor, one.id)
            if visitor.own:
                return moved(f"{PAGE}?done=ended")
            answer = moved("/my/whose")  # whoever gave up their own access has no record to come back to
            self.my.visits.choose(answer, "me")
            return answer

        action = "read" if request.method == "GET" else "update"
        return await self.my.run(request, action, "access/carers", work)

    def _titles(self, request: Request, one: Delegated) -> Sequence[str]:
        return [heading_title(code, language(request), plain=True) for code in one.terms.headings or ()]

    def _invite_form(
        self, request: Request, visitor: Visitor, form: Form, error: ScrError | None = None
    ) -> Response:
        policy = self.services.policy
        longest = delegating.carers_of(policy).longest_days
        open_to = policy.online[ActorKind.CARER].headings
        field, text = _ERRORS.get(error.code, ("", "")) if error else ("", "")
        errors = () if error is None else (FormError(field, text) if text else FormError.of(error, field),)
        return self.my.show(
            request, visitor, "my/invite.html", error.status if error else 200, errors=errors,
            values={"calls": "", "level": "", "lasts": "", "adds": "", **form},
            lasts={days: text for days, text in LASTS.items() if int(days) <= longest},
            titles={code: heading_title(code, language(request), plain=True)
                    for code in HEADINGS if code in open_to},
        )  # fmt: skip

    async def _every(self, look: Look, visitor: Visitor) -> Sequence[Delegated]:
        """Those of the person, the newest first; a carer sees their own alone."""
        if visitor.own:
            return await self.acting.carers(look, visitor)
        return () if visitor.right.delegated is None else (visitor.right.delegated,)

    async def _one(self, look: Look, visitor: Visitor, delegation: str) -> Delegated:
        found = next((one for one in await self._every(look, visitor) if one.id == delegation), None)
        if found is None:
            raise NotFound(delegating.NO_DELEGATION, code="no-delegation")
        return found

    async def _did(self, visitor: Visitor, one: Delegated, now: int) -> Sequence[Looked]:
        """What a carer did here, the newest first."""
        if not one.accepted:
            return ()
        since = now - LONGEST_DAYS * DAY_MS
        rows = await self.services.database.read(
            lambda conn: trail.between(conn, visitor.people, max(since, one.since))
        )
        return [self.teller.told(row) for row in rows if row.actor == one.terms.carer][:MOST]


def _wanted(form: Form, now: int) -> Wanted:
    chosen_headings = tuple(code for code in HEADINGS if form.get(f"headings-{code}"))
    lasts = form.get("lasts", "")
    return Wanted(
        calls=form.get("calls", ""),
        until=now + int(lasts) * DAY_MS if lasts in LASTS else 0,
        headings=None if form.get("level") == "all" else chosen_headings,
        contributes=form.get("adds") == "yes",
    )
