"""What all pages below ``/my`` share: the boundary that they run in, and how they are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.visits import ReadForm, Visits
from scr.api.access.who import Caller, Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form, read_form
from scr.api.pages.frame import FormError, Who, show, show_error
from scr.consent.decide import Interaction
from scr.errors import ScrError
from scr.store.people import Person

HOME = "/my"
Work = Callable[[Look, Visitor, Form], Awaitable[Response]]
Again = Callable[[Look, Visitor, Form, ScrError], Awaitable[Response]]
CallerWork = Callable[[Look, Caller, Form], Awaitable[Response]]
CallerAgain = Callable[[Look, Caller, Form, ScrError], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class My:
    """The site below ``/my``."""

    visits: Visits

    async def run(
        self,
        request: Request,
        action: str,
        what: str,
        work: Work,
        *,
        interaction: Interaction = Interaction.READ,
        again: Again | None = None,
        read: ReadForm | None = None,
    ) -> Response:
        """A page about the record that was chosen in this browser.

        ``action`` and ``what`` name it in the audit, with no id in them. ``again`` makes it anew where what
        was sent has to be changed.
        """

        async def failed(_: Request, look: Look, error: ScrError, visitor: Visitor | None) -> Response:
            if error.code == "no-record":
                return show(request, "my/no_record.html", error.status, correlation=look.correlation)
            return show_error(request, error, who=_who(visitor), correlation=look.correlation)

        return await self.visits.run(
            request,
            action=action,
            what=what,
            interaction=interaction,
            work=work,
            failed=failed,
            again=again,
            read=read or read_form,
        )

    async def run_caller(
        self, request: Request, action: str, what: str, work: CallerWork, *, again: CallerAgain | None = None
    ) -> Response:
        """A page of somebody who is signed in, about no record."""

        async def failed(_: Request, look: Look, error: ScrError, caller: Caller | None) -> Response:
            return show_error(request, error, who=_who(caller), correlation=look.correlation)

        return await self.visits.run_caller(
            request, action=action, what=what, work=work, failed=failed, again=again
        )

    def show(
        self,
        request: Request,
        there: Visitor | Caller,
        template: str,
        status: int = 200,
        *,
        errors: Sequence[FormError] = (),
        **context: object,
    ) -> Response:
        """A page for whoever is there."""
        who = _who(there, self.visits.mark(there))
        return show(request, template, status, who=who, errors=errors, correlation="", **context)


def name_of(person: Person) -> str:
    """The name of somebody as pages show it: sources that know capitals alone are read as people write."""
    told = person.demographics
    parts = [*told.given, *filter(None, [told.family])]
    return " ".join(part.title() if part.isupper() else part for part in parts)


def _who(there: Visitor | Caller | None, mark: str = "") -> Who | None:
    """As the frame shows them: a carer beside the name of whose record it is."""
    if there is None:
        return None
    if isinstance(there, Caller):
        return Who(there.name, there.csrf, leave=there.secret, mark=mark)
    return Who(
        there.name,
        there.csrf,
        acting_for="" if there.own else name_of(there.known.person),
        leave=there.caller.secret,
        mark=mark,
    )
