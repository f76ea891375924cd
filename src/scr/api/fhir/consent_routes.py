"""The routes of Consents: those of the person's own say, and those of anybody's record for everybody else.

They stand before the routes of a record.
"""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from scr.api.desk import read_body
from scr.api.fhir.consents import Consents
from scr.api.fhir.read import Reader
from scr.api.fhir.routes import parameters, posted_query
from scr.api.fhir.search import Searcher
from scr.api.fhir.sent import sent
from scr.api.look import Answer, Handler, Look, Looks
from scr.api.prefer import is_lenient
from scr.api.routing import Router
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, Decision, Interaction, decide_actor
from scr.consent.policy import Policy
from scr.errors import Invalid
from scr.fhir.search import check_format, check_pretty
from scr.store.sharing import CONSENT

_CONDITIONAL = ("if-none-exist", "if-none-match", "if-modified-since", "if-unmodified-since")


class ConsentRoutes:
    """Turns requests into looks."""

    def __init__(self, looks: Looks, consents: Consents, reader: Reader, searcher: Searcher) -> None:
        self._looks = looks
        self._consents = consents
        self._reader = reader
        self._searcher = searcher

    def router(self) -> Router:
        """The routes, below the FHIR base."""
        router = Router()
        add = router.add_api_route
        add("/Consent", self.create, methods=["POST"], include_in_schema=False)
        add("/Consent", self.search, methods=["GET"], include_in_schema=False)
        add("/Consent/_search", self.search_by_post, methods=["POST"], include_in_schema=False)
        add("/Consent/{logical}", self.read, methods=["GET"], include_in_schema=False)
        add("/Consent/{logical}", self.update, methods=["PUT"], include_in_schema=False)
        add("/Consent/{logical}/_history", self.history, methods=["GET"], include_in_schema=False)
        add("/Consent/{logical}/_history/{version}", self.vread, methods=["GET"], include_in_schema=False)
        return router

    async def create(self, request: Request) -> Response:
        """create."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _plain(request)
            return await self._consents.create(look, actor, sent(request, await read_body(request)))

        return await self._own(request, "create", Interaction.CREATE, handle)

    async def update(self, request: Request, logical: str) -> Response:
        """update."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _plain(request)
            consent = sent(request, await read_body(request))
            return await self._consents.update(look, actor, logical, consent, request.headers.get("if-match"))

        return await self._own(request, "update", Interaction.UPDATE, handle)

    async def read(self, request: Request, logical: str) -> Response:
        """read."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _format_only(request)
            if self._consents.serves(actor):
                return await self._consents.read(look, actor, logical)
            return await self._reader.resource(look, actor, CONSENT, logical)

        return await self._either(request, "read", Interaction.READ, handle)

    async def vread(self, request: Request, logical: str, version: str) -> Response:
        """vread."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _format_only(request)
            return await self._consents.vread(look, actor, logical, version)

        return await self._own(request, "read", Interaction.READ, handle)

    async def history(self, request: Request, logical: str) -> Response:
        """history of an instance."""

        async def handle(look: Look, actor: Actor) -> Answer:
            _format_only(request)
            return await self._consents.history(look, actor, logical)

        return await self._own(request, "read", Interaction.READ, handle)

    async def search(self, request: Request) -> Response:
        """search-type."""
        return await self._search(request, request.url.query)

    async def search_by_post(self, request: Request) -> Response:
        """search-type by POST."""
        return await self._search(request, await posted_query(request))

    async def _search(self, request: Request, query: str) -> Response:
        async def handle(look: Look, actor: Actor) -> Answer:
            pairs = parameters(query)
            if self._consents.serves(actor):
                return await self._consents.search(look, actor, pairs)
            return await self._searcher.resources(look, actor, CONSENT, pairs, lenient=is_lenient(request))

        return await self._either(request, "query", Interaction.SEARCH, handle)

    async def _own(
        self, request: Request, action: str, interaction: Interaction, handler: Handler
    ) -> Response:
        """What only those do who write down people's choices."""
        return await self._looks.serve(
            request,
            action=action,
            what=CONSENT,
            interaction=interaction,
            handler=handler,
            admit=self._consents.admit,
        )

    async def _either(
        self, request: Request, action: str, interaction: Interaction, handler: Handler
    ) -> Response:
        """What others do too, with the Consents that stand in a record."""

        def admit(asked: AccessRequest, policy: Policy, now: datetime) -> Decision:
            own = self._consents.serves(asked.actor)
            return self._consents.admit(asked, policy, now) if own else decide_actor(asked, policy, now)

        return await self._looks.serve(
            request, action=action, what=CONSENT, interaction=interaction, handler=handler, admit=admit
        )


def _plain(request: Request) -> None:
    """A write with conditions that are not looked at would be another than was meant."""
    for name in _CONDITIONAL:
        if name in request.headers:
            raise Invalid(
                "conditional writes are not served, but for If-Match", code="not-supported", where=name
            )
    _format_only(request)


def _format_only(request: Request) -> None:
    for name, value in parameters(request.url.query, only=frozenset({"_format", "_pretty"})):
        (check_format if name == "_format" else check_pretty)(value)
