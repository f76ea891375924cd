"""``/access``: the record itself, as FHIR: by heading with its ledger, and as the summary to take along.

https://hl7.org/fhir/uv/ips/
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.fhir.operations.summary import Documents
from scr.api.look import Answer, Look
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.bundle import Links, searchset
from scr.fhir.headings import HEADINGS
from scr.fhir.parameters import Asked


@dataclass(frozen=True, slots=True)
class RecordRoutes:
    """The routes. ``base_url`` is the FHIR base, ``origin`` our address without a path."""

    visits: Visits
    documents: Documents
    base_url: str
    origin: str

    def router(self) -> Router:
        """Those below ``/access``."""
        router = Router(prefix="/access", include_in_schema=False)
        router.add_api_route("/people/{whose}/record", self.record, methods=["GET"])
        router.add_api_route("/people/{whose}/summary", self.summary, methods=["GET"])
        return router

    async def record(self, request: Request, whose: str) -> Response:
        """A searchset of all that may be seen, with the ledger; ``heading``, once or more, narrows it."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            asked = _headings(request)
            opened = await self.visits.open(look, visitor, asked=asked)
            found = [entry for entry in opened.permitted if entry.heading in asked]
            query = "&".join(f"heading={one}" for one in sorted(asked)) if asked != set(HEADINGS) else ""
            own = f"{self.origin}/access/people/{visitor.patient}/record"
            body = searchset(
                found,
                bundle_id=look.correlation,
                base_url=self.base_url,
                links=Links(f"{own}?{query}" if query else own),
                now=look.now,
                total=len(found),
                outcome=opened.ledger.resource(),
            )
            return Answer(body, headers={"X-SCR-Ledger": opened.ledger.summary()})

        return await self.visits.serve(
            request,
            action="query",
            what="access/record",
            interaction=Interaction.SEARCH,
            handler=answer,
            whose=whose,
            fhir=True,
        )

    async def summary(self, request: Request, whose: str) -> Response:
        """The International Patient Summary."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            asked = Asked(tuple(request.query_params.multi_items()))
            made = await self.documents.summary(look, visitor.actor, asked, visitor.patient)
            name = 'attachment; filename="patient-summary.json"'
            return Answer(made.body, headers={**made.headers, "Content-Disposition": name})

        return await self.visits.serve(
            request,
            action="query",
            what="access/summary",
            interaction=Interaction.READ,
            handler=answer,
            whose=whose,
            fhir=True,
        )


def _headings(request: Request) -> frozenset[str]:
    wanted = request.query_params.getlist("heading")
    unknown = [name for name in request.query_params if name not in {"heading", "_format", "_pretty"}]
    if unknown:
        raise Invalid("not a parameter here; known: heading", code="unknown-parameter", where=unknown[0][:40])
    if set(wanted) - set(HEADINGS):
        raise Invalid(f"one of {', '.join(HEADINGS)}", code="bad-heading", where="heading")
    return frozenset(wanted or HEADINGS)
