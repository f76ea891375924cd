"""The routes of contributions: create and update of the types that some job role writes.

They stand before the routes of a record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.fhir.conditional import version_read
from scr.api.fhir.contributions import Contributions
from scr.api.fhir.routes import parameters
from scr.api.fhir.sent import sent
from scr.api.look import Answer, Handler, Look, Looks
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.consent.policy import Policy
from scr.errors import Invalid
from scr.fhir.contributed import WRITTEN_TYPES
from scr.fhir.search import Pairs, check_format, check_pretty

Endpoint = Callable[[Request], Awaitable[Response]]
_UNASKED = ("if-none-match", "if-modified-since", "if-unmodified-since")
_MAX_CONDITION = 1_024


class ContributionRoutes:
    """Turns requests into looks."""

    def __init__(self, looks: Looks, contributions: Contributions, policy: Policy) -> None:
        self._looks = looks
        self._contributions = contributions
        self._policy = policy

    def router(self) -> Router:
        """The routes, below the FHIR base, of what the policy lets anybody write."""
        router = Router(include_in_schema=False)
        for kind in sorted(WRITTEN_TYPES):
            if self._policy.writers(kind, "c"):
                router.add_api_route(f"/{kind}", _bound(self._create, kind), methods=["POST"])
            if self._policy.writers(kind, "u"):
                router.add_api_route(f"/{kind}/{{logical}}", _bound(self._update, kind), methods=["PUT"])
        return router

    async def _create(self, request: Request, kind: str) -> Response:
        """create, and conditional create."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _plain(request, "if-match")
            resource = sent(request, await read_body(request))
            return await self._contributions.create(look, actor, kind, resource, _condition(request))

        return await self._serve(request, "create", kind, Interaction.CREATE, handle)

    async def _update(self, request: Request, kind: str) -> Response:
        """update."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _plain(request, "if-none-exist")
            read, logical = version_read(request), str(request.path_params["logical"])
            resource = sent(request, await read_body(request))
            return await self._contributions.update(look, actor, kind, logical, resource, read)

        return await self._serve(request, "update", kind, Interaction.UPDATE, handle)

    async def _serve(
        self, request: Request, action: str, kind: str, interaction: Interaction, handler: Handler
    ) -> Response:
        return await self._looks.serve(
            request,
            action=action,
            what=kind,
            interaction=interaction,
            handler=handler,
            admit=partial(self._contributions.admit, kind),
        )


def _bound(serve: Callable[[Request, str], Awaitable[Response]], kind: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await serve(request, kind)

    return endpoint


def _condition(request: Request) -> Pairs | None:
    """The parameters of ``If-None-Exist``."""
    told = request.headers.get("if-none-exist")
    if told is None:
        return None
    if len(told) > _MAX_CONDITION:
        raise Invalid("is too long", code="query-too-long", where="If-None-Exist")
    return parameters(told.strip().removeprefix("?"))


def _plain(request: Request, other: str) -> None:
    """A write with conditions that are not looked at would be another than was meant."""
    for name in (*_UNASKED, other):
        if name in request.headers:
            raise Invalid("is not a condition of this write", code="not-supported", where=name)
    for name, value in parameters(request.url.query, only=frozenset({"_format", "_pretty"})):
        (check_format if name == "_format" else check_pretty)(value)
