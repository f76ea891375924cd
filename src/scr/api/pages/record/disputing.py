"""``/my/challenges``: what the person says is wrong in the record, and what was answered. ``/my/notices``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.access.challenges.saying import OUTCOMES
from scr.api.access.challenge_routes import choose, chosen, shown_notices
from scr.api.access.challenging import Challenging
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.record.fields import errors_of
from scr.api.pages.record.site import My
from scr.api.pages.render import moved
from scr.api.pages.tongue import N_
from scr.api.routing import Router
from scr.errors import ScrError
from scr.fhir.summary import lines_of
from scr.store import notices
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.notices import Choice, NoticeKind
from scr.store.people import Person

WRONG, NOTICES = "/my/challenges", "/my/notices"
KINDS = {
    NoticeKind.RESULT: N_("A new result"),
    NoticeKind.GLASS: N_("Somebody opened your record in an emergency"),
    NoticeKind.PROXY: N_("Somebody who acts for you did something"),
    NoticeKind.CHALLENGE: N_("An answer to what you said is wrong"),
}
STATES = {
    "open": N_("Sent, and not read yet"),
    "received": N_("The source has read it"),
    "amended": N_("The entry was changed"),
    "annotated": N_("The entry stays, and what you said was noted"),
    "refused": N_("The entry was not changed"),
    "withdrawn": N_("You have taken it back"),
}
DID = {
    "added": N_("added something"),
    "corrected": N_("corrected something"),
    "withdrawn": N_("withdrew something"),
    "challenged": N_("said that something is wrong"),
    "recorded": N_("was recorded to act for you"),
    "accepted": N_("can act for you from now on"),
    "suspended": N_("does not act for you for now"),
    "resumed": N_("acts for you again"),
    "ended": N_("does not act for you any more"),
}
"""What somebody did who acts for the person, or was done with their access."""
_LEADS = {
    NoticeKind.RESULT: "/my/record",
    NoticeKind.GLASS: "/my/looked",
    NoticeKind.PROXY: "/my/added",
    NoticeKind.CHALLENGE: WRONG,
}


@dataclass(frozen=True, slots=True)
class DisputingPages:
    """The pages."""

    my: My
    challenging: Challenging
    database: Database

    def router(self) -> Router:
        """Their routes."""
        router = Router(include_in_schema=False)
        router.add_api_route(WRONG, self.every, methods=["GET"])
        router.add_api_route(f"{WRONG}/new", self.new, methods=["GET", "POST"])
        router.add_api_route(f"{WRONG}/of/{{logical}}", self.one, methods=["GET", "POST"])
        router.add_api_route(NOTICES, self.notices, methods=["GET", "POST"])
        return router

    async def every(self, request: Request) -> Response:
        """What was said, and what came of it."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            found = await self.challenging.every(look, visitor)
            return self.my.show(
                request, visitor, "my/wrong.html", found=found, states=STATES,
                done=request.query_params.get("done", ""),
            )  # fmt: skip

        return await self.my.run(request, "query", "challenges", work)

    async def new(self, request: Request) -> Response:
        """Say that an entry is wrong."""
        entry = request.query_params.get("entry", "")[:130]

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "POST":
                typed, once = form.get("reason", ""), form.get("once", "")
                await self.challenging.open(look, visitor, entry, typed, once=once)
                return moved(f"{WRONG}?done=sent")
            return await page(look, visitor, {"once": random_id()})

        async def page(
            look: Look, visitor: Visitor, values: Mapping[str, str], error: ScrError | None = None
        ) -> Response:
            meant = await self.challenging.entry(look, visitor, entry)
            owner = "" if visitor.admitted.hides else self.challenging.owner(meant)
            return self.my.show(
                request, visitor, "my/wrong_new.html", error.status if error else 200,
                errors=errors_of(error), line=lines_of([meant])[meant.id], owner=owner, values=values,
            )  # fmt: skip

        async def again(look: Look, visitor: Visitor, form: Form, error: ScrError) -> Response:
            return await page(look, visitor, form, error)

        action = "read" if request.method == "GET" else "create"
        keep = again if entry else None
        return await self.my.run(request, action, "challenges", work, again=keep)

    async def one(self, request: Request, logical: str) -> Response:
        """One of them; on a yes it is taken back."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            if request.method == "POST":
                await self.challenging.withdraw(look, visitor, logical)
                return moved(f"{WRONG}?done=back")
            found = await self.challenging.one(look, visitor, logical)
            meaning = {kind.value: text for kind, text in OUTCOMES.items()}
            return self.my.show(
                request, visitor, "my/wrong_one.html", one=found, states=STATES, meaning=meaning
            )  # fmt: skip

        action = "read" if request.method == "GET" else "update"
        return await self.my.run(request, action, "challenges", work)

    async def notices(self, request: Request) -> Response:
        """What somebody is told, and how they want to be told."""

        async def work(look: Look, visitor: Visitor, form: Form) -> Response:
            if request.method == "POST":
                choose(look, visitor, _choices(form))
                return moved(f"{NOTICES}?done=chosen")
            found = await shown_notices(self.my.visits, self.database, look, visitor)
            people, fresh = visitor.known.view, [one.id for one in found if one.seen is None]
            if visitor.own and fresh:
                look.beside.append(lambda conn: _seen(conn, people, fresh, look.now))
            return self.my.show(
                request, visitor, "my/notices.html", found=found, kinds=KINDS, leads=_LEADS, did=DID,
                choices=await chosen(self.database, visitor), own=visitor.own,
                done=request.query_params.get("done", ""),
            )  # fmt: skip

        action = "query" if request.method == "GET" else "update"
        return await self.my.run(request, action, "notices", work)


def _seen(connection: Connection, people: Sequence[Person], ids: Sequence[str], now: int) -> None:
    notices.seen(connection, people, ids, now)


def _choices(form: Form) -> dict[NoticeKind, Choice]:
    return {
        kind: Choice(form.get(f"page-{kind.value}") == "yes", form.get(f"message-{kind.value}") == "yes")
        for kind in NoticeKind
    }
