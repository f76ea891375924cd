"""``/my/choices``: what the person has said about sharing; to say something, and to take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from scr.access import choices
from scr.access.choices import Chosen
from scr.api.access.acting import Acting
from scr.api.access.mine import Mine
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.site import My
from scr.api.pages.record.told import ChoiceWords
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_, chosen, language, tongue
from scr.api.routing import Router
from scr.consent.consents import rules_of
from scr.consent.sharing import SharingRule
from scr.errors import Invalid, ScrError, Unprocessable
from scr.fhir.choices import Choice, as_if_active
from scr.fhir.headings import HEADINGS
from scr.fhir.shown.words import heading_title
from scr.store.delegations import Delegated, State

PAGE = "/my/choices"
_BLANK = {
    "what": "", "entry": "", "label": "", "who": "", "organisation": "", "role": "", "carer": "",
    "until-day": "", "until-month": "", "until-year": "",
}  # fmt: skip
_ERRORS = {
    "no-what": ("what", N_("Choose what this is about")),
    "no-who": ("who", N_("Choose who this is about")),
    "bad-headings": ("headings", N_("Choose at least one part of your record")),
    "bad-labels": ("label", N_("Choose a private subject")),
    "bad-to": ("organisation", N_("Choose an organisation")),
    "bad-roles": ("role", N_("Choose a job")),
    "no-delegation": ("carer", N_("Choose the person who acts for you")),
    "bad-until": ("until", N_("Enter a day that is still to come, for example 31 1 2027")),
    "too-many-choices": ("", N_("You have made too many choices. Take one back first.")),
}


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
        router.add_api_route("/new", self.new, methods=["GET", "POST"])
        router.add_api_route("/of/{choice}", self.show, methods=["GET", "POST"])
        return router

    async def list(self, request: Request) -> Response:
        """What is in force, and what was."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.mine.choices(look, visitor)
            words = await self._words(request, look, visitor)
            told = [_told(words, each) for each in found]
            return self.my.show(
                request, visitor, "my/choices.html", active=[one for one in told if one.choice.active],
                over=[one for one in told if not one.choice.active],
                done=request.query_params.get("done", ""),
            )  # fmt: skip

        return await self.my.run(request, "read", "access/choices", work)

    async def new(self, request: Request) -> Response:
        """Ask what is wanted, say what it does and costs, and on a yes make it so."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "GET":
                asked = {"entry": request.query_params.get("entry", "")[:130]}
                return await self._form(
                    request, look, visitor, {**asked, "what": "entry" if asked["entry"] else ""}
                )
            choice = await self._choice(visitor, form)
            if form.get("answer") == "yes":
                await self.mine.choose(look, visitor, choice)
                return moved(f"{PAGE}?done=made")
            choices.check(self.mine.policy, choice, look.now)
            rules = choices.tried(visitor.known, choice, look.now)[len(visitor.known.rules) :]
            words = await self._words(request, look, visitor)
            return self.my.show(
                request, visitor, "my/choice_ask.html", values=form, does=_does(words, rules),
                costs=_costs(words, rules),
            )  # fmt: skip

        async def again(look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return await self._form(request, look, visitor, form, error)

        action = "read" if request.method == "GET" else "create"
        return await self.my.run(request, action, "access/choices", work, again=again)

    async def show(self, request: Request, choice: str) -> Response:
        """One choice: what it does, its history; and on a yes it is taken back."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "POST":
                await self.mine.withdraw(look, visitor, choice, form.get("version", ""))
                return moved(f"{PAGE}?done=undone")
            return await page(look, visitor)

        async def page(look: Look, visitor: Visitor, error: ScrError | None = None) -> Response:
            versions = await self.mine.history(look, visitor, choice)
            words = await self._words(request, look, visitor)
            return self.my.show(
                request, visitor, "my/choice.html", error.status if error else 200,
                errors=() if error is None else (_CHANGED,),
                told=_told(words, versions[0]), versions=versions,
            )  # fmt: skip

        async def again(look: Look, visitor: Visitor, _form: Form, error: ScrError) -> Response:
            return await page(look, visitor, error)

        action = "read" if request.method == "GET" else "update"
        return await self.my.run(request, action, "access/choices", work, again=again)

    async def _choice(self, visitor: Visitor, form: Form) -> Choice:
        """What the form asks for. Raises Invalid."""
        headings, labels, entries = _about(form)
        to: tuple[str, ...] = ()
        roles: tuple[str, ...] = ()
        carers: tuple[str, ...] = ()
        match form.get("who"):
            case "organisation":
                to = (form.get("organisation", ""),)
            case "role":
                roles = (form.get("role", ""),)
            case "carer":
                try:
                    one = await self.mine.carer(visitor, form.get("carer", ""))
                except ScrError as error:
                    raise Invalid(error.message, code="no-delegation") from None
                carers = (one.terms.carer,)
            case "everybody":
                pass
            case _:
                raise Invalid("choose one of these", code="no-who")
        return Choice(
            "deny", to=to, roles=roles, carers=carers, headings=headings, labels=labels, entries=entries,
            until=_day(form),
        )  # fmt: skip

    async def _form(
        self, request: Request, look: Look, visitor: Visitor, form: Form, error: ScrError | None = None
    ) -> Response:
        errors: tuple[FormError, ...] = ()
        if error is not None:
            field, text = _ERRORS.get(error.code, ("", ""))
            errors = (FormError(field, text) if text else FormError.of(error),)
        policy, spoken, carers = self.mine.policy, language(request), await self._carers(look, visitor)
        return self.my.show(
            request, visitor, "my/choice_new.html", error.status if error else 200, errors=errors,
            values={**_BLANK, **form}, names=self.mine.names,
            carers=[each for each in carers if each.state(look.now) is State.IN_FORCE],
            roles={code: role.name for code, role in policy.roles.items()},
            titles={code: heading_title(code, spoken, plain=True) for code in HEADINGS},
            labels={code: label.name for code, label in policy.labels.labels.items()},
        )  # fmt: skip

    async def _carers(self, look: Look, visitor: Visitor) -> Sequence[Delegated]:
        return [one for one in await self.acting.carers(look, visitor) if one.accepted]

    async def _words(self, request: Request, look: Look, visitor: Visitor) -> ChoiceWords:
        carers = {one.terms.carer: one.terms.carer_name for one in await self._carers(look, visitor)}
        return ChoiceWords(tongue(chosen(request)), self.mine.policy, self.mine.names, carers)


