"""A site of pages for signed-in people: its sessions, its forms, and the boundary that its work runs in.

Staff sign in through the upstream of the settings (``scr.api.signin``). Where there is none they paste an
access token, once.

The pages work without scripts. A form that is refused comes back as it was filled in, with what to
change; one that was not of this session does nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import Desk
from scr.api.pages.forms import Form as Form
from scr.api.pages.forms import of_another_site
from scr.api.pages.forms import read_form as read_form
from scr.api.pages.render import Site as Site
from scr.api.pages.render import moved, page, style_sheet
from scr.api.pages.sessions import Session, Sessions, same
from scr.api.routing import Router
from scr.api.signin.kept import Visit
from scr.api.signin.party import Party
from scr.consent.actor import Actor
from scr.errors import Forbidden, Invalid, ScrError, Unauthenticated
from scr.store.keys import random_id

COOKIE = "scr_session"
SIGN_IN_COOKIE = "scr_sign_in"

Work = Callable[[Session, Actor], Awaitable[Response]]
Who = Callable[[], Awaitable[Actor]]
Again = Callable[[Session, ScrError], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that somebody sent; empty where it could not be read."""

    session: Session
    actor: Actor
    form: Form


Take = Callable[[Sent], Awaitable[Response]]
TakeAgain = Callable[[Sent, ScrError], Awaitable[Response]]


