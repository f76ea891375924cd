"""``/my/whose`` and ``/my/accept``: whose record it is, and to say yes to an invitation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.acting import Acting
from scr.api.access.who import Caller
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import HOME, My, name_of
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_, language
from scr.api.routing import Router
from scr.consent.actor import ActorKind
from scr.errors import Conflict, Invalid, NotFound, ScrError
from scr.fhir.shown.words import heading_title
from scr.store.people import Person

_ERRORS = {
    "no-invitation": N_(
        "This code is not right, was used before, or has run out. Check it, or ask for a new one."
    ),
    "own-invitation": N_("This code is for somebody else. You cannot act for yourself."),
    "has-access": N_("You can already act for this person"),
    "no-choice": N_("Choose whose record you want to see"),
}


@dataclass(frozen=True, slots=True)
class WhosePages:
    """The pages."""

    my: My
    acting: Acting

    def router(self) -> Router:
        """Their routes."""
        router = Router(prefix=HOME, include_in_schema=False)
        router.add_api_route("/whose", self.whose, methods=["GET", "POST"])
        router.add_api_route("/accept", self.accept, methods=["GET", "POST"])
        return router

    async def whose(self, request: Request) -> Response:
        """Choose whose record the pages are about from now on."""

        async def work(look: Look, caller: Caller, form: Form) -> Response:
            people = await self._people(look, caller)
            if request.method == "GET":
                return self._choice(request, caller, people)
            wanted = form.get("whose", "")
            if wanted != "me" and wanted not in {each.patient_id for each in people}:
                raise Invalid("choose one of these", code="no-choice")
            answer = moved(HOME)
            self.my.visits.choose(answer, wanted)
            return answer

        async def again(look: Look, caller: Caller, _form: Form, error: ScrError) -> Response:
            return self._choice(request, caller, await self._people(look, caller), error)

        return await self.my.run_caller(request, "read", "access/whose", work, again=again)

    async def accept(self, request: Request) -> Response:
        """Say yes to an invitation: first what it is, by its code; then yes."""

        async def work(look: Look, caller: Caller, form: Form) -> Response:
            if request.method == "GET":
                return self._code_form(request, caller, {})
            try:
                return await self._taken_up(request, look, caller, form)
            except (Conflict, NotFound) as error:  # as the form's mistake: another code may be the right one
                raise Invalid(error.message, code=error.code) from None

        async def again(_look: Look, caller: Caller, form: Form, error: ScrError) -> Response:
            return self._code_form(request, caller, form, error)

        action = "read" if request.method == "GET" else "update"
        return await self.my.run_caller(request, action, "access/carers", work, again=again)

    async def _taken_up(self, request: Request, look: Look, caller: Caller, form: Form) -> Response:
        code = form.get("code", "")
        person, one = await self.acting.invitation(look, caller, code)
        if form.get("answer") != "yes":
            titles = [heading_title(each, language(request), plain=True) for each in one.terms.headings or ()]
            return self.my.show(
                request, caller, "my/accept_ask.html", of=name_of(person), one=one, code=code, titles=titles
            )
        await self.acting.accept(look, caller, code)
        answer = moved(HOME)
        self.my.visits.choose(answer, person.patient_id)
        return answer

    def _choice(
        self, request: Request, caller: Caller, people: Sequence[Person], error: ScrError | None = None
    ) -> Response:
        return self.my.show(
            request, caller, "my/whose.html", error.status if error else 200, errors=_told(error, "whose"),
            people=[(each.patient_id, name_of(each)) for each in people],
            own=caller.actor.kind is ActorKind.CITIZEN,
        )  # fmt: skip

    def _code_form(
        self, request: Request, caller: Caller, form: Form, error: ScrError | None = None
    ) -> Response:
        return self.my.show(
            request, caller, "my/accept.html", error.status if error else 200, errors=_told(error, "code"),
            code=form.get("code", ""),
        )  # fmt: skip

    async def _people(self, look: Look, caller: Caller) -> Sequence[Person]:
        """Whose records they may see now, beside their own: nobody else is named."""
        if caller.actor.kind is not ActorKind.CITIZEN:  # they came for one person, and for nobody else
            return ()
        found = await self.my.visits.people(look, caller)
        return [visitor.known.person for visitor in found if not visitor.own]


def _told(error: ScrError | None, field: str) -> Sequence[FormError]:
    if error is None:
        return ()
    text = _ERRORS.get(error.code)
    return (FormError(field, text) if text else FormError.of(error, field),)
