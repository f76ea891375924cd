"""``/my/could``: who could look and why, now or with a change that is not made yet."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.preview import Asker, Preview
from scr.api.access.acting import Acting
from scr.api.access.mine import Mine
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import My
from scr.api.pages.tongue import N_, chosen, language, tongue
from scr.api.routing import Router
from scr.errors import Invalid, NotFound, ScrError
from scr.fhir.choices import Choice
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.shown.words import heading_title
from scr.store.delegations import State

PAGE = "/my/could"
OPENS = {
    "all": (N_("They see it"), "green"),
    "part": (N_("They see some"), "yellow"),
    "none": (N_("Closed"), "red"),
}
_BLANK = {"who": "", "organisation": "", "role": "", "carer": "", "trying": ""}
_ERRORS = {
    "no-who": ("who", N_("Choose who you want to ask about")),
    "no-organisation": ("organisation", N_("Choose where they work")),
    "unknown-role": ("role", N_("Choose what their job is")),
    "no-delegation": ("carer", N_("Choose the person who acts for you")),
}


@dataclass(frozen=True, slots=True)
class CouldPage:
    """The page."""

    my: My
    mine: Mine
    acting: Acting

    def router(self) -> Router:
        """Its routes."""
        router = Router(prefix="/my", include_in_schema=False)
        router.add_api_route("/could", self.could, methods=["GET", "POST"])
        return router

    async def could(self, request: Request) -> Response:
        """Ask, and tell."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "GET":
                return await self._page(request, look, visitor, {})
            told = await self._told(look, visitor, form)
            return await self._page(request, look, visitor, form, told=told)

        async def again(look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return await self._page(request, look, visitor, form, error=error)

        return await self.my.run(request, "read", "access/preview", work, again=again)

    async def _told(self, look: Look, visitor: Visitor, form: Form) -> Preview:
        asker = await self._asker(visitor, form)
        trying, code = None, form.get("trying", "")
        if code == "all":
            trying = Choice("deny")
        elif code in HEADINGS:
            trying = Choice("deny", headings=(code,))
        return await self.mine.preview(look, visitor, asker, trying=trying)

    async def _asker(self, visitor: Visitor, form: Form) -> Asker:
        if form.get("who") == "carer":
            try:
                one = await self.mine.carer(visitor, form.get("carer", ""))
            except NotFound as error:  # as the form's mistake
                raise Invalid(error.message, code=error.code) from None
            return Asker(carer=one.terms.carer)
        if form.get("who") != "staff":
            raise Invalid("choose one of these", code="no-who")
        organisation = form.get("organisation", "")
        if organisation not in self.mine.names:
            raise Invalid("choose an organisation", code="no-organisation")
        return Asker(form.get("role", ""), OdsCode.parse(organisation))

    async def _page(
        self,
        request: Request,
        look: Look,
        visitor: Visitor,
        form: Form,
        *,
        told: Preview | None = None,
        error: ScrError | None = None,
    ) -> Response:
        errors: tuple[FormError, ...] = ()
        if error is not None:
            field, text = _ERRORS.get(error.code, ("", ""))
            errors = (FormError(field, text) if text else FormError.of(error),)
        every = await self.acting.carers(look, visitor)
        carers = [one for one in every if one.state(look.now) in (State.IN_FORCE, State.SUSPENDED)]
        spoken, say = language(request), tongue(chosen(request)).say
        return self.my.show(
            request, visitor, "my/could.html", error.status if error else 200, errors=errors,
            values={**_BLANK, **form}, told=told, opens=OPENS, carers=carers, names=self.mine.names,
            roles={code: say(role.name) for code, role in self.mine.policy.roles.items()},
            titles={code: heading_title(code, spoken, plain=True) for code in HEADINGS},
        )  # fmt: skip
