"""The HTTP of the authorisation server, below the FHIR base.

Answers are JSON as RFC 6749, 5.1 and 5.2 have it, and none is kept by any cache. Every call that is about a
token is in the audit, a refused one too, before its answer leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.look import Clock
from scr.api.oauth.endpoints import Form
from scr.api.oauth.refusal import told_as
from scr.api.oauth.server import GRANTS, AuthorisationServer
from scr.api.oauth.smart import configuration
from scr.api.routing import Router
from scr.api.signin.person import Population
from scr.errors import Fault, Invalid, ScrError, Unauthenticated, Unavailable
from scr.store.clients import Client
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append

_FORM = "application/x-www-form-urlencoded"
_log = structlog.get_logger("scr.api.oauth")

Work = Callable[[Client, Form, dict[str, str]], Awaitable[dict[str, object] | None]]
"""Answers a client's form; what it puts into the dictionary stands in the audit."""


@dataclass(frozen=True, slots=True)
class OAuthRoutes:
    """``/auth`` and what tells of it. ``people``: the populations that can sign in here, to let apps."""

    server: AuthorisationServer
    database: Database
    now: Clock
    people: Collection[Population] = ()

    def router(self) -> Router:
        """The routes, below the FHIR base and before those of resource types."""
        router = Router(include_in_schema=False)
        add = router.add_api_route
        add("/.well-known/smart-configuration", self.configuration, methods=["GET"])
        add("/auth/.well-known/openid-configuration", self.configuration, methods=["GET"])
        add("/auth/jwks", self.jwks, methods=["GET"])
        add("/auth/token", self.token, methods=["POST"])
        add("/auth/introspect", self.introspect, methods=["POST"])
        add("/auth/revoke", self.revoke, methods=["POST"])
        if self.people:
            add("/auth/launch", self.launch, methods=["POST"])
        return router

    async def configuration(self, _request: Request) -> Response:
        """What there is, and where: public."""
        return _json(configuration(self.server.endpoints, self.people))

    async def jwks(self, _request: Request) -> Response:
        """The public keys."""
        return _json(self.server.signing.public())

    async def token(self, request: Request) -> Response:
        """A token for a system, or for an app that somebody has let."""

        async def work(client: Client, form: Form, note: dict[str, str]) -> dict[str, object]:
            note["by"] = form.get("grant_type", "") if form.get("grant_type") in GRANTS else "unknown"
            issued = await self.server.token(client, form)
            if issued.grant:
                note["grant"] = issued.grant
            return issued.answer

        return await self._serve(request, "token", work)

    async def introspect(self, request: Request) -> Response:
        """What a token is."""

        async def work(client: Client, form: Form, _note: dict[str, str]) -> dict[str, object]:
            return await self.server.introspect(client, form)

        return await self._serve(request, "introspection", work)

    async def revoke(self, request: Request) -> Response:
        """Take a token back."""

        async def work(client: Client, form: Form, _note: dict[str, str]) -> None:
            await self.server.revoke(client, form)

        return await self._serve(request, "revocation", work)

    async def launch(self, request: Request) -> Response:
        """A handle with which a clinician's system opens an app for one patient."""

        async def work(client: Client, form: Form, note: dict[str, str]) -> dict[str, object]:
            answer = await self.server.launching.launch(client, form)
            note |= {"app": form["app"], "patient": form["patient"]}
            return answer

        return await self._serve(request, "launch", work)

    async def _serve(self, request: Request, what: str, work: Work) -> Response:
        correlation, note = random_id(), dict[str, str]()
        client: Client | None = None
        error: ScrError | None = None
        answer: dict[str, object] | None = None
        try:
            form = await _form(request)
            client = await self.server.client_of(form)
            answer = await work(client, form, note)
        except ScrError as failed:
            error = failed
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no detail of a failure goes out
            _log.error("fault", kind=type(failed).__name__, what=what, correlation=correlation)
            error = Fault(f"something went wrong here; quote {correlation} when you report it")
        row = self._row(client, error, what, correlation, note)
        try:
            await self.database.write(lambda connection: append(connection, row))
        except ScrError:
            error = Unavailable("the audit cannot be written, so nothing is given", code="no-audit")
        response = _json(answer) if error is None else _refused(error)
        response.headers["X-Correlation-ID"] = correlation
        return response

    def _row(
        self,
        client: Client | None,
        error: ScrError | None,
        what: str,
        correlation: str,
        note: dict[str, str],
    ) -> AuditRow:
        return AuditRow(
            at=self.now(),
            actor=f"{self.server.endpoints.issuer}|{client.id}" if client else "",
            actor_name=client.name if client else "",
            organisation=str(client.organisation) if client else "",
            action="execute",
            what=what,
            outcome="success" if error is None else "refused" if error.status < 500 else "failed",
            code=error.code if error else "",
            correlation=correlation,
            details=note,
        )


async def _form(request: Request) -> Form:
    """The form of a call. Raises Invalid ``invalid_request``: each name stands once (RFC 6749, 3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Invalid(f"the call has to be a form ({_FORM})", code="invalid_request")
    if request.headers.getlist("authorization"):
        raise Unauthenticated("a client proves who it is by its assertion alone", code="two-credentials")
    if request.url.query:
        raise Invalid("nothing of the call may stand in its address", code="invalid_request")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=30, errors="strict")
    except ValueError:
        raise Invalid("the form cannot be read", code="invalid_request") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Invalid("a name stands twice in the form", code="invalid_request")
    if "client_secret" in form:
        raise Unauthenticated("a client proves who it is by its assertion alone", code="two-credentials")
    return form


def _refused(error: ScrError) -> Response:
    """RFC 6749, 5.2: a code of theirs, and the sentence."""
    return _json({"error": told_as(error), "error_description": error.message}, error.status)


def _json(content: dict[str, object] | None, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}
    body = b"" if content is None else orjson.dumps(content)
    return Response(body, status, headers=headers, media_type="application/json")
