"""What nothing here answers: an address without a route, a method that is not served at one.

It is refused like everything else, with a row in the audit; about nobody, since nobody was looked for. It is
said in FHIR, or on a page to a browser. The address is in neither, because whoever mistypes one may have put
a number into it.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scr.api.look import Answer, Clock, refused, respond
from scr.api.pages.frame import show_error
from scr.errors import Invalid, NotFound, ScrError, Unavailable
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append


class Unserved:
    """Answers where no route does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def no_route(self, request: Request) -> Response:
        """404: a page where a browser asks outside of the endpoint."""
        error, correlation = await self._noted(NotFound("there is nothing at this address", code="no-route"))
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/fhir"):
            return show_error(request, error, correlation=correlation)
        return respond(refused(error), correlation)

    async def no_method(self, request: Request, error: Exception) -> Response:
        """405, with the methods that there are."""
        told = error.headers if isinstance(error, HTTPException) and error.headers else {}
        refusal = Invalid("this method is not served at this address", code="no-method")
        found, correlation = await self._noted(refusal)
        if found is not refusal:
            return respond(refused(found), correlation)
        allowed = {"Allow": told.get("Allow", "GET, POST")}
        return respond(Answer(refused(refusal).body, 405, allowed), correlation)

    async def _noted(self, error: ScrError) -> tuple[ScrError, str]:
        """What is to be said, once it is in the audit, and the id of the row."""
        correlation = random_id()
        row = AuditRow(
            at=self._clock(),
            actor="",
            action="execute",
            what="unserved",
            outcome="refused",
            code=error.code,
            correlation=correlation,
        )
        try:
            await self._database.write(lambda connection: append(connection, row))
        except ScrError:
            return Unavailable("the audit cannot be written: try again", code="no-audit"), correlation
        return error, correlation
