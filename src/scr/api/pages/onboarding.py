"""The pages of the programme lead: every provider with its bar and its days, and one provider's gates.

They work without scripts. A form that is refused comes back as it was filled in, with what to change.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from scr.api.onboarding import Desk, ods_code, read_body
from scr.api.pages.render import moved, page, style_sheet
from scr.api.pages.sessions import Session, Sessions, same
from scr.consent.actor import Actor
from scr.errors import Forbidden, Invalid, ScrError, Unauthenticated
from scr.onboarding.gates import GATES, TITLES, Evidence
from scr.onboarding.programme import Programme, Standing, pressing
from scr.store.keys import random_id
from scr.store.onboarding import Stage

HOME = "/onboarding"
COOKIE = "scr_session"
SIGN_IN_COOKIE = "scr_sign_in"
_SOON_DAYS = 30
_PROMOTE = ("by", "reference", "report", "digest", "note", "testers")
_UNDO = ("gate", "reason", "undo_by")

Form = Mapping[str, str]
T = TypeVar("T")


_FIELDS = {
    "no-name": {"promote": "by", "undo": "undo_by"},
    "no-evidence": {"promote": "reference"},
    "bad-digest": {"promote": "digest"},
    "no-testers": {"promote": "testers"},
    "bad-testers": {"promote": "testers"},
    "no-reason": {"undo": "reason"},
}
"""The field that an error is about, by its code and the form; another error is about the form."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not taken: which one, what it held, and the sentence to show."""

    form: str
    values: Form
    error: ScrError

    @property
    def field(self) -> str:
        """The id of the field that has to be changed; empty where it is no single one."""
        return _FIELDS.get(self.error.code, {}).get(self.form, "")

    @property
    def target(self) -> str:
        """The id of what the summary leads to."""
        return self.field or self.form


