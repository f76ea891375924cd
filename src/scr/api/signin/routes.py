"""The HTTP of signing in: ``/signin``, outside the FHIR base.

Every sign-in and sign-out, a refused one too, is in the audit before its answer leaves; no token, no name and
no number is in a log or an address.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from scr.api.look import Clock
from scr.api.pages.forms import of_another_site, read_form
from scr.api.pages.frame import FormError, Who, show
from scr.api.pages.render import Site, moved, style_sheet
from scr.api.pages.tongue import N_
from scr.api.routing import Router
from scr.api.signin.kept import Choice, Visit
from scr.api.signin.person import Population, SignedIn
from scr.api.signin.sign_in import SignIn
from scr.errors import Forbidden, Invalid, NotFound, ScrError, Unauthenticated, Unavailable
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append

HOME = "/signin"
SITE = Site(HOME, "Sign in", "Sign in", "For staff, citizens and those who act for them")
"""As which the pages show themselves that ask for an app."""
_PEOPLE: Mapping[str, Population] = {"staff": "staff", "citizens": "citizens"}
_log = structlog.get_logger("scr.api.signin")


@dataclass(frozen=True, slots=True)
class SignInRoutes:
    """``/signin`` and what is below it. ``origin`` is our address as browsers see it, without a path."""

    sign_in: SignIn
    database: Database
    now: Clock
    origin: str

    def router(self) -> Router:
        """The routes."""
        router = Router(prefix="/signin", include_in_schema=False)
        add = router.add_api_route
        add("", self.home, methods=["GET"])
        add("/begin/{people}", self.begin, methods=["GET"])
        add("/pages.css", self.style, methods=["GET"])
        add("/choose", self.choose_form, methods=["GET"])
        add("/choose", self.choose, methods=["POST"])
        add("/session/end", self.sign_out, methods=["POST"])
        add("/out", self.out, methods=["GET"])
        add("/{upstream}/callback", self.callback, methods=["GET"])
        add("/{upstream}/backchannel-logout", self.sign_out_from_there, methods=["POST"])
        return router

    async def style(self, _request: Request) -> Response:
        """The style sheet of the pages that ask for an app: it tells nothing, so anybody may have it."""
        return style_sheet()

    async def home(self, request: Request) -> Response:
        """Who is signed in; nobody: where to."""
        try:
            visit = await self.sign_in.visit(request)
        except ScrError as error:
            return self._error(request, error, random_id())
        settings = [party.settings for party in self.sign_in.parties.values()]
        person = None if visit is None else visit.person
        return show(request, "signin/home.html", who=_who(visit), person=person, upstreams=settings)

    async def begin(self, request: Request, people: str) -> Response:
        """Off to the upstream of a population; ``to`` is the page of ours to come back to."""
        to = request.query_params.get("to", HOME)
        population = _PEOPLE.get(people)
        try:
            if population is None:
                raise NotFound("there is nothing at this address", code="no-route")
            return await self.sign_in.begin(request, population, to)
        except ScrError as error:
            return await self._refused(request, error, "sign-in", {})

    async def callback(self, request: Request, upstream: str) -> Response:
        """Back from the upstream."""
        details, again = {"upstream": upstream[:40]}, ""
        try:
            party, attempt = await self.sign_in.attempt(request, upstream)
            again = _begin(party.settings.people, attempt.return_to)
            choice = await self.sign_in.answered(request, party, attempt)
            if len(choice.options) > 1:
                return await self._choose_one(request, choice)
            visit = self.sign_in.visit_as(choice, "0")
            return await self._enter(request, visit, moved(choice.return_to))
        except ScrError as error:
            return await self._refused(request, error, "sign-in", details, again)

    async def choose_form(self, request: Request) -> Response:
        """As whom to come in."""
        try:
            return self._choice_page(request, await self._choice(request))
        except ScrError as error:
            return await self._refused(request, error, "sign-in", {})

    async def choose(self, request: Request) -> Response:
        """Come in as one of those who were offered."""
        try:
            form, choice = await read_form(request), await self._choice(request)
            if of_another_site(request) or not _same(form.get("csrf", ""), choice.csrf):
                raise Forbidden("the form is not of this sign-in: begin again", code="stale-form")
            visit = self.sign_in.visit_as(choice, form.get("option", ""))
            return await self._enter(
                request, visit, self._onward(request, choice.return_to, N_("You are signed in"))
            )
        except Invalid as error:
            if error.code != "choose-one":
                return await self._refused(request, error, "sign-in", {})
            return self._choice_page(request, await self._choice(request), error)
        except ScrError as error:
            return await self._refused(request, error, "sign-in", {})

    async def sign_out(self, request: Request) -> Response:
        """End the visit here, and go and end it at the upstream; a form that is not of it ends nothing."""
        try:
            visit = await self.sign_in.visit(request)
            form = await read_form(request)
            if visit is None or of_another_site(request) or not _same(form.get("csrf", ""), visit.csrf):
                return moved("/signin/out")
            await self.sign_in.leave(request)
            apps = await self.sign_in.keep.end_apps(visit.person)
            details = {"upstream": visit.person.upstream, "apps": str(apps)}
            await self._note("sign-out", visit.person, None, details)
        except ScrError as error:
            return self._error(request, error, random_id())
        answer = self._onward(request, await self._way_out(visit), N_("Signing out"))
        self.sign_in.cookies.clear(answer, "visit")
        return answer

    async def out(self, request: Request) -> Response:
        """Nobody is signed in any more."""
        return show(request, "signin/out.html")

    async def sign_out_from_there(self, request: Request, upstream: str) -> Response:
        """The upstream ends what began through it: Back-Channel Logout 1.0, 2.5 and 2.8."""
        details, error = {"upstream": upstream[:40]}, None
        try:
            form = await read_form(request)
            ended = await self.sign_in.end_from_there(upstream, form.get("logout_token", ""))
            details["ended"] = str(ended)
        except ScrError as failed:
            error = failed
        try:
            await self._note("sign-out", None, error, details)
        except ScrError as failed:
            error = failed
        if error is None:
            return Response(b"", 200, headers={"Cache-Control": "no-store"})
        status = error.status if error.status >= 500 else 400
        body = orjson.dumps({"error": "invalid_request", "error_description": error.message})
        return Response(body, status, headers={"Cache-Control": "no-store"}, media_type="application/json")

    async def _enter(self, request: Request, visit: Visit, answer: Response) -> Response:
        """The visit begins once the audit has it."""
        cookies = self.sign_in.cookies
        await self._note("sign-in", visit.person, None, {"upstream": visit.person.upstream})
        cookies.set(answer, "visit", await self.sign_in.enter(request, visit))
        cookies.clear(answer, "choice")
        cookies.clear(answer, "attempt")
        return answer

    async def _choose_one(self, request: Request, choice: Choice) -> Response:
        await self.sign_in.leave(request)
        answer = moved("/signin/choose")
        self.sign_in.cookies.clear(answer, "visit")
        self.sign_in.cookies.set(answer, "choice", await self.sign_in.keep.put(choice), 600)
        return answer

    async def _choice(self, request: Request) -> Choice:
        choice = await self.sign_in.keep.find(
            Choice, request.cookies.get(self.sign_in.cookies.name("choice"))
        )
        if choice is None:
            raise Unauthenticated("there is nothing to choose any more: sign in again", code="bad-state")
        return choice

    def _choice_page(self, request: Request, choice: Choice, error: ScrError | None = None) -> Response:
        errors = () if error is None else (FormError.of(error, "option"),)
        status = error.status if error else 200
        return show(request, "signin/choose.html", status, errors=errors, choice=choice)

    async def _way_out(self, visit: Visit) -> str:
        """To the upstream's own sign-out; one that is down, or has none, leaves it at ours."""
        party = self.sign_in.parties.get(visit.person.upstream)
        try:
            there = (
                "" if party is None else await party.signing_out(visit.id_token, f"{self.origin}/signin/out")
            )
        except Unavailable:
            there = ""
        return there or "/signin/out"

    def _onward(self, request: Request, address: str, heading: str) -> Response:
        """A page that leads on by itself. Where a form leads with a redirect, a browser holds that to us."""
        return show(request, "signin/onward.html", address=address, heading=heading)

    async def _refused(
        self,
        request: Request,
        error: ScrError,
        action: str,
        details: Mapping[str, str],
        again: str = "",
    ) -> Response:
        correlation = random_id()
        try:
            await self._note(action, None, error, details, correlation)
        except ScrError as failed:
            error = failed
        return self._error(request, error, correlation, again)

    def _error(self, request: Request, error: ScrError, correlation: str, again: str = "") -> Response:
        told = FormError.of(error)
        return show(
            request, "signin/error.html", error.status, correlation=correlation, error=told,
            again=again or HOME,
        )  # fmt: skip

    async def _note(
        self,
        action: str,
        person: SignedIn | None,
        error: ScrError | None,
        details: Mapping[str, str],
        correlation: str = "",
    ) -> None:
        """Write it down. Raises Unavailable ``no-audit``."""
        row = self._row(action, person, error, details, correlation or random_id())
        _log.info(action, outcome=row.outcome, code=row.code, correlation=row.correlation)
        try:
            await self.database.write(lambda connection: append(connection, row))
        except ScrError:
            message = "the audit cannot be written, so nobody is signed in or out"
            raise Unavailable(message, code="no-audit") from None

    def _row(
        self,
        action: str,
        person: SignedIn | None,
        error: ScrError | None,
        details: Mapping[str, str],
        correlation: str,
    ) -> AuditRow:
        actor = None if person is None else person.actor()
        return AuditRow(
            at=self.now(),
            actor=actor.subject if actor else "",
            actor_name=actor.name if actor else "",
            role=(actor.role or "") if actor else "",
            organisation=str(actor.organisation or "") if actor else "",
            action=action,
            what="sign-in",
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            policy=self.sign_in.policy.hash,
            correlation=correlation,
            details=dict(details),
        )


def _begin(people: Population, to: str) -> str:
    return f"/signin/begin/{people}?to={quote(to, safe='')}"


def _who(visit: Visit | None) -> Who | None:
    if visit is None:
        return None
    return Who(visit.person.shown, visit.csrf, leave=visit.csrf, menu="none")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
