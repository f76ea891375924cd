"""``/access``: who is there, whose record, who acts for whom, who looked, who could, and what was chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from scr.access.delegating import Wanted
from scr.access.preview import Asker
from scr.api.access import bodies, shown
from scr.api.access.acting import Acting
from scr.api.access.bodies import decoded, told
from scr.api.access.mine import Mine
from scr.api.access.visits import Visits
from scr.api.access.who import Caller, Visitor
from scr.api.look import Answer, Look
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.dates import milliseconds
from scr.fhir.identifiers import OdsCode

Handler = Callable[[Look, Visitor], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class PeopleRoutes:
    """The routes."""

    visits: Visits
    acting: Acting
    mine: Mine

    def router(self) -> Router:
        """Those below ``/access``."""
        router = Router(prefix="/access", include_in_schema=False)
        add, whose = router.add_api_route, "/people/{whose}"
        add("/me", self.me, methods=["GET"])
        add("/invitations/look", self.invitation, methods=["POST"])
        add("/invitations/accept", self.accept, methods=["POST"])
        add(whose, self.whose, methods=["GET"])
        add(f"{whose}/carers", self.carers, methods=["GET"])
        add(f"{whose}/carers", self.invite, methods=["POST"])
        add(f"{whose}/carers/{{carer}}/end", self.end, methods=["POST"])
        add(f"{whose}/looks", self.looks, methods=["GET"])
        add(f"{whose}/looks/{{which}}/question", self.ask, methods=["POST"])
        add(f"{whose}/questions", self.questions, methods=["GET"])
        add(f"{whose}/choices", self.choices, methods=["GET"])
        add(f"{whose}/choices", self.choose, methods=["POST"])
        add(f"{whose}/choices/{{choice}}", self.history, methods=["GET"])
        add(f"{whose}/choices/{{choice}}/withdraw", self.withdraw, methods=["POST"])
        add(f"{whose}/preview", self.preview, methods=["POST"])
        return router

    async def me(self, request: Request) -> Response:
        """Who is there, and whose records they may see."""

        async def answer(look: Look, caller: Caller) -> Answer:
            return told(shown.me_of(caller, await self.visits.people(look, caller)))

        return await self.visits.greet(request, action="read", what="access", handler=answer)

    async def whose(self, request: Request, whose: str) -> Response:
        """Whose record it is, and on what right."""

        async def answer(_look: Look, visitor: Visitor) -> Answer:
            return told(shown.person_of(visitor))

        return await self._serve(request, whose, "read", "access", answer)

    async def invitation(self, request: Request) -> Response:
        """What a code takes up."""

        async def answer(look: Look, caller: Caller) -> Answer:
            sent = await decoded(request, bodies.Code)
            person, one = await self.acting.invitation(look, caller, sent.code)
            name = person.demographics
            of = " ".join([*name.given, *filter(None, [name.family])])
            return told(shown.invitation_of(of, one))

        return await self.visits.greet(request, action="read", what="access/invitation", handler=answer)

    async def accept(self, request: Request) -> Response:
        """Take an invitation up."""

        async def answer(look: Look, caller: Caller) -> Answer:
            sent = await decoded(request, bodies.Code)
            person = await self.acting.accept(look, caller, sent.code)
            return told({"patient": person.patient_id}, 201)

        return await self.visits.greet(request, action="create", what="access/carers", handler=answer)

    async def carers(self, request: Request, whose: str) -> Response:
        """Who acts for the person, and who did."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            found = await self.acting.carers(look, visitor)
            return told({"carers": [shown.access_of(one, look.now) for one in found]})

        return await self._serve(request, whose, "read", "access/carers", answer)

    async def invite(self, request: Request, whose: str) -> Response:
        """Invite a carer: the answer has the code, this once."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            sent = await decoded(request, bodies.Invitation)
            headings = None if sent.headings is None else tuple(sent.headings)
            wanted = Wanted(sent.calls, moment(sent.until), headings=headings, contributes=sent.contributes)
            made = await self.acting.invite(look, visitor, wanted)
            return told(shown.access_of(made.delegated, look.now, made.code), 201)

        return await self._serve(request, whose, "create", "access/carers", answer)

    async def end(self, request: Request, whose: str, carer: str) -> Response:
        """End an access, at once."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            return told(shown.access_of(await self.acting.end(look, visitor, carer), look.now))

        return await self._serve(request, whose, "update", "access/carers", answer)

    async def looks(self, request: Request, whose: str) -> Response:
        """Who looked: ``before`` (an instant) gives earlier ones, ``days`` how far back."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            asked = request.query_params
            before = moment(asked["before"], "before") if "before" in asked else None
            days = _days(asked.get("days", "366"))
            found = await self.mine.looks(look, visitor, before=before, days=days)
            return told({"looks": [shown.look_json(one) for one in found]})

        return await self._serve(request, whose, "query", "access/looks", answer)

    async def ask(self, request: Request, whose: str, which: str) -> Response:
        """Ask the privacy officer about a look."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            sent = await decoded(request, bodies.Text)
            return told(shown.question_of(await self.mine.ask(look, visitor, which, sent.text)), 201)

        return await self._serve(request, whose, "create", "access/questions", answer)

    async def questions(self, request: Request, whose: str) -> Response:
        """What was asked, and answered."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            found = await self.mine.questions(look, visitor)
            return told({"questions": [shown.question_of(one) for one in found]})

        return await self._serve(request, whose, "read", "access/questions", answer)

    async def choices(self, request: Request, whose: str) -> Response:
        """What the person has chosen."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            found = await self.mine.choices(look, visitor)
            return told({"choices": [shown.chosen_json(one) for one in found]})

        return await self._serve(request, whose, "query", "access/choices", answer)

    async def history(self, request: Request, whose: str, choice: str) -> Response:
        """Every version of a choice."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            found = await self.mine.history(look, visitor, choice)
            return told({"versions": [shown.chosen_json(one) for one in found]})

        return await self._serve(request, whose, "read", "access/choices", answer)

    async def choose(self, request: Request, whose: str) -> Response:
        """Make a choice."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            sent = await decoded(request, bodies.SentChoice)
            made = await self.mine.choose(look, visitor, sent.choice(await self._subjects(visitor, sent)))
            return told(shown.chosen_json(made), 201)

        return await self._serve(request, whose, "create", "access/choices", answer)

    async def withdraw(self, request: Request, whose: str, choice: str) -> Response:
        """Withdraw a choice."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            sent = await decoded(request, bodies.Withdrawal)
            return told(shown.chosen_json(await self.mine.withdraw(look, visitor, choice, sent.version)))

        return await self._serve(request, whose, "update", "access/choices", answer)

    async def preview(self, request: Request, whose: str) -> Response:
        """What somebody would see."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            sent = await decoded(request, bodies.WhoWould)
            trying = None
            if sent.trying is not None:
                trying = sent.trying.choice(await self._subjects(visitor, sent.trying))
            asker = await self._asker(visitor, sent)
            found = await self.mine.preview(look, visitor, asker, trying=trying, without=sent.without)
            return told(shown.preview_json(found))

        return await self._serve(request, whose, "read", "access/preview", answer)

    async def _asker(self, visitor: Visitor, sent: bodies.WhoWould) -> Asker:
        if sent.carer:
            return Asker(carer=(await self.mine.carer(visitor, sent.carer)).terms.carer)
        try:
            return Asker(sent.role, OdsCode.parse(sent.organisation))
        except ValueError:
            raise Invalid("an ODS code", code="bad-organisation", where="organisation") from None

    async def _subjects(self, visitor: Visitor, sent: bodies.SentChoice) -> tuple[str, ...]:
        return tuple([(await self.mine.carer(visitor, one)).terms.carer for one in sent.carers])

    async def _serve(
        self, request: Request, whose: str, action: str, what: str, handler: Handler
    ) -> Response:
        return await self.visits.serve(
            request, action=action, what=what, interaction=Interaction.READ, handler=handler, whose=whose
        )


def moment(text: str, where: str = "until") -> int:
    """An instant of ISO 8601 with its zone, in ms UTC. Raises Invalid."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return milliseconds(at)
    except (ValueError, OverflowError):
        raise Invalid("an instant such as 2027-01-31T12:00:00Z", code="bad-instant", where=where) from None


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 366):
        raise Invalid("1 to 366", code="bad-days", where="days")
    return int(text)
