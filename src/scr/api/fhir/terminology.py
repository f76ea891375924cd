"""The terminology operations on the endpoint, and the CodeSystems, ValueSets and ConceptMaps to be read.

https://hl7.org/fhir/R4/terminology-service.html. Terminology is about nobody: any token of a trusted
issuer opens it, whatever its role; no consent is decided, no query is logged, and the audit is told of
what was refused alone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import TokenVerifier, authorization_of
from scr.api.formats import asked_format
from scr.api.look import Answer, Clock, refused, respond
from scr.api.reading import read_body
from scr.api.routing import Router
from scr.errors import Fault, Invalid, NotFound, ScrError, TooLarge, Unavailable
from scr.fhir.entry import Resource
from scr.fhir.search import check_format, once, parse_count
from scr.sources.terminology import TerminologyService
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.trail import AuditRow, append
from scr.terminology.operations import shelf
from scr.terminology.operations.question import OPERATIONS, from_pairs, from_parameters
from scr.terminology.operations.shelf import KINDS, Kind

_MAX_QUERY = 16_384
_MAX_BODY = 1024 * 1024
_SEARCHED = frozenset({"url", "name", "version", "_id"})
_DEFINITIONS = "http://hl7.org/fhir/OperationDefinition/"
_log = structlog.get_logger("scr.api")


class TerminologyRoutes:
    """Turns requests into questions."""

    def __init__(
        self,
        verifier: TokenVerifier,
        service: TerminologyService,
        base_url: str,
        database: Database,
        clock: Clock,
    ) -> None:
        self._verifier = verifier
        self._service = service
        self._base_url = base_url
        self._database = database
        self._clock = clock

    def router(self) -> Router:
        """The routes, below the FHIR base; they stand before those of a record."""
        router = Router()
        for operation in OPERATIONS:
            router.add_api_route(
                f"/{operation}", self._operation(operation), methods=["GET", "POST"], include_in_schema=False
            )
        for kind in KINDS:
            router.add_api_route(f"/{kind}", self._search(kind), methods=["GET"], include_in_schema=False)
            router.add_api_route(
                f"/{kind}/{{logical}}", self._read(kind), methods=["GET"], include_in_schema=False
            )
        return router

    def _operation(self, operation: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            async def handle() -> Resource:
                pairs = _pairs(request)
                if request.method == "GET":
                    question = from_pairs(operation, pairs)
                else:
                    if any(name != "_format" for name, _ in pairs):
                        raise Invalid("the parameters of a POST stand in its body", code="bad-query")
                    question = from_parameters(operation, await _body(request))
                check_format(question.text("_format") or "json")
                return await self._service.answer(question)

            return await self._serve(request, operation, handle)

        return endpoint

    def _search(self, kind: Kind) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            async def handle() -> Resource:
                return self._found(kind, _pairs(request))

            return await self._serve(request, kind, handle)

        return endpoint

    def _read(self, kind: Kind) -> Callable[[Request, str], Awaitable[Response]]:
        async def endpoint(request: Request, logical: str) -> Response:
            async def handle() -> Resource:
                library = self._service.libraries.current()
                for title in shelf.titles(library, kind):
                    if title.id == logical and (found := shelf.opened(library, kind, title.url)) is not None:
                        return found
                raise NotFound(f"no {kind} with this id")

            return await self._serve(request, kind, handle)

        return endpoint

    def _found(self, kind: Kind, pairs: list[tuple[str, str]]) -> Resource:
        """search-type on ``url``, ``name``, ``version`` and ``_id``: each exactly."""
        wanted: dict[str, str] = {}
        count = 100
        for name, value in once(pairs, frozenset({"_count", "_format", *_SEARCHED})):
            if name == "_count":
                count = parse_count(value)
            elif name == "_format":
                check_format(value)
            elif name in _SEARCHED:
                wanted[name] = value
            else:
                known = ", ".join(sorted(_SEARCHED))
                raise Invalid(
                    f"not searched by here; known: {known}", code="unknown-parameter", where=name[:40]
                )
        library = self._service.libraries.current()
        every = [
            one
            for one in shelf.titles(library, kind)
            if all(
                value == {"url": one.url, "name": one.name, "version": one.version, "_id": one.id}[name]
                for name, value in wanted.items()
            )
        ]
        opened = [found for one in every[:count] if (found := shelf.opened(library, kind, one.url))]
        return self._bundle(kind, pairs, opened, len(every))

    def _bundle(
        self, kind: Kind, pairs: list[tuple[str, str]], found: list[Resource], total: int
    ) -> Resource:
        query = f"?{urlencode(pairs)}" if pairs else ""
        bundle: Resource = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": total,
            "link": [{"relation": "self", "url": f"{self._base_url}/{kind}{query}"}],
        }
        if found:
            bundle["entry"] = [
                {
                    "fullUrl": f"{self._base_url}/{kind}/{one['id']}",
                    "resource": one,
                    "search": {"mode": "match"},
                }
                for one in found
            ]
        return bundle

    async def _serve(
        self, request: Request, what: str, handle: Callable[[], Awaitable[Resource]]
    ) -> Response:
        started, correlation = time.perf_counter(), random_id()
        error: ScrError | None = None
        try:
            await self._verifier.actor(authorization_of(request))
            asked_format(request)
            answer = Answer(orjson.dumps(await handle()))
        except ScrError as failed:
            error, answer = failed, refused(failed)
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary: no detail of a failure goes out
            _log.error("fault", kind=type(failed).__name__, correlation=correlation, what=what)
            error = Fault(f"something went wrong here; quote {correlation} when you report it")
            answer = refused(error)
        if error is not None:
            answer = await self._audited(error, what, correlation, answer)
        _log.info(
            "terminology",
            what=what,
            status=answer.status,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            correlation=correlation,
        )
        return respond(answer, correlation, request)

    async def _audited(self, error: ScrError, what: str, correlation: str, answer: Answer) -> Answer:
        """The answer that tells of an error, once its row is written."""
        row = AuditRow(
            at=self._clock(),
            actor="",
            action="query",
            what=what,
            outcome="refused" if error.status < 500 else "failed",
            code=error.code,
            correlation=correlation,
        )
        try:
            await self._database.write(lambda connection: append(connection, row))
        except ScrError:
            return refused(Unavailable("the audit cannot be written: try again", code="no-audit"))
        return answer


def terminology_resources() -> list[Resource]:
    """What the capability statement says of these routes."""
    return [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [
                {"name": name, "type": {"url": "uri", "name": "string"}.get(name, "token")}
                for name in sorted(_SEARCHED)
            ],
            "operation": [
                {"name": name, "definition": f"{_DEFINITIONS}{kind}-{name}"}
                for owner, _, name in (operation.partition("/$") for operation in OPERATIONS)
                if owner == kind
            ],
        }
        for kind in KINDS
    ]


def _pairs(request: Request) -> list[tuple[str, str]]:
    query = request.url.query
    if len(query) > _MAX_QUERY:
        raise TooLarge(f"the query is longer than {_MAX_QUERY} characters: use POST", code="query-too-long")
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Invalid("the query string cannot be read", code="bad-query") from None


async def _body(request: Request) -> object:
    body = await read_body(request, _MAX_BODY)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Invalid("the body is not JSON: send a Parameters resource", code="bad-parameters") from None
