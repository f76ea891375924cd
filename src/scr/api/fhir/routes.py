"""The routes of the FHIR endpoint. https://hl7.org/fhir/R4/http.html"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from scr.api.fhir.conditional import unless_known
from scr.api.fhir.pages import Pages
from scr.api.fhir.read import Reader
from scr.api.fhir.search import Searcher
from scr.api.fhir.versions import Versions
from scr.api.look import Answer, Handler, Look, Looks
from scr.api.prefer import is_lenient
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.errors import Invalid, NotFound, TooLarge, TooSlow
from scr.fhir.dates import interval
from scr.fhir.search import READ_PARAMETERS, Pairs, check_format, check_pretty, parse_shape

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,40}\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_MAX_QUERY = 8_192
_HISTORY_PARAMETERS = frozenset({"_format", "_pretty", "_since"})


class FhirRoutes:
    """Turns requests into looks."""

    def __init__(
        self,
        looks: Looks,
        reader: Reader,
        searcher: Searcher,
        pages: Pages,
        types: frozenset[str],
        versions: Versions,
    ) -> None:
        self._looks = looks
        self._reader = reader
        self._searcher = searcher
        self._pages = pages
        self._types = types
        self._versions = versions

    def router(self) -> Router:
        """The routes, below the FHIR base."""
        router = Router()
        add = router.add_api_route
        add("", self.page, methods=["GET"], include_in_schema=False)
        add("/_search", self.search_whole_by_post, methods=["POST"], include_in_schema=False)
        add("/{kind}/_search", self.search_by_post, methods=["POST"], include_in_schema=False)
        add("/{kind}/{logical}/_history", self.history, methods=["GET"], include_in_schema=False)
        add("/{kind}/{logical}/_history/{version}", self.vread, methods=["GET"], include_in_schema=False)
        add("/{kind}/{logical}", self.read, methods=["GET"], include_in_schema=False)
        add("/{kind}", self.search, methods=["GET"], include_in_schema=False)
        return router

    async def read(self, request: Request, kind: str, logical: str) -> Response:
        """read."""

        async def handle(look: Look, actor: Actor) -> Answer:
            self.check(kind, logical)
            shape = parse_shape(kind, parameters(request.url.query, only=READ_PARAMETERS))
            if kind == "Patient":
                answer = await self._reader.patient(look, actor, logical)
            else:
                answer = await self._reader.resource(look, actor, kind, logical)
            return unless_known(request, replace(answer, body=shape.part_of(kind, answer.body)))

        return await self.serve(request, "read", kind, Interaction.READ, handle)

    async def vread(self, request: Request, kind: str, logical: str, version: str) -> Response:
        """vread."""

        async def handle(look: Look, actor: Actor) -> Answer:
            self.check(kind, logical)
            shape = parse_shape(kind, parameters(request.url.query, only=READ_PARAMETERS))
            answer = await self._versions.vread(look, actor, kind, logical, version)
            return unless_known(request, replace(answer, body=shape.part_of(kind, answer.body)))

        return await self.serve(request, "read", kind, Interaction.READ, handle)

    async def history(self, request: Request, kind: str, logical: str) -> Response:
        """history of an instance."""

        async def handle(look: Look, actor: Actor) -> Answer:
            self.check(kind, logical)
            since = since_of(parameters(request.url.query, only=_HISTORY_PARAMETERS))
            return await self._versions.history(look, actor, kind, logical, since)

        return await self.serve(request, "read", kind, Interaction.READ, handle)

    async def search(self, request: Request, kind: str) -> Response:
        """search-type."""
        return await self._search(request, kind, request.url.query)

    async def search_by_post(self, request: Request, kind: str) -> Response:
        """search-type by POST: for a number that should not stand in an address."""
        return await self._search(request, kind, await posted_query(request))

    async def everything(
        self, request: Request, logical: str, asked: Callable[[Request], Awaitable[Pairs]]
    ) -> Response:
        """Patient/[id]/$everything. ``asked`` reads its parameters."""

        async def handle(look: Look, actor: Actor) -> Answer:
            self.check("Patient", logical)
            return await self._searcher.everything(look, actor, logical, await asked(request))

        return await self.serve(request, "query", "Patient/$everything", Interaction.READ, handle)

    async def page(self, request: Request) -> Response:
        """A later page of a search, or a search on several types of one person."""
        query = request.url.query
        if "_page=" not in query:
            return await self._search_whole(request, query)

        async def handle(look: Look, actor: Actor) -> Answer:
            pairs = parameters(query)
            tokens = [value for name, value in pairs if name == "_page"]
            if len(tokens) != 1:
                raise NotFound("there is nothing here: a page has one address", code="no-route")
            if len(pairs) > 1:  # what it would narrow was narrowed when the search was made
                raise Invalid("a page is asked for by its link, as it is", code="bad-query")
            return await self._pages.next(look, actor, tokens[0])

        return await self.serve(request, "query", "page", Interaction.SEARCH, handle)

    async def search_whole_by_post(self, request: Request) -> Response:
        """search-system by POST."""
        return await self._search_whole(request, await posted_query(request))

    async def _search_whole(self, request: Request, query: str) -> Response:
        async def handle(look: Look, actor: Actor) -> Answer:
            pairs = parameters(query)
            if not pairs:
                raise NotFound("there is nothing here: a search names its person", code="no-route")
            return await self._searcher.resources(look, actor, "", pairs, lenient=is_lenient(request))

        return await self.serve(request, "query", "several", Interaction.SEARCH, handle)

    async def _search(self, request: Request, kind: str, query: str) -> Response:
        async def handle(look: Look, actor: Actor) -> Answer:
            self.check(kind)
            pairs = parameters(query)
            lenient = is_lenient(request)
            if kind == "Patient":
                return await self._searcher.patients(look, actor, pairs, lenient=lenient)
            return await self._searcher.resources(look, actor, kind, pairs, lenient=lenient)

        return await self.serve(request, "query", kind, Interaction.SEARCH, handle)

    async def serve(
        self, request: Request, action: str, kind: str, interaction: Interaction, handler: Handler
    ) -> Response:
        """Run a look on a type, by its name for the audit where it is one."""
        what = kind if _TYPE.match(kind.partition("/")[0]) or kind in {"page", "several"} else "unknown"
        return await self._looks.serve(
            request, action=action, what=what, interaction=interaction, handler=handler
        )

    def check(self, kind: str, logical: str | None = None) -> None:
        """Raises NotFound for a type that is not served, and for what is no id."""
        if kind not in self._types:
            raise NotFound("this resource type is not served here: see metadata", code="unknown-type")
        if logical is not None and not _ID.match(logical):
            raise NotFound("this is not a logical id")


def since_of(pairs: Pairs) -> int | None:
    """``_since`` of a history, ms UTC. Raises Invalid where it cannot be read, or stands twice."""
    for name, value in pairs:
        if name == "_format":
            check_format(value)
        elif name == "_pretty":
            check_pretty(value)
    told = [interval(value) for name, value in pairs if name == "_since"]
    if not told:
        return None
    if len(told) > 1 or told[0] is None:
        raise Invalid("give one FHIR instant", code="bad-date", where="_since")
    return told[0][0]


async def posted_query(request: Request) -> str:
    """The parameters of a search by POST: those of the address, then those of the body."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_QUERY:
                break
    except (ClientDisconnect, TooSlow):
        body += b"&&"  # it broke off, or never came: whatever came of it is no query, and is refused as none
    query = "&".join(part for part in (request.url.query, body.decode("utf-8", "replace")) if part)
    request.state.posted = query  # the format of the answer may be told in it
    return query


def parameters(query: str, *, only: frozenset[str] | None = None) -> Pairs:
    """The parameters as they came, in order, duplicates kept; ``only`` those that go with the interaction."""
    if len(query) > _MAX_QUERY:
        raise TooLarge(f"the query is longer than {_MAX_QUERY} characters", code="query-too-long")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Invalid("the query string cannot be read", code="bad-query") from None
    for name, _ in pairs:
        if only is not None and name not in only:
            raise Invalid(
                f"only {', '.join(sorted(only))} go with this interaction",
                code="unknown-parameter",
                where=name[:40],
            )
    return pairs
