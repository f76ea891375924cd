"""What nothing here answers: an address without a route, a method that is not served at one.

It is refused like everything else, in FHIR, with a row in the audit; about nobody, since nobody was
looked for. The address is in neither, because whoever mistypes one may have put a number into it.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scr.api.look import Answer, Clock, refused, respond
from scr.errors import Invalid, NotFound, ScrError, Unavailable
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append


class Unserved:
    """Answers where no route does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def no_route(self) -> Response:
        """404."""
        return await self._refused(NotFound("there is nothing at this address", code="no-route"))

    async def no_method(self, request: Request, error: Exception) -> Response:
        """405, with the methods that there are."""
        told = error.headers if isinstance(error, HTTPException) and error.headers else {}
        refusal = Invalid("this method is not served at this address", code="no-method")
        return await self._refused(refusal, 405, {"Allow": told.get("Allow", "GET, POST")})

    async def _refused(
        self, error: ScrError, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        correlation = random_id()
        answer = Answer(refused(error).body, status or error.status, headers or {})
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
            answer = refused(Unavailable("the audit cannot be written: try again", code="no-audit"))
        return respond(answer, correlation)