def _about(form: Form) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Headings, labels and entries. Raises Invalid."""
    match form.get("what"):
        case "all":
            return (), (), ()
        case "parts":
            headings = tuple(code for code in HEADINGS if form.get(f"headings-{code}"))
            if not headings:
                raise Invalid("choose one at least", code="bad-headings")
            return headings, (), ()
        case "label":
            return (), (form.get("label", ""),), ()
        case "entry":
            return (), (), (form.get("entry", ""),)
    raise Invalid("choose one of these", code="no-what")


def _day(form: Form) -> str:
    parts = [form.get(f"until-{part}", "").strip() for part in ("year", "month", "day")]
    if not any(parts):
        return ""
    try:
        return date(*map(int, parts)).isoformat()
    except ValueError:
        raise Invalid("this is no day", code="bad-until") from None


def _told(words: ChoiceWords, choice: Chosen) -> Told:
    try:
        rules = rules_of(as_if_active(choice.consent))
    except Unprocessable:  # it denies everything then
        rules = (SharingRule(deny=True),)
    return Told(choice, _does(words, rules), _costs(words, rules))


def _does(words: ChoiceWords, rules: Sequence[SharingRule]) -> Sequence[str]:
    return [sentence for rule in rules for sentence in words.does(rule)]


def _costs(words: ChoiceWords, rules: Sequence[SharingRule]) -> Sequence[str]:
    return list(dict.fromkeys(words.costs(rule) for rule in rules))
