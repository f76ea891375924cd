"""``/access/people/{whose}/AuditEvent``: who looked, as FHIR, for the person themselves.

It tells what ``looks`` tells, in the shape of the audit that privacy officers search: no reason of a refusal,
no policy, and not whether something was read or written, which would say that there is something. A carer
has their own looks. https://hl7.org/fhir/R4/auditevent.html#search
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from scr.access.looked import MOST, Looked
from scr.api.access.mine import Mine
from scr.api.access.people_routes import moment
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.fhir.routes import parameters
from scr.api.look import Answer, Look
from scr.api.routing import Router
from scr.consent.decide import Interaction
from scr.fhir.audit_event import TYPE, Told, told_event
from scr.fhir.bundle import Links, searchset
from scr.fhir.dates import instant_text
from scr.fhir.entry import Entry
from scr.fhir.search import once
from scr.fhir.search.predicate import predicate

_ONCE = frozenset({"_before", "_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class LookEvents:
    """The route. ``base_url`` is the FHIR base, ``origin`` our address without a path."""

    visits: Visits
    mine: Mine
    base_url: str
    origin: str

    def router(self) -> Router:
        """It, below ``/access``."""
        router = Router(prefix="/access", include_in_schema=False)
        router.add_api_route(f"/people/{{whose}}/{TYPE}", self.search, methods=["GET"])
        return router

    async def search(self, request: Request, whose: str) -> Response:
        """A searchset of looks, the newest first; ``_before``, an instant, gives earlier ones."""

        async def answer(look: Look, visitor: Visitor) -> Answer:
            pairs = parameters(request.url.query)
            own = dict(once([pair for pair in pairs if pair[0] in _ONCE], _ONCE))
            narrowed = [pair for pair in pairs if pair[0] not in _ONCE]
            test = predicate(TYPE, narrowed)
            before = moment(own["_before"], "_before") if "_before" in own else None
            looks = await self.mine.looks(look, visitor, before=before)
            found = [entry for entry in (self._event(one, visitor) for one in looks) if test(entry)]
            here = f"{self.origin}/access/people/{visitor.patient}/{TYPE}"
            links = Links(f"{here}?{urlencode(narrowed)}" if narrowed else here)
            if len(looks) >= MOST:
                earlier = urlencode([*narrowed, ("_before", instant_text(looks[-1].at))])
                links = Links(links.own, f"{here}?{earlier}")
            body = searchset(
                found,
                bundle_id=look.correlation,
                base_url=self.base_url,
                links=links,
                now=look.now,
                total=None,
            )
            return Answer(body)

        return await self.visits.serve(
            request,
            action="query",
            what="access/looks",
            interaction=Interaction.READ,
            handler=answer,
            whose=whose,
            fhir=True,
        )

    def _event(self, one: Looked, visitor: Visitor) -> Entry:
        return told_event(
            Told(
                id=one.id,
                at=one.at,
                patient=visitor.patient,
                here=self.base_url,
                name=one.name,
                role=one.role,
                organisation=one.organisation,
                through=one.through,
                purpose=one.purpose,
                what=one.what,
                allowed=one.allowed,
            )
        )
