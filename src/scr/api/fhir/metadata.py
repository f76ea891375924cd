"""capabilities, and the definitions that they name: public, and about nobody.

https://hl7.org/fhir/R4/http.html#capabilities. The statement is made of the application's own routes, when
it is first asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from scr.api.fhir.capability import Offered, offered
from scr.api.formats import asked_format
from scr.api.look import Answer, refused, respond
from scr.api.routing import Router
from scr.errors import Invalid, NotFound, ScrError
from scr.fhir.bundle import Links, searchset
from scr.fhir.definitions import TYPES, Definitions
from scr.fhir.entry import Resource, pack
from scr.fhir.person import PERSON_SOURCE
from scr.store.keys import random_id

_ASKED = frozenset({"url", "name", "_id", "_format", "_pretty"})


class Metadata:
    """What is told to everybody. ``state`` makes the capability statement of the routes that there are."""

    def __init__(
        self, definitions: Definitions, state: Callable[[Offered], Resource], base_url: str, now: int
    ) -> None:
        self._definitions = definitions
        self._state = state
        self._base_url = base_url
        self._now = now
        self._statement = b""

    def router(self) -> Router:
        """The routes, below the FHIR base; they stand before those of a record."""
        router = Router(include_in_schema=False)
        router.add_api_route("/metadata", self.metadata, methods=["GET"])
        for kind in TYPES:
            router.add_api_route(f"/{kind}", self._search(kind), methods=["GET"])
            router.add_api_route(f"/{kind}/{{logical}}", self._read(kind), methods=["GET"])
        return router

    async def metadata(self, request: Request) -> Response:
        """The capability statement."""

        def made() -> bytes:
            if not self._statement:
                self._statement = orjson.dumps(self._state(offered(request.app)))
            return self._statement

        return _told(request, made)

    def _read(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def read(request: Request) -> Response:
            def made() -> bytes:
                found = self._definitions.get((kind, request.path_params["logical"]))
                if found is None:
                    raise NotFound(f"no {kind} with this id")
                return orjson.dumps(found)

            return _told(request, made)

        return read

    def _search(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def search(request: Request) -> Response:
            def made() -> bytes:
                asked = parse_qsl(request.url.query, keep_blank_values=True)
                strange = [name for name, _ in asked if name not in _ASKED]
                if strange:
                    raise Invalid(
                        "search by url, name or _id", code="unknown-parameter", where=strange[0][:40]
                    )
                found = [
                    pack(one, source=PERSON_SOURCE, now=self._now)
                    for (its, _), one in sorted(self._definitions.items())
                    if its == kind and all(_is(one, name, value) for name, value in asked)
                ]
                links = Links(f"{self._base_url}/{kind}")
                return searchset(
                    found, bundle_id=random_id(), base_url=self._base_url, links=links, now=self._now,
                    total=len(found),
                )  # fmt: skip

            return _told(request, made)

        return search


def resources() -> list[Resource]:
    """What the capability statement says of the definitions."""
    return [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "url", "type": "uri"}, {"name": "name", "type": "string"}],
        }
        for kind in TYPES
    ]


def _is(resource: Resource, name: str, value: str) -> bool:
    wanted = {"url": "url", "name": "name", "_id": "id"}.get(name)
    return wanted is None or resource[wanted] == value


def _told(request: Request, made: Callable[[], bytes]) -> Response:
    try:
        asked_format(request)
        return respond(Answer(made()), random_id(), request)
    except ScrError as error:
        return respond(refused(error), random_id(), request)