class SignedIn:
    """Signs people in to a site and out again, and does their work at its desk."""

    def __init__(self, site: Site, desk: Desk, sessions: Sessions, *, secure: bool) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self.site = site
        self._desk = desk
        self._sessions = sessions.of(site.home)
        self._secure = secure
        self._sign_in = sessions.sign_in
        self._upstream: Party | None = None if self._sign_in is None else self._sign_in.offers("staff")

    def router(self) -> Router:
        """The routes that every site has; its own pages are added to it."""
        router = Router(prefix=self.site.home, include_in_schema=False)
        router.add_api_route("/pages.css", self.style, methods=["GET"])
        router.add_api_route("/session", self.sign_in_form, methods=["GET"])
        router.add_api_route("/session", self.sign_in, methods=["POST"])
        router.add_api_route("/session/end", self.sign_out, methods=["POST"])
        return router

    def page(self, template: str, status: int = 200, **context: object) -> Response:
        """A page of the site."""
        return page(template, status, site=self.site, duty=self._desk.duty, **context)

    async def style(self, _request: Request) -> Response:
        """The style sheet: it tells nothing, so anybody may have it."""
        return style_sheet()

    async def sign_in_form(self, request: Request) -> Response:
        """Lead to the upstream, or ask for an access token."""
        return self._sign_in_page(request)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session with the token that was pasted, if it is one that may do the work here."""
        token = ""

        async def who() -> Actor:
            nonlocal token
            token = await self._pasted(request)
            return await self._desk.bearer(token)

        try:
            await self._desk.serve(who, "sign-in", _nothing, correlation=random_id())
            await self._sessions.end(request.cookies.get(COOKIE))
            started = await self._sessions.start(token)
        except ScrError as error:
            return self._sign_in_page(request, error)
        answer = moved(self.site.home)
        self._set(answer, COOKIE, started)
        answer.delete_cookie(SIGN_IN_COOKIE, path=self.site.home)
        return answer

    async def _pasted(self, request: Request) -> str:
        """The token of the form. Raises Forbidden, Invalid."""
        if self._upstream is not None:
            raise Forbidden("nobody signs in here with a token", code="no-token-here")
        form = await read_form(request)
        cookie = request.cookies.get(SIGN_IN_COOKIE, "")
        if not cookie or not same(form.get("csrf", ""), self._sessions.sign_in_token(cookie)):
            raise Invalid("the form was open for too long: try again", code="stale-form")
        return form.get("token", "").strip().removeprefix("Bearer ")

    async def sign_out(self, request: Request) -> Response:
        """End the session; a form that is not of it, or cannot be read, ends nothing."""
        if self._upstream is not None:
            return moved("/signin/session/end", again=True)
        answer = moved(f"{self.site.home}/session")
        try:
            session = None if of_another_site(request) else await self._found(request)
            form = await read_form(request)
            if session is not None and same(form.get("csrf", ""), session.csrf):
                await self._sessions.end(request.cookies.get(COOKIE))
                answer.delete_cookie(COOKIE, path=self.site.home)
        except ScrError as error:
            return self.page("error.html", error.status, session=None, error=error, correlation=random_id())
        return answer

    async def run(
        self,
        request: Request,
        action: str,
        work: Work,
        *,
        details: Mapping[str, str] | None = None,
        again: Again | None = None,
    ) -> Response:
        """Do the work for a signed-in browser; another one is asked to sign in.

        ``again`` makes the page anew where what was sent has to be changed.
        """
        correlation = random_id()
        session: Session | None = None
        try:
            found = await self._session(request)
            if found is None:
                return moved(f"{self.site.home}/session{self._come_back(request)}")
            session, who = found
            open_session = session
            return await self._desk.serve(
                who, action, lambda actor: work(open_session, actor), details=details, correlation=correlation
            )
        except Unauthenticated as error:
            await self._sessions.end(request.cookies.get(COOKIE))
            return self._sign_in_page(request, error)
        except ScrError as error:
            if session is not None and again is not None and error.status in (400, 409, 422):
                try:
                    return await again(session, error)
                except ScrError as gone:  # what the page is about is not there either
                    error = gone
            return self.page(
                "error.html", error.status, session=session, error=error, correlation=correlation
            )

    async def take(
        self,
        request: Request,
        action: str,
        work: Take,
        again: TakeAgain,
        *,
        details: Mapping[str, str] | None = None,
    ) -> Response:
        """Do what a form of the session asks for; ``again`` shows it as it was filled in."""
        taken: list[Sent] = []  # nothing before it is known whose it is, what was read from then on

        async def read_first(session: Session, actor: Actor) -> Response:
            taken[:] = [Sent(session, actor, {})]
            form = await read_form(request)
            taken[:] = [sent := Sent(session, actor, form)]
            check_form(form, session)
            return await work(sent)

        async def anew(_session: Session, error: ScrError) -> Response:
            if not taken:
                raise error
            return await again(taken[0], error)

        return await self.run(request, action, read_first, details=details, again=anew)

    def _come_back(self, request: Request) -> str:
        """So that the sign-in leads back to the page that was asked for; a form is not sent again."""
        path = request.url.path
        if self._upstream is None or request.method != "GET" or path == self.site.home:
            return ""
        return f"?to={quote(path, safe='')}"

    def _sign_in_page(self, request: Request, error: ScrError | None = None) -> Response:
        status = error.status if error else 200
        if self._upstream is not None:
            to = _own(request.query_params.get("to", ""), self.site.home)
            begin = f"/signin/begin/staff?to={quote(to, safe='')}"
            title = self._upstream.settings.title
            return self.page(
                "sign_in_there.html", status, session=None, error=error, begin=begin, title=title
            )
        cookie = request.cookies.get(SIGN_IN_COOKIE) or secrets.token_urlsafe(32)
        csrf = self._sessions.sign_in_token(cookie)
        answer = self.page("sign_in.html", status, session=None, csrf=csrf, error=error)
        self._set(answer, SIGN_IN_COOKIE, cookie)
        return answer

    async def _session(self, request: Request) -> tuple[Session, Who] | None:
        """The browser's session, and who it is; none for a request that another site made it send."""
        if of_another_site(request):
            return None
        if self._sign_in is None or self._upstream is None:
            session = await self._found(request)
            return None if session is None else (session, lambda: self._desk.bearer(session.token))
        visit = await self._sign_in.visit(request)
        return (
            None if visit is None else (Session("", visit.csrf, visit.person.shown), lambda: _actor_of(visit))
        )

    async def _found(self, request: Request) -> Session | None:
        return await self._sessions.find(request.cookies.get(COOKIE))

    def _set(self, answer: Response, name: str, value: str) -> None:
        answer.set_cookie(
            name, value, path=self.site.home, httponly=True, samesite="strict", secure=self._secure
        )


def check_form(form: Form, session: Session) -> None:
    """Raises Forbidden where a form is not of this session."""
    if not same(form.get("csrf", ""), session.csrf):
        raise Forbidden("the form is not of this session: open the page again", code="stale-form")


def _own(path: str, home: str) -> str:
    """A page of this site: its first, where what is asked for is none of it."""
    return path if path.startswith(f"{home}/") else home


async def _actor_of(visit: Visit) -> Actor:
    return visit.person.actor()


async def _nothing(_actor: Actor) -> None:
    """Being let in is all that is asked."""
