"""``/my``: whose record it is, what is new, and where from here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.challenge_routes import shown_notices
from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.record.disputing import KINDS
from scr.api.pages.record.site import My, name_of
from scr.api.routing import Router
from scr.store.engine import Database

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class HomePage:
    """The page."""

    my: My
    database: Database

    def router(self) -> Router:
        """Its route."""
        router = Router(prefix="/my", include_in_schema=False)
        router.add_api_route("", self.home, methods=["GET"])
        return router

    async def home(self, request: Request) -> Response:
        """What is new, and where from here."""

        async def work(look: Look, visitor: Visitor, _form: Form) -> Response:
            told = await shown_notices(self.my.visits, self.database, look, visitor)
            new = [one for one in told if one.seen is None] if visitor.own else []
            return self.my.show(
                request, visitor, "my/home.html", own=visitor.own, of=name_of(visitor.known.person),
                new=new[:_SHOWN], count=len(new), kinds=KINDS,
            )  # fmt: skip

        return await self.my.run(request, "read", "access/home", work)