class OnboardingPages:
    """``/onboarding`` and the pages below it."""

    def __init__(self, desk: Desk, programme: Programme, *, secure: bool) -> None:
        """``secure``: the deployment is reached over https, and its cookies over nothing else."""
        self._desk = desk
        self._programme = programme
        self._sessions = Sessions()
        self._secure = secure

    def router(self) -> APIRouter:
        """The routes of the pages."""
        router = APIRouter(prefix=HOME, include_in_schema=False)
        router.add_api_route("", self.overview, methods=["GET"])
        router.add_api_route("/pages.css", self.style, methods=["GET"])
        router.add_api_route("/session", self.sign_in_form, methods=["GET"])
        router.add_api_route("/session", self.sign_in, methods=["POST"])
        router.add_api_route("/session/end", self.sign_out, methods=["POST"])
        router.add_api_route("/view/{ods}", self.show, methods=["GET"])
        router.add_api_route("/view/{ods}/promote", self.promote, methods=["POST"])
        router.add_api_route("/view/{ods}/undo", self.undo, methods=["POST"])
        return router

    async def style(self, _request: Request) -> Response:
        """The style sheet: it tells nothing, so anybody may have it."""
        return style_sheet()

    async def sign_in_form(self, request: Request) -> Response:
        """Ask for an access token."""
        return self._sign_in_page(request)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session with the token that was pasted, if it is one that may run the programme."""
        try:
            form = await _form(request)
            cookie = request.cookies.get(SIGN_IN_COOKIE, "")
            if not cookie or not same(form.get("csrf", ""), self._sessions.sign_in_token(cookie)):
                raise Invalid("the form was open for too long: try again", code="stale-form")
            token = form.get("token", "").strip().removeprefix("Bearer ")
            await self._desk.call(f"Bearer {token}", "sign-in", _nothing, correlation=random_id())
        except ScrError as error:
            return self._sign_in_page(request, error)
        self._sessions.end(request.cookies.get(COOKIE))
        answer = moved(HOME)
        self._set(answer, COOKIE, self._sessions.start(token))
        answer.delete_cookie(SIGN_IN_COOKIE, path=HOME)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = self._session(request)
        try:
            form = await _form(request)
        except ScrError:
            form = {}
        if session is not None and same(form.get("csrf", ""), session.csrf):
            self._sessions.end(request.cookies.get(COOKIE))
        answer = moved(f"{HOME}/session")
        answer.delete_cookie(COOKIE, path=HOME)
        return answer

    async def overview(self, request: Request) -> Response:
        """Every provider, the most pressing first."""

        async def work(session: Session, actor: Actor, _correlation: str) -> Response:
            standings = sorted(await self._programme.overview(), key=pressing)
            return page(
                "overview.html", session=session, actor=actor, standings=standings, counts=_counts(standings),
                total=len(GATES), titles=TITLES, soon=_SOON_DAYS,
            )  # fmt: skip

        return await self._signed_in(request, "list", {}, work)

    async def show(self, request: Request, ods: str) -> Response:
        """One provider: its gates with their evidence, what comes next, and its history."""

        async def work(session: Session, actor: Actor, _correlation: str) -> Response:
            standing = await self._programme.show(ods_code(ods))
            done = request.query_params.get("done") in ("promote", "undo")
            return _detail(session, actor.name, standing, None, done=done)

        return await self._signed_in(request, "read", {"provider": ods[:12]}, work)

    async def promote(self, request: Request, ods: str) -> Response:
        """Take a provider through its next gate."""

        async def do(form: Form, actor: Actor) -> None:
            evidence = Evidence(
                _stage(form.get("gate", "")),
                form.get("by", ""),
                reference=form.get("reference", ""),
                report=form.get("report", ""),
                digest=form.get("digest", ""),
                note=form.get("note", ""),
                testers=frozenset(form.get("testers", "").splitlines()),
            )
            await self._programme.promote(ods_code(ods), evidence, actor)

        return await self._submitted(request, ods, "promote", _PROMOTE, do)

    async def undo(self, request: Request, ods: str) -> Response:
        """Undo a gate of a provider."""

        async def do(form: Form, actor: Actor) -> None:
            gate, by = _stage(form.get("gate", "")), form.get("undo_by", "")
            await self._programme.undo(ods_code(ods), form.get("reason", ""), by, actor, gate=gate)

        return await self._submitted(request, ods, "undo", _UNDO, do)

    async def _submitted(
        self,
        request: Request,
        ods: str,
        action: str,
        fields: Sequence[str],
        do: Callable[[Form, Actor], Awaitable[None]],
    ) -> Response:
        """Take a form of a provider's page: done, look at the provider; refused, show it again."""
        form: Form = {}
        who = ""

        async def work(session: Session, actor: Actor, _correlation: str) -> Response:
            nonlocal form, who
            who = actor.name
            form = await _form(request)
            if not same(form.get("csrf", ""), session.csrf):
                raise Forbidden("the form is not of this session: open the page again", code="stale-form")
            await do(form, actor)
            return moved(f"{HOME}/view/{ods_code(ods)}?done={action}")

        async def again(session: Session, error: ScrError) -> Response:
            standing = await self._programme.show(ods_code(ods))
            values = {name: form.get(name, "") for name in fields}
            return _detail(session, who, standing, Refused(action, values, error))

        return await self._signed_in(request, action, {"provider": ods[:12]}, work, again)

    async def _signed_in(
        self,
        request: Request,
        action: str,
        details: Mapping[str, str],
        work: Callable[[Session, Actor, str], Awaitable[Response]],
        again: Callable[[Session, ScrError], Awaitable[Response]] | None = None,
    ) -> Response:
        """Do the work for a signed-in browser; another one is asked to sign in."""
        session = self._session(request)
        if session is None:
            return moved(f"{HOME}/session")
        correlation = random_id()
        try:
            return await self._desk.call(
                f"Bearer {session.token}",
                action,
                lambda actor: work(session, actor, correlation),
                details=details,
                correlation=correlation,
            )
        except Unauthenticated as error:
            self._sessions.end(request.cookies.get(COOKIE))
            return self._sign_in_page(request, error)
        except ScrError as error:
            if again is not None and error.status in (400, 409, 422):
                return await again(session, error)
            return page("error.html", error.status, session=session, error=error, correlation=correlation)

    def _sign_in_page(self, request: Request, error: ScrError | None = None) -> Response:
        cookie = request.cookies.get(SIGN_IN_COOKIE) or secrets.token_urlsafe(32)
        status = error.status if error else 200
        csrf = self._sessions.sign_in_token(cookie)
        answer = page("sign_in.html", status, session=None, csrf=csrf, error=error)
        self._set(answer, SIGN_IN_COOKIE, cookie)
        return answer

    def _session(self, request: Request) -> Session | None:
        """The browser's session; none for a request that another site made it send."""
        if request.headers.get("sec-fetch-site", "same-origin") == "cross-site" and request.method == "POST":
            return None
        return self._sessions.find(request.cookies.get(COOKIE))

    def _set(self, answer: Response, name: str, value: str) -> None:
        answer.set_cookie(name, value, path=HOME, httponly=True, samesite="strict", secure=self._secure)


def _detail(
    session: Session,
    who: str,
    standing: Standing,
    refused: Refused | None,
    *,
    done: bool = False,
) -> Response:
    """The page of one provider. ``done``: say what the last event of its history did."""
    state = standing.state
    gates = [(gate, state.passed.get(gate.stage)) for gate in GATES]
    status = refused.error.status if refused else 200
    blank = dict.fromkeys((*_PROMOTE, *_UNDO), "") | {"by": who, "undo_by": who}
    values = blank | dict(refused.values if refused else {})
    return page(
        "provider.html", status, session=session, standing=standing, gates=gates, total=len(GATES),
        titles=TITLES, refused=refused, values=values, soon=_SOON_DAYS,
        testing=Stage.LIVE_FOR_TESTERS, history=standing.history[::-1], done=done,
    )  # fmt: skip


def _counts(standings: Sequence[Standing]) -> dict[str, int]:
    return {
        "all": len(standings),
        "live": sum(s.state.stage is Stage.LIVE for s in standings),
        "overdue": sum(s.clock is not None and s.clock.overdue for s in standings),
        "soon": sum(
            s.clock is not None and s.clock.live_on is None and 0 <= s.clock.days_left <= _SOON_DAYS
            for s in standings
        ),
    }


async def _nothing(_actor: Actor) -> None:
    """Being let in is all that is asked."""


async def _form(request: Request) -> Form:
    """The fields of a form, sent as browsers send one without files."""
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=30, errors="strict")
    except ValueError:
        raise Invalid("the form cannot be read", code="bad-form") from None
    return dict(pairs)


def _stage(text: str) -> Stage:
    try:
        return Stage(text)
    except ValueError:
        raise Invalid("there is no such gate", code="bad-gate") from None
