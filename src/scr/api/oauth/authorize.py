"""``/auth/authorize``: an app sends a person here, who signs in, is asked, and goes back, with a code or not.

Nobody is sent to an address before it is known to be the app's own; until then, a mistake is told on a page
of ours. Each turn is in the audit before its answer leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.look import Clock
from scr.api.oauth.asked import (
    Asked,
    Pairs,
    answer_to,
    check_app,
    only,
    read_asked,
    read_pairs,
    state_of,
)
from scr.api.oauth.asking import ask_page
from scr.api.oauth.granted import approver_of
from scr.api.oauth.marks import Marks
from scr.api.oauth.offer import Offer, make_offer
from scr.api.oauth.refusal import told_as
from scr.api.oauth.server import AuthorisationServer
from scr.api.pages.forms import of_another_site, read_form
from scr.api.pages.render import moved, page
from scr.api.pages.sessions import same
from scr.api.routing import Router
from scr.api.signin.person import Population, SignedIn
from scr.api.signin.routes import SITE
from scr.consent.actor import Actor
from scr.errors import Fault, Forbidden, Invalid, ScrError, Unavailable
from scr.store import launches
from scr.store.clients import Client, find
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id
from scr.store.trail import AuditRow, append

COOKIE = "scr_authorize"
_log = structlog.get_logger("scr.api.oauth")


class SignsIn(Protocol):
    """Who is signed in at a browser, and how somebody comes to be."""

    def offers(self, population: Population) -> object:
        """Whether such people can sign in."""

    async def current(self, request: Request) -> SignedIn | None:
        """Who is signed in."""

    async def begin(
        self, request: Request, population: Population, return_to: str, *, anew: bool = False
    ) -> Response:
        """Send the browser to sign in, once more if need be, and then to a path of ours."""


@dataclass(slots=True)
class Turn:
    """What is known so far of one call, for its answer and for the audit."""

    pairs: Pairs
    since: int | None = None
    correlation: str = field(default_factory=random_id)
    client: Client | None = None
    redirect_uri: str = ""
    actor: Actor | None = None
    note: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The app's request as it came, without what is ours in it."""
        return urlencode(self.pairs)


