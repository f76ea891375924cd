"""The operations in one table, and their routes. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.routes import parameters
from scr.api.fhir.sent import sent
from scr.api.look import Answer, Look, Looks
from scr.api.reading import read_body
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.canonical import BASE
from scr.fhir.headings import placed_types
from scr.fhir.parameters import Asked, asked_of

_MAX_BODY = 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_FHIR = "http://hl7.org/fhir/OperationDefinition"
Run = Callable[[Look, Actor, Asked, str], Awaitable[Answer]]
"""Answers one operation: what was asked, and the id of the resource that it was asked of, or nothing."""


class Operation(NamedTuple):
    """An operation on a type, or on one resource of it (``instance``), by GET and POST or by POST alone."""

    kind: str
    name: str
    definition: str
    instance: bool = False
    gets: bool = True
    interaction: Interaction = Interaction.READ

    @property
    def what(self) -> str:
        """What the audit says was asked."""
        return f"{self.kind}/${self.name}"

    @property
    def path(self) -> str:
        """The route, below the FHIR base."""
        return f"/{self.kind}/{{logical}}/${self.name}" if self.instance else f"/{self.kind}/${self.name}"


_IPS = "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"
OPERATIONS = (
    Operation("Patient", "summary", _IPS, instance=True),
    Operation("Patient", "summary", _IPS),
    Operation(
        "Patient", "record-document", f"{BASE}/OperationDefinition/Patient-record-document", instance=True
    ),
    Operation(
        "Patient",
        "match",
        f"{_FHIR}/Patient-match",
        gets=False,
        interaction=Interaction.SEARCH,
    ),
    Operation("Composition", "document", f"{_FHIR}/Composition-document", instance=True),
    Operation(
        "DocumentReference",
        "docref",
        "http://hl7.org/fhir/uv/ipa/OperationDefinition/docref",
        interaction=Interaction.SEARCH,
    ),
    Operation("Observation", "lastn", f"{_FHIR}/Observation-lastn", interaction=Interaction.SEARCH),
    *(
        Operation(kind, "validate", f"{_FHIR}/Resource-validate", gets=False)
        for kind in sorted(placed_types())
    ),
)


class OperationRoutes:
    """Turns requests into operations. ``runs`` answers each, by its name."""

    def __init__(self, looks: Looks, runs: Mapping[str, Run]) -> None:
        self._looks = looks
        self._runs = runs

    def router(self) -> Router:
        """The routes, below the FHIR base; they stand before those of a record."""
        router = Router(include_in_schema=False)
        for one in OPERATIONS:
            methods = ["GET", "POST"] if one.gets else ["POST"]
            router.add_api_route(one.path, self._endpoint(one), methods=methods)
        return router

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            async def handle(look: Look, actor: Actor) -> Answer:
                logical = str(request.path_params.get("logical", ""))
                asked = replace(await asked_in(request), kind=operation.kind)
                return await self._runs[operation.name](look, actor, asked, logical)

            return await self._looks.serve(
                request,
                action="query",
                what=operation.what,
                interaction=operation.interaction,
                handler=handle,
            )

        return endpoint


async def asked_in(request: Request) -> Asked:
    """What a request asks with. Raises Invalid, TooLarge."""
    pairs = parameters(request.url.query)
    if request.method == "GET":
        return Asked(pairs)
    body = await _body(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        return Asked([*pairs, *_form(body)])
    told = asked_of(sent(request, body)) if body else Asked()
    return Asked([*pairs, *told.pairs], told.resources, told.whole)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    except ValueError:
        raise Invalid("the form cannot be read", code="bad-query") from None


async def _body(request: Request) -> bytes:
    return await read_body(request, _MAX_BODY)
