"""``/access/people/{whose}/looks/proof``: that who looked is in the audit so, to be checked without us."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.people_routes import moment
from scr.api.access.proving import PROOF, WHAT, Proving, size_of
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.look import Answer, Look
from scr.api.routing import Router
from scr.consent.decide import Interaction


@dataclass(frozen=True, slots=True)
class ProofRoutes:
    """The route."""

    visits: Visits
    proving: Proving

    def router(self) -> Router:
        """It, below ``/access``."""
        router = Router(prefix="/access", include_in_schema=False)
        router.add_api_route("/people/{whose}/looks/proof", self.proof, methods=["GET"])
        return router

    async def proof(self, request: Request, whose: str) -> Response:
        """The proof of who looked: ``before`` (an instant) of earlier looks, ``since`` that the audit grew
        from a head of that size."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            asked = request.query_params
            before = moment(asked["before"], "before") if "before" in asked else None
            made = await self.proving.prove(look, visitor, before=before, since=size_of(asked.get("since")))
            return Answer(made, headers={"Content-Disposition": f'attachment; filename="{PROOF}"'})

        return await self.visits.serve(
            request, action="query", what=WHAT, interaction=Interaction.READ, handler=answer, whose=whose
        )