Work = Callable[[Turn, Asked], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class AuthorizeRoutes:
    """The routes. ``secure``: the deployment is reached over https, and its cookies over nothing else."""

    server: AuthorisationServer
    sign_in: SignsIn
    database: Database
    keys: KeyRing
    now: Clock
    secure: bool

    @property
    def _marks(self) -> Marks:
        return Marks(self.keys, self.now)

    def router(self) -> Router:
        """The routes, below the FHIR base and before those of resource types."""
        router = Router(include_in_schema=False)
        router.add_api_route("/auth/authorize", self.authorize, methods=["GET"])
        router.add_api_route("/auth/authorize", self.authorize_by_form, methods=["POST"])
        router.add_api_route("/auth/authorize/answer", self.answer, methods=["POST"])
        return router

    async def authorize_by_form(self, request: Request) -> Response:
        """The same request in a form: it goes on as one in an address, which brings the browser's cookies."""
        try:
            text = (await read_body(request)).decode("ascii", "replace")
            return moved(f"{self.server.endpoints.path}/authorize?{urlencode(read_pairs(text))}")
        except ScrError as error:
            return await self._finish(Turn(()), self._page_of(error, Turn(())), error)

    async def authorize(self, request: Request) -> Response:
        """Ask the person, or the upstream who they are; or answer the app at once."""

        async def work(turn: Turn, asked: Asked) -> Response:
            who = await self.sign_in.current(request)
            if who is None or not self._fits(who, asked, turn.since):
                return await self._sign_in(request, turn, asked)
            turn.actor = who.actor("")
            offer, own = await self._offer(turn, asked, who)
            if not await self._is_asked(asked, who, offer):
                turn.note["step"] = "as before"
                return await self._let(turn, asked, who, offer, own)
            if "none" in asked.prompts:
                raise Invalid("the person has to be asked", code="consent-needed")
            turn.note["step"] = "asked"
            return self._ask(request, turn, asked, who, offer)

        return await self._serve(request.url.query, work)

    async def answer(self, request: Request) -> Response:
        """What the person says."""
        try:
            form = {} if of_another_site(request) else await read_form(request)
        except ScrError:
            form = {}

        async def work(turn: Turn, asked: Asked) -> Response:
            who = await self.sign_in.current(request)
            cookie = request.cookies.get(COOKIE, "")
            if (
                who is None
                or who.population != asked.client.people
                or not cookie
                or not same(form.get("csrf", ""), self._marks.form(cookie, who, turn.query))
            ):
                turn.redirect_uri = ""  # whoever made the browser send this learns nothing of it
                raise Forbidden("the page was open too long, or is of another sign-in", code="stale-form")
            turn.actor = who.actor("")
            offer, own = await self._offer(turn, asked, who)
            if form.get("answer") != "approve":
                approver = approver_of(self.keys, who)
                await self.database.write(lambda conn: launches.forget(conn, asked.client.id, approver))
                raise Forbidden("the person does not let the app", code="person-refused")
            turn.note["step"] = "approved"
            return await self._let(turn, asked, who, offer, own)

        return await self._serve(form.get("query", ""), work)

    async def _serve(self, text: str, work: Work) -> Response:
        """The HTTP boundary of a turn."""
        turn = Turn(())
        error: ScrError | None = None
        try:
            turn.pairs, turn.since = self._marks.back_from_sign_in(read_pairs(text))
            named, to = only(turn.pairs, "client_id"), only(turn.pairs, "redirect_uri")
            found = await self.database.read(lambda connection: find(connection, named))
            turn.client = check_app(found, to)
            turn.redirect_uri = to
            asked = read_asked(turn.pairs, turn.client, to, self.server.endpoints.base_url)
            answer = await work(turn, asked)
        except ScrError as failed:
            error, answer = failed, self._refused(turn, failed)
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no detail of a failure goes out
            _log.error("fault", kind=type(failed).__name__, what="authorize", correlation=turn.correlation)
            error = Fault(f"something went wrong here; quote {turn.correlation} when you report it")
            answer = self._refused(turn, error)
        return await self._finish(turn, answer, error)

    def _fits(self, who: SignedIn, asked: Asked, since: int | None) -> bool:
        """Whether a sign-in is one of the app's people, and as new as the app wants it."""
        if who.population != asked.client.people:
            return False
        if asked.prompts & {"login", "select_account"} and (since is None or who.signed_in < since):
            return False
        proved = who.auth_time or who.signed_in
        return asked.max_age is None or self.now() // 1000 - proved <= asked.max_age

    async def _sign_in(self, request: Request, turn: Turn, asked: Asked) -> Response:
        if "none" in asked.prompts:
            raise Invalid("nobody is signed in", code="sign-in-needed")
        if turn.since is not None:  # they have been there: once more would go on for ever
            raise Invalid("nobody signed in as the app needs it", code="not-signed-in")
        turn.note["step"] = "sign-in"
        people: Population = "staff" if asked.client.people == "staff" else "citizens"
        marked = self._marks.sent_to_sign_in(turn.pairs)
        to = f"{self.server.endpoints.path}/authorize?{marked}"
        anew = bool(asked.prompts & {"login", "select_account"}) or asked.max_age is not None
        return await self.sign_in.begin(request, people, to, anew=anew)

    async def _offer(self, turn: Turn, asked: Asked, who: SignedIn) -> tuple[Offer, str]:
        if who.population == "staff" and who.role is None:
            raise Forbidden("no role was selected at the sign-in", code="no-role")
        launch = await self.server.launching.of(asked, who)
        context, own = await self.server.apps.own_patient(who)
        offer = make_offer(
            asked.scopes,
            asked.client,
            launched="" if launch is None else launch.patient,
            own=context,
            banner=launch is None or launch.banner,
        )
        turn.note["scope"] = offer.scope
        if offer.patient:
            turn.note["patient"] = offer.patient
        return offer, own

    async def _is_asked(self, asked: Asked, who: SignedIn, offer: Offer) -> bool:
        if asked.client.consent != "once" or "consent" in asked.prompts:
            return True
        approver = approver_of(self.keys, who)
        known = await self.database.read(lambda conn: launches.approved(conn, asked.client.id, approver))
        return not offer.scopes <= known

    async def _let(self, turn: Turn, asked: Asked, who: SignedIn, offer: Offer, own: str) -> Response:
        code, grant = await self.server.apps.begin(asked, who, offer, own)
        turn.note["grant"] = grant
        issuer = self.server.endpoints.issuer
        return moved(answer_to(asked.redirect_uri, issuer, asked.state, code=code))

    def _ask(self, request: Request, turn: Turn, asked: Asked, who: SignedIn, offer: Offer) -> Response:
        cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
        path = self.server.endpoints.path
        csrf = self._marks.form(cookie, who, turn.query)
        answer = ask_page(asked, who, offer, action=f"{path}/authorize/answer", csrf=csrf, query=turn.query)
        answer.set_cookie(COOKIE, cookie, path=path, httponly=True, samesite="strict", secure=self.secure)
        return answer

    def _refused(self, turn: Turn, error: ScrError) -> Response:
        if not turn.redirect_uri:
            return self._page_of(error, turn)
        issuer = self.server.endpoints.issuer
        theirs = "access_denied" if error.status == 401 else told_as(error)
        told = {"error": theirs, "error_description": error.message}
        return moved(answer_to(turn.redirect_uri, issuer, state_of(turn.pairs), **told))

    def _page_of(self, error: ScrError, turn: Turn) -> Response:
        return page(
            "app_error.html", error.status, site=SITE, session=None, error=error, correlation=turn.correlation
        )

    async def _finish(self, turn: Turn, answer: Response, error: ScrError | None) -> Response:
        actor = turn.actor
        row = AuditRow(
            at=self.now(),
            actor="" if actor is None else actor.subject,
            actor_name="" if actor is None else actor.name,
            role="" if actor is None else actor.role or "",
            organisation="" if actor is None else str(actor.organisation or ""),
            action="execute",
            what="authorization",
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            correlation=turn.correlation,
            details={**({"app": turn.client.id} if turn.client else {}), **turn.note},
        )
        try:
            await self.database.write(lambda connection: append(connection, row))
        except ScrError:
            failed = Unavailable("the audit cannot be written, so nobody is let in", code="no-audit")
            answer = self._page_of(failed, turn)
        answer.headers["X-Correlation-ID"] = turn.correlation
        return answer
