"""``/my/choices``: what the person has said about sharing, and to take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.access.choices import Chosen
from scr.api.access.acting import Acting
from scr.api.access.mine import Mine
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import My
from scr.api.pages.record.told import ChoiceWords, all_costs, all_does
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_, chosen, tongue
from scr.api.routing import Router
from scr.consent.consents import rules_of
from scr.consent.sharing import SharingRule
from scr.errors import ScrError, Unprocessable
from scr.fhir.choices import as_if_active

PAGE = "/my/choices"
_CHANGED = FormError("", N_("It was changed since. Look at it again."))


@dataclass(frozen=True, slots=True)
class Told:
    """A choice in words."""

    choice: Chosen
    does: Sequence[str]
    costs: Sequence[str]


@dataclass(frozen=True, slots=True)
class ChoicesPages:
    """The pages."""

    my: My
    mine: Mine
    acting: Acting

    def router(self) -> Router:
        """Their routes."""
        router = Router(prefix=PAGE, include_in_schema=False)
        router.add_api_route("", self.list, methods=["GET"])
        router.add_api_route("/of/{choice}", self.show, methods=["GET", "POST"])
        return router

    async def list(self, request: Request) -> Response:
        """What is in force, and what was."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.mine.choices(look, visitor)
            words = await words_of(request, self.mine, self.acting, look, visitor)
            told = [_told(words, each) for each in found]
            return self.my.show(
                request, visitor, "my/choices.html", active=[one for one in told if one.choice.active],
                over=[one for one in told if not one.choice.active],
                done=request.query_params.get("done", ""),
            )  # fmt: skip

        return await self.my.run(request, "read", "access/choices", work)

    async def show(self, request: Request, choice: str) -> Response:
        """One choice: what it does, its history; and on a yes it is taken back."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "POST":
                await self.mine.withdraw(look, visitor, choice, form.get("version", ""))
                return moved(f"{PAGE}?done=undone")
            return await page(look, visitor)

        async def page(look: Look, visitor: Visitor, error: ScrError | None = None) -> Response:
            versions = await self.mine.history(look, visitor, choice)
            words = await words_of(request, self.mine, self.acting, look, visitor)
            return self.my.show(
                request, visitor, "my/choice.html", error.status if error else 200,
                errors=() if error is None else (_CHANGED,),
                told=_told(words, versions[0]), versions=versions,
            )  # fmt: skip

        async def again(look: Look, visitor: Visitor, _form: Form, error: ScrError) -> Response:
            return await page(look, visitor, error)

        action = "read" if request.method == "GET" else "update"
        return await self.my.run(request, action, "access/choices", work, again=again)


async def words_of(request: Request, mine: Mine, acting: Acting, look: Look, visitor: Visitor) -> ChoiceWords:
    """What tells of choices, in the language of whoever asks."""
    carers = {one.terms.carer: one.terms.carer_name for one in await acting.carers(look, visitor)}
    return ChoiceWords(tongue(chosen(request)), mine.policy, mine.names, carers)


def _told(words: ChoiceWords, choice: Chosen) -> Told:
    try:
        rules = rules_of(as_if_active(choice.consent))
    except Unprocessable:  # it denies everything then
        rules = (SharingRule(deny=True),)
    return Told(choice, all_does(words, rules), all_costs(words, rules))
