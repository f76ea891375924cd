"""One visit of a citizen or carer: who is there, decided, done, and in the audit before the answer leaves.

The one way in for the JSON API below ``/access`` and for the pages below ``/my``. Who is there comes by the
session of their sign-in, or by a bearer token of a citizens' issuer or of an app of ours. Whose record it
is, they say by the logical id of its Patient; ``me`` is the one that they came for. Of every other record
than one that they may see the answer is the same, whether there is such a person or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.access.proxies import Proxies
from scr.api.access.answers import as_json, problem, sign_in_address
from scr.api.access.who import Caller, Door, Visitor, check_sent
from scr.api.fhir.opened import Opened, Opener
from scr.api.look import Answer, Clock, Look, audit_row, refused, respond, told_of
from scr.api.pages.forms import Form, read_form
from scr.api.pages.render import moved
from scr.broker.gather import OnHeld, OnResult
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import AccessRequest, Interaction, decide_actor
from scr.consent.policy import ONLINE, Policy
from scr.errors import Forbidden, NotFound, ScrError, Unauthenticated, Unavailable
from scr.fhir.dates import utc
from scr.fhir.headings import HEADINGS
from scr.store.delegations import note_use
from scr.store.engine import Database
from scr.store.trail import append

ME = "me"
"""In the place of a Patient's id: the record that they came for."""
NOBODY = "there is no record with this id, or none that you may see"
NO_RECORD = "nothing is held of you here"
CSRF_HEADER = "X-CSRF-Token"
_CHOSEN = "whose"
_PURPOSES = {ActorKind.CITIZEN: "PATRQT", ActorKind.CARER: "FAMRQT"}
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
        self._proxies = proxies
        self._broker = broker
        self._opener = opener
        self._policy = policy
        self._database = database
        self._clock = clock

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
            request, self._look(action, what, interaction), self._visiting(whose), handler, fhir
        )

    async def greet(
        self, request: Request, *, action: str, what: str, handler: Handler[Caller], fhir: bool = False
    ) -> Response:
        """A call of somebody who is signed in, that is about no record."""
        return await self._serve(
            request, self._look(action, what, Interaction.READ), self._calling, handler, fhir
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
        return await self._page(request, look, self._visiting(whose), work, failed, again, read)

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
        return await self._page(request, look, self._calling, work, failed, again, read)

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
            done.result = await work(look, visitor, form)

        await self._do(look, done, do)
        if done.error is None:
            assert done.result is not None
            return done.result
        if isinstance(done.error, Unauthenticated) and request.method == "GET":
            return moved(sign_in_address(request))
        mend = done.error.status in (400, 409, 412, 413, 422)
        if mend and again is not None and done.visitor is not None and done.form is not None:
            return await again(look, done.visitor, done.form, done.error)
        return await failed(request, look, done.error, done.visitor)

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

    async def _write(self, look: Look, error: ScrError | None) -> None:
        row, beside = audit_row(look, error, self._policy.hash), list(look.beside)

        def work(connection: Connection) -> None:
            append(connection, row)
            for write in beside if error is None else ():
                write(connection)

        await self._database.write(work)

    async def _calling(self, look: Look, request: Request) -> Caller:
        """Who is there, if such people are served here and are sure enough who they are."""
        caller = await self._door.caller(request)
        look.actor, look.purpose = caller.actor, _PURPOSES.get(caller.actor.kind, look.purpose)
        self._admit(look, caller.actor)
        return caller

    def _visiting(self, whose: str) -> Callable[[Look, Request], Awaitable[Visitor]]:
        async def find(look: Look, request: Request) -> Visitor:
            return await self._visitor(look, await self._calling(look, request), whose)

        return find

    def _admit(self, look: Look, actor: Actor) -> None:
        """Whether such an actor may see anything at all: it tells nothing of anybody."""
        asked = AccessRequest(actor, look.interaction, purpose=look.purpose, serves=look.serves)
        decision = decide_actor(asked, self._policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)

    async def _visitor(self, look: Look, caller: Caller, whose: str) -> Visitor:
        """Whoever is there, at the record that they ask for. Raises Forbidden of their own, else NotFound."""
        known, own = await self._whose(caller.actor, whose)
        if known is None:
            raise NotFound(NO_RECORD if own else NOBODY, code="no-record")
        actor = caller.actor if own else _carer(caller.actor, known)
        look.actor, look.purpose = actor, _PURPOSES[actor.kind]
        right = await self._proxies.right(known, actor, own=own)
        look.facts[known.person.key] = right.online
        admitted = self._opener.admit(look, actor, known)
        if isinstance(admitted, Forbidden):
            assert look.decision is not None
            if not own:
                raise NotFound(NOBODY, code="no-record")
            raise Forbidden(look.decision.reasons[0].sentence, code=look.decision.code)
        visitor = Visitor(caller, actor, admitted, right)
        if not own:
            look.details |= {"acts_for": visitor.of, "delegation": right.delegation}
            used = right.delegated
            if used is not None:
                look.beside.append(lambda connection: note_use(connection, used, look.now))
        return visitor

    async def _whose(self, actor: Actor, whose: str) -> tuple[Known | None, bool]:
        """The person of a Patient's id, and whether they are whoever asks."""
        mine = None if actor.patient is None else await self._broker.by_number(actor.patient, actor)
        citizen = actor.kind is ActorKind.CITIZEN
        if whose == ME or (mine is not None and whose in {each.patient_id for each in mine.view}):
            return mine, citizen
        if not citizen:  # they came for one person, and for nobody else
            return None, False
        return await self._broker.by_id(whose, actor), False


def _carer(actor: Actor, known: Known) -> Actor:
    """A citizen, as the carer of somebody else."""
    return replace(actor, kind=ActorKind.CARER, patient=known.person.nhs_number)


def _caller(visitor: Caller | Visitor) -> Caller:
    return visitor if isinstance(visitor, Caller) else visitor.caller
