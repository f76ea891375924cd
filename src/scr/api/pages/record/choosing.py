"""``/my/choices/new``: to hide something, to seal it, or to let in somebody who acted for the person before.

What is asked for is explained, with what it costs, before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from scr.access import choices
from scr.api.access.acting import Acting
from scr.api.access.mine import Mine
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.frame import FormError
from scr.api.pages.record.choices import PAGE, words_of
from scr.api.pages.record.site import My
from scr.api.pages.record.told import all_costs, all_does
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_, chosen, language, tongue
from scr.api.routing import Router
from scr.errors import Invalid, ScrError
from scr.fhir.choices import Choice, Effect
from scr.fhir.headings import HEADINGS
from scr.fhir.shown.words import heading_title
from scr.store.delegations import Delegated, State

EFFECTS: Mapping[str, Effect] = {"hide": "deny", "seal": "seal", "permit": "permit"}
"""What can be wanted, as the address says it (``?do=``), and the effect of the choice."""
_BLANK = {
    "do": "hide", "what": "", "entry": "", "label": "", "source": "", "who": "", "organisation": "",
    "role": "", "carer": "", "until-day": "", "until-month": "", "until-year": "",
}  # fmt: skip
_ERRORS = {
    "no-what": ("what", N_("Choose what this is about")),
    "no-who": ("who", N_("Choose who this is about")),
    "bad-headings": ("headings", N_("Choose at least one part of your record")),
    "bad-labels": ("label", N_("Choose a private subject")),
    "bad-to": ("organisation", N_("Choose an organisation")),
    "bad-of": ("source", N_("Choose an organisation")),
    "bad-roles": ("role", N_("Choose a job")),
    "bad-entries": ("what", N_("Choose what this is about")),
    "no-delegation": ("carer", N_("Choose the person who acts for you")),
    "bad-until": ("until", N_("Enter a day that is still to come, for example 31 1 2027")),
    "too-many-choices": ("", N_("You have made too many choices. Take one back first.")),
}


@dataclass(frozen=True, slots=True)
class ChoosingPage:
    """The page, and the one that asks whether it is meant."""

    my: My
    mine: Mine
    acting: Acting

    def router(self) -> Router:
        """Its routes."""
        router = Router(prefix=PAGE, include_in_schema=False)
        router.add_api_route("/new", self.new, methods=["GET", "POST"])
        return router

    async def new(self, request: Request) -> Response:
        """Ask what is wanted, say what it does and costs, and on a yes make it so."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "GET":
                return await self._form(request, look, visitor, _asked(request))
            choice = await self._choice(visitor, form)
            if form.get("answer") == "yes":
                await self.mine.choose(look, visitor, choice)
                return moved(f"{PAGE}?done=made")
            choices.check(self.mine.policy, choice, look.now)
            rules = choices.tried(visitor.known, choice, look.now)[len(visitor.known.rules) :]
            words = await words_of(request, self.mine, self.acting, look, visitor)
            return self.my.show(
                request, visitor, "my/choice_ask.html", values=form, does=all_does(words, rules),
                costs=all_costs(words, rules),
            )  # fmt: skip

        async def again(look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return await self._form(request, look, visitor, form, error)

        action = "read" if request.method == "GET" else "create"
        return await self.my.run(request, action, "access/choices", work, again=again)

    async def _choice(self, visitor: Visitor, form: Form) -> Choice:
        """What the form asks for. Raises Invalid."""
        effect = EFFECTS.get(form.get("do", "hide"), "deny")
        headings, labels, entries, of = _about(form)
        to, roles, carers = await self._whom(visitor, form, effect)
        return Choice(
            effect, to=to, roles=roles, carers=carers, headings=headings, labels=labels, entries=entries,
            of=of, until=_day(form),
        )  # fmt: skip

    async def _whom(
        self, visitor: Visitor, form: Form, effect: Effect
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Organisations, job roles and carers. Raises Invalid."""
        who = {"seal": "everybody", "permit": "carer"}.get(effect, form.get("who", ""))
        match who:
            case "organisation":
                return (form.get("organisation", ""),), (), ()
            case "role":
                return (), (form.get("role", ""),), ()
            case "carer":
                try:
                    one = await self.mine.carer(visitor, form.get("carer", ""))
                except ScrError as error:
                    raise Invalid(error.message, code="no-delegation") from None
                return (), (), (one.terms.carer,)
            case "everybody":
                return (), (), ()
        raise Invalid("choose one of these", code="no-who")

    async def _form(
        self, request: Request, look: Look, visitor: Visitor, form: Form, error: ScrError | None = None
    ) -> Response:
        errors: tuple[FormError, ...] = ()
        if error is not None:
            field, text = _ERRORS.get(error.code, ("", ""))
            errors = (FormError(field, text) if text else FormError.of(error),)
        values = {**_BLANK, **form}
        values["do"] = values["do"] if values["do"] in EFFECTS else "hide"
        policy, spoken, say = self.mine.policy, language(request), tongue(chosen(request)).say
        wanted = _GONE if values["do"] == "permit" else (State.IN_FORCE,)
        carers = [one for one in await self.acting.carers(look, visitor) if one.accepted]
        return self.my.show(
            request, visitor, "my/choice_new.html", error.status if error else 200, errors=errors,
            values=values, names=self.mine.names, carers=_once(carers, wanted, look.now),
            roles={code: say(role.name) for code, role in policy.roles.items()},
            titles={code: heading_title(code, spoken, plain=True) for code in HEADINGS},
            labels={code: label.name for code, label in policy.labels.labels.items()},
        )  # fmt: skip


_GONE = (State.OVER, State.ENDED)
"""Whose access is over, and whom the person may let in again: who acts now sees what they were let see."""


def _once(carers: Sequence[Delegated], states: Sequence[State], now: int) -> Sequence[Delegated]:
    """Each carer once, who has an access in one of these states and none in force beside it."""
    acting = {one.terms.carer for one in carers if one.state(now) in (State.IN_FORCE, State.SUSPENDED)}
    found: dict[str, Delegated] = {}
    for one in carers:
        if one.state(now) in states and (State.IN_FORCE in states or one.terms.carer not in acting):
            found.setdefault(one.terms.carer, one)
    return list(found.values())


def _asked(request: Request) -> Form:
    """What the address that led here asks for."""
    wanted, entry = request.query_params.get("do", ""), request.query_params.get("entry", "")[:130]
    return {"do": wanted, "entry": entry, "what": "entry" if entry else ""}


def _about(
    form: Form,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Headings, labels, entries and sources. Raises Invalid."""
    match form.get("what"):
        case "all":
            return (), (), (), ()
        case "parts":
            headings = tuple(code for code in HEADINGS if form.get(f"headings-{code}"))
            if not headings:
                raise Invalid("choose one at least", code="bad-headings")
            return headings, (), (), ()
        case "label":
            return (), (form.get("label", ""),), (), ()
        case "entry":
            return (), (), (form.get("entry", ""),), ()
        case "source":
            return (), (), (), (form.get("source", ""),)
    raise Invalid("choose one of these", code="no-what")


def _day(form: Form) -> str:
    parts = [form.get(f"until-{part}", "").strip() for part in ("year", "month", "day")]
    if not any(parts):
        return ""
    try:
        return date(*map(int, parts)).isoformat()
    except ValueError:
        raise Invalid("this is no day", code="bad-until") from None
