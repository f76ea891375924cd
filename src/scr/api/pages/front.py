"""``/``: where from here, for whoever opens the address of a deployment in a browser.

It says nothing of anybody, and asks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from scr.api.pages.frame import show
from scr.api.pages.tongue import N_
from scr.api.routing import Router

DOORS = (
    ("/my", N_("Your own record"), N_("See it, add to it, and see who looked. Or act for somebody else.")),
    (
        "/viewer",
        N_("A record as a professional"),
        N_("Find a person whom you care for, and read their record."),
    ),
    ("/privacy", N_("For privacy officers"), N_("Review who looked where the rules were lifted.")),
    ("/review", N_("For records managers"), N_("Say whose a part in doubt is.")),
    (
        "/proxies",
        N_("For staff who record carers"),
        N_("Record parents, attorneys and deputies, and what was seen."),
    ),
    ("/disputes", N_("For sources"), N_("Answer what people say is wrong in your entries.")),
    ("/onboarding", N_("For programme leads"), N_("Bring a provider on board, gate by gate.")),
    ("/fhir/metadata", N_("For systems"), N_("What the FHIR endpoint does, as a CapabilityStatement.")),
)
"""Each address, its name, and what is there. Whoever may not go in is told so at the door."""


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The page."""

    def router(self) -> Router:
        """Its route."""
        router = Router(include_in_schema=False)
        router.add_api_route("/", self.front, methods=["GET"])
        return router

    async def front(self, request: Request) -> Response:
        """The doors."""
        return show(request, "frame/front.html", doors=DOORS)
