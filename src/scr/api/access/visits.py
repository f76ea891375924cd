"""One visit of a citizen or carer: who is there, decided, done, and in the audit before the answer leaves.

The one way in for the JSON API below ``/access`` and for the pages below ``/my``. Who is there comes by the
session of their sign-in, or by a bearer token of a citizens' issuer or of an app of ours. Whose record it
is, they say by the logical id of its Patient; ``me`` is the one that they came for. Of every other record
than one that they may see the answer is the same, whether there is such a person or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.access.proxies import Proxies
from scr.api.access.answers import as_json, problem, sign_in_address
from scr.api.access.drafts import Drafts
from scr.api.access.finding import ME, Finder
from scr.api.access.who import Caller, Door, Visitor, check_sent
from scr.api.fhir.opened import Opened, Opener
from scr.api.look import Answer, Clock, Look, audit_row, refused, respond, told_of
from scr.api.pages.forms import Form, of_another_site, read_form
from scr.api.pages.render import moved
from scr.broker.gather import OnHeld, OnResult
from scr.broker.query import Broker
from scr.consent.decide import Interaction
from scr.consent.policy import ONLINE, Policy
from scr.errors import Conflict, ScrError, Unauthenticated, Unavailable
from scr.fhir.headings import HEADINGS
from scr.spans import within
from scr.store.engine import Database
from scr.store.trail import append

CSRF_HEADER = "X-CSRF-Token"
_CHOSEN = "whose"
_TYPED = "the session was over while this was typed: look at it, and send it again"
_log = structlog.get_logger("scr.api.access")

V = TypeVar("V", Caller, Visitor)
R = TypeVar("R")
Handler = Callable[[Look, V], Awaitable[Answer]]
Page = Callable[[Look, V, Form], Awaitable[Response]]
Failed = Callable[[Request, Look, ScrError, V | None], Awaitable[Response]]
"""The page that tells of an error, to whoever is there, where that is known; the look has its id."""
Again = Callable[[Look, V, Form, ScrError], Awaitable[Response]]
"""The page anew, with what was typed: where what was sent has to be changed."""
ReadForm = Callable[[Request], Awaitable[Form]]


@dataclass(slots=True)
class _Done(Generic[V, R]):
    """How a visit went."""

    visitor: V | None = None
    form: Form | None = None
    result: R | None = None
    error: ScrError | None = None


class Visits:
    """Serves visits."""

    def __init__(
        self,
        door: Door,
        proxies: Proxies,
        broker: Broker,
        opener: Opener,
        policy: Policy,
        database: Database,
        clock: Clock,
    ) -> None:
        self._door = door
        self._opener = opener
        self._finder = Finder(door, proxies, broker, opener, policy)
        self._policy = policy
        self._database = database
        self._clock = clock
        self._drafts = Drafts(door.sign_in.keep)

    # The JSON API

    async def serve(
        self,
        request: Request,
        *,
        action: str,
        what: str,
        interaction: Interaction,
        handler: Handler[Visitor],
        whose: str = ME,
        fhir: bool = False,
    ) -> Response:
        """A call about somebody's record. ``action`` and ``what`` name it in the audit, with no id in them.

        ``whose`` is the logical id of a Patient. ``fhir``: a refusal is an OperationOutcome, else RFC 9457.
        """
        return await self._serve(
            request, self._look(action, what, interaction), self._finder.visiting(whose), handler, fhir
        )

    async def greet(
        self, request: Request, *, action: str, what: str, handler: Handler[Caller], fhir: bool = False
    ) -> Response:
        """A call of somebody who is signed in, that is about no record."""
        return await self._serve(
            request, self._look(action, what, Interaction.READ), self._finder.calling, handler, fhir
        )

    # Pages

    async def run(
        self,
        request: Request,
        *,
        action: str,
        what: str,
        interaction: Interaction,
        work: Page[Visitor],
        failed: Failed[Visitor],
        again: Again[Visitor] | None = None,
        read: ReadForm = read_form,
    ) -> Response:
        """A page about the record that was chosen in this browser (``choose``), else about their own.

        Whoever is not signed in is led there, and back. ``read`` reads what is posted: its field ``csrf``
        has to be the visitor's before anything is done.
        """
        whose = request.cookies.get(self._door.sign_in.cookies.name(_CHOSEN)) or ME
        look = self._look(action, what, interaction)
        return await self._page(request, look, self._finder.visiting(whose), work, failed, again, read)

    async def run_caller(
        self,
        request: Request,
        *,
        action: str,
        what: str,
        work: Page[Caller],
        failed: Failed[Caller],
        again: Again[Caller] | None = None,
        read: ReadForm = read_form,
    ) -> Response:
        """A page of somebody who is signed in, that is about no record: whom to act for, an invitation."""
        look = self._look(action, what, Interaction.READ)
        return await self._page(request, look, self._finder.calling, work, failed, again, read)

    def choose(self, answer: Response, whose: str) -> None:
        """Let the pages of this browser be about a Patient's record from now on, or (``me``) one's own.

        The cookie gives no right: who may see what is decided at each request.
        """
        if whose == ME:
            self._door.sign_in.cookies.clear(answer, _CHOSEN)
        else:
            self._door.sign_in.cookies.set(answer, _CHOSEN, whose)

    async def open(
        self,
        look: Look,
        visitor: Visitor,
        *,
        asked: frozenset[str] = frozenset(HEADINGS),
        on_result: OnResult | None = None,
        on_held: OnHeld | None = None,
    ) -> Opened:
        """The visitor's record: what they may see of it, and how each source answered."""
        return await self._opener.opened(
            look, visitor.actor, visitor.admitted, on_result, on_held, asked=asked
        )

    async def people(self, look: Look, caller: Caller) -> list[Visitor]:
        """Whose records somebody may see now: their own, and those of whom they act for."""
        return await self._finder.people(look, caller)

    # How a visit goes

    def _look(self, action: str, what: str, interaction: Interaction) -> Look:
        return Look(action, what, interaction, self._clock(), serves=ONLINE)

    async def _serve(
        self,
        request: Request,
        look: Look,
        find: Callable[[Look, Request], Awaitable[V]],
        handler: Handler[V],
        fhir: bool,
    ) -> Response:
        done: _Done[V, Answer] = _Done()

        async def work() -> None:
            done.visitor = visitor = await find(look, request)
            check_sent(request, _caller(visitor), visitor.csrf, request.headers.get(CSRF_HEADER))
            done.result = await handler(look, visitor)

        await self._do(look, done, work)
        if done.error is not None:
            answer = refused(done.error) if fhir else problem(done.error)
        else:
            assert done.result is not None
            answer = done.result
        if fhir:
            return respond(answer, look.correlation, request)
        return as_json(answer, look.correlation, done.error)

    async def _page(
        self,
        request: Request,
        look: Look,
        find: Callable[[Look, Request], Awaitable[V]],
        work: Page[V],
        failed: Failed[V],
        again: Again[V] | None,
        read: ReadForm,
    ) -> Response:
        done: _Done[V, Response] = _Done()

        async def do() -> None:
            done.visitor = visitor = await find(look, request)
            form: Form = {} if request.method == "GET" else await read(request)
            check_sent(request, _caller(visitor), visitor.csrf, form.get("csrf"))
            done.form = form
            typed = await self._drafts.find(request, *_whose(visitor)) if request.method == "GET" else None
            if typed is not None and again is not None:
                done.result = await again(look, visitor, typed, Conflict(_TYPED, code="typed-before"))
                done.result.status_code = 200  # nothing was refused
            else:
                done.result = await work(look, visitor, form)

        await self._do(look, done, do)
        if done.error is None:
            assert done.result is not None
            return done.result
        if isinstance(done.error, Unauthenticated):
            draft = "" if request.method == "GET" else await self._draft(request, read)
            if draft or request.method == "GET":
                return moved(sign_in_address(request, draft))
        mend = done.error.status in (400, 409, 412, 413, 422)
        if mend and again is not None and done.visitor is not None and done.form is not None:
            try:
                return await again(look, done.visitor, done.form, done.error)
            except Exception as more:  # noqa: BLE001 - the HTTP boundary, as in ``_do``: there is no such page
                done.error = told_of(look, more)
        there = None if done.error.code == "no-audit" else done.visitor  # nor is it told who and whose
        return await failed(request, look, done.error, there)

    async def _draft(self, request: Request, read: ReadForm) -> str:
        """Keep what was typed into a form whose session is over; its name, or nothing."""
        if of_another_site(request):
            return ""
        try:
            return await self._drafts.put(request, await read(request))
        except ScrError:
            return ""

    def mark(self, there: Caller | Visitor) -> str:
        """What each form of somebody's holds, so that what they type is not lost with their session."""
        return self._drafts.mark(*_whose(there)) if _caller(there).secret else ""

    async def _do(self, look: Look, done: _Done[V, R], work: Callable[[], Awaitable[None]]) -> None:
        """Do it, and write it down: what cannot be written was not shown."""
        error: ScrError | None = None
        try:
            await work()
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no data of a failure goes out
            done.error = told_of(look, failed)
            error = failed if isinstance(failed, ScrError) else done.error
        try:
            if error is not None or not look.told:
                await self._write(look, error)
        except ScrError:
            done.error = Unavailable("the audit cannot be written, so nothing is shown", code="no-audit")
        outcome = "success" if done.error is None else done.error.code
        _log.info("visit", what=look.what, outcome=outcome, correlation=look.correlation)

    @within("audit")
    async def _write(self, look: Look, error: ScrError | None) -> None:
        row, beside = audit_row(look, error, self._policy.hash), list(look.beside)

        def work(connection: Connection) -> None:
            append(connection, row)
            for write in beside if error is None else ():
                write(connection)

        await self._database.write(work)


def _whose(there: Caller | Visitor) -> tuple[str, str]:
    """Whose a form is, and about which record."""
    return _caller(there).actor.subject, there.patient if isinstance(there, Visitor) else ""


def _caller(visitor: Caller | Visitor) -> Caller:
    return visitor if isinstance(visitor, Caller) else visitor.caller
