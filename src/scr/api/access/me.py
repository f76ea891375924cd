"""Who is signed in, and whose record they may see: ``/access/me``."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.look import Answer, Look
from scr.consent.decide import Interaction


@dataclass(frozen=True, slots=True)
class MeRoutes:
    """The routes."""

    visits: Visits

    def router(self) -> APIRouter:
        """Those below ``/access``."""
        router = APIRouter(prefix="/access", include_in_schema=False)
        router.add_api_route("/people/{whose}", self.whose, methods=["GET"])
        return router

    async def whose(self, request: Request, whose: str) -> Response:
        """Who is there, and whose record it is."""

        async def answer(_look: Look, visitor: Visitor) -> Answer:
            return Answer(orjson.dumps(visitor_json(visitor)))

        return await self.visits.serve(
            request,
            action="read",
            what="access",
            interaction=Interaction.READ,
            handler=answer,
            whose=whose,
        )


def visitor_json(visitor: Visitor) -> dict[str, object]:
    """Who is there and whose record it is. ``csrf`` is what ``X-CSRF-Token`` has to say where the sign-in
    is a browser's session; empty for a bearer token."""
    return {
        "patient": visitor.patient,
        "name": visitor.of,
        "own": visitor.own,
        "by": visitor.name,
        "csrf": visitor.csrf,
    }
