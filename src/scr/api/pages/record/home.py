"""``/my``: whose record it is, and where from here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.who import Visitor
from scr.api.look import Look
from scr.api.pages.forms import Form
from scr.api.pages.record.site import My, name_of
from scr.api.routing import Router


@dataclass(frozen=True, slots=True)
class HomePage:
    """The page."""

    my: My

    def router(self) -> Router:
        """Its route."""
        router = Router(prefix="/my", include_in_schema=False)
        router.add_api_route("", self.home, methods=["GET"])
        return router

    async def home(self, request: Request) -> Response:
        """Where from here."""

        async def work(_look: Look, visitor: Visitor, _form: Form) -> Response:
            return self.my.show(
                request, visitor, "my/home.html", own=visitor.own, of=name_of(visitor.known.person)
            )

        return await self.my.run(request, "read", "access/home", work)
