"""One look of a professional at a page: who is there, decided, done, and in the audit before it is shown.

Staff sign in through their upstream (``scr.api.signin``). What is decided and written down is what a look
over the FHIR endpoint is: the same decision, the same row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.look import Clock, Look, audit_row, told_of
from scr.api.pages.forms import Form, of_another_site, read_form
from scr.api.pages.frame import Who, show_error
from scr.api.pages.render import moved
from scr.api.pages.sessions import same
from scr.api.signin.sign_in import SignIn
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, Interaction, decide_actor
from scr.consent.policy import Policy
from scr.errors import Forbidden, ScrError, Unauthenticated, Unavailable
from scr.fhir.dates import utc
from scr.store.engine import Database
from scr.store.trail import append

_log = structlog.get_logger("scr.api.viewer")
_MEND = frozenset({400, 409, 412, 413, 422})


@dataclass(frozen=True, slots=True)
class Staff:
    """A professional who is there; ``csrf`` stands in each form, ``shown`` is how the frame names them."""

    actor: Actor
    csrf: str
    shown: str

    @property
    def who(self) -> Who:
        """For the frame."""
        return Who(self.shown, self.csrf, leave=self.csrf, menu="viewer")


Work = Callable[[Look, Staff, Form], Awaitable[Response]]
Again = Callable[[Look, Staff, Form, ScrError], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Looking:
    """Serves the pages of the viewer."""

    sign_in: SignIn
    policy: Policy
    database: Database
    clock: Clock

    async def run(
        self,
        request: Request,
        *,
        action: str,
        what: str,
        work: Work,
        interaction: Interaction = Interaction.READ,
        again: Again | None = None,
        mend: frozenset[int] = _MEND,
    ) -> Response:
        """A page. ``action`` and ``what`` name it in the audit, with no id in them.

        Whoever is not signed in is led there, and back. ``again`` is the page with what was typed, where that
        has to be changed (an error of a status among ``mend``).
        """
        look = Look(action, what, interaction, self.clock())
        staff: Staff | None = None
        form: Form = {}
        error: ScrError | None = None
        answer: Response | None = None
        try:
            staff = await self._staff(request)
            if staff is None:
                raise Unauthenticated("sign in first", code="no-session")
            look.actor = staff.actor
            form = {} if request.method == "GET" else await self._form(request, staff)
            self._admit(look, staff.actor)
            answer = await work(look, staff, form)
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no data of a failure goes out
            error = told_of(look, failed)
        try:
            if error is not None or not look.told:
                await self._write(look, error)
        except ScrError:
            answer = None
            error = Unavailable("the audit cannot be written, so nothing is shown", code="no-audit")
        _log.info("look", what=look.what, code=error.code if error else "", correlation=look.correlation)
        if error is None and answer is not None:
            return answer
        assert error is not None
        if staff is None and isinstance(error, Unauthenticated):
            return moved(_sign_in_address(request))
        if staff is not None and again is not None and error.status in mend:
            try:
                return await again(look, staff, form, error)
            except Exception as more:  # noqa: BLE001 - the HTTP boundary, as above
                error = told_of(look, more)
        who = None if staff is None else staff.who
        return show_error(request, error, who=who, correlation=look.correlation)

    async def _staff(self, request: Request) -> Staff | None:
        visit = None if of_another_site(request) else await self.sign_in.visit(request)
        if visit is None or visit.person.population != "staff":
            return None
        return Staff(visit.person.actor(), visit.csrf, visit.person.shown)

    async def _form(self, request: Request, staff: Staff) -> Form:
        form = await read_form(request)
        if not same(form.get("csrf", ""), staff.csrf):
            raise Forbidden("the form is not of this session: open the page again", code="stale-form")
        return form

    def _admit(self, look: Look, actor: Actor) -> None:
        """Whether such an actor may see anything at all: it tells nothing of anybody."""
        asked = AccessRequest(actor, look.interaction, purpose=look.purpose)
        decision = decide_actor(asked, self.policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)

    async def _write(self, look: Look, error: ScrError | None) -> None:
        row, beside = audit_row(look, error, self.policy.hash), list(look.beside)

        def work(connection: Connection) -> None:
            append(connection, row)
            for write in beside if error is None else ():
                write(connection)

        await self.database.write(work)


def _sign_in_address(request: Request) -> str:
    """Where staff sign in, and come back from to the page that they asked for."""
    to = request.url.path
    if request.method != "GET":
        to = "/viewer"
    elif request.url.query and to == "/viewer/launch":
        to = f"{to}?{request.url.query}"
    return f"/signin/begin/staff?to={quote(to, safe='')}"
