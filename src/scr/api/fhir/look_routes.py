"""The routes of an answer that comes in parts, of one that is made later, and of what is new."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from scr.api.answering import open_carrier
from scr.api.fhir.jobs import Jobs, LaterSearcher
from scr.api.fhir.last_look import SINCE_LAST_LOOK, SinceLastLook, note_look
from scr.api.fhir.makers import open_maker
from scr.api.fhir.opened import Opener
from scr.api.fhir.operations.table import asked_in
from scr.api.fhir.pages import Pages
from scr.api.fhir.questions import Still
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.routes import FhirRoutes, parameters
from scr.api.fhir.search import Searcher
from scr.api.fhir.streamed import Streamer, asked_stream
from scr.api.look import Answer, Handler, Look, Looks
from scr.api.routing import Router
from scr.api.services import Services
from scr.consent.actor import Actor
from scr.consent.decide import Interaction
from scr.errors import Invalid
from scr.fhir.search import Codes, Pairs


@dataclass(frozen=True, slots=True)
class Looking:
    """The ways to look at a record that stand around the searches."""

    looks: Looks
    jobs: Jobs
    streamer: Streamer
    since: SinceLastLook


class LookRoutes:
    """Turns requests into looks. They stand before those of a record (``fhir``), which answer the rest."""

    def __init__(self, looking: Looking, fhir: FhirRoutes) -> None:
        self._looks = looking.looks
        self._jobs = looking.jobs
        self._streamer = looking.streamer
        self._since = looking.since
        self._fhir = fhir

    def router(self) -> Router:
        """The routes, below the FHIR base."""
        router = Router(include_in_schema=False)
        add = router.add_api_route
        add("/Patient/{logical}/$everything", self.everything, methods=["GET", "POST"])
        add(f"/Patient/{{logical}}/${SINCE_LAST_LOOK}", self.since, methods=["GET"])
        add("/$job/{job}", self.status, methods=["GET"])
        add("/$job/{job}", self.cancel, methods=["DELETE"])
        return router

    async def everything(self, request: Request, logical: str) -> Response:
        """Patient/[id]/$everything, as a stream where one is asked for."""
        media_type = asked_stream(request)
        if media_type is None:
            return await self._fhir.everything(request, logical, pairs_of)

        async def handle(look: Look, actor: Actor) -> Answer:
            self._fhir.check("Patient", logical)
            pairs = await pairs_of(request)
            return await self._streamer.everything(look, actor, logical, pairs, media_type)

        return await self._looks.serve(
            request,
            action="query",
            what="Patient/$everything",
            interaction=Interaction.READ,
            handler=handle,
            formats=asked_stream,
        )

    async def since(self, request: Request, logical: str) -> Response:
        """Patient/[id]/$since-last-look."""

        async def handle(look: Look, actor: Actor) -> Answer:
            self._fhir.check("Patient", logical)
            return await self._since.answer(look, actor, logical, parameters(request.url.query))

        return await self._looks.serve(
            request,
            action="query",
            what=f"Patient/${SINCE_LAST_LOOK}",
            interaction=Interaction.READ,
            handler=handle,
        )

    async def status(self, request: Request, job: str) -> Response:
        """How far an answer is that is made later, or the answer."""

        async def handle(look: Look, actor: Actor) -> Answer:
            return await self._jobs.status(look, actor, job)

        return await self._job(request, "query", handle)

    async def cancel(self, request: Request, job: str) -> Response:
        """Make it no further."""

        async def handle(look: Look, actor: Actor) -> Answer:
            return await self._jobs.cancel(look, actor, job)

        return await self._job(request, "delete", handle)

    async def _job(self, request: Request, action: str, handle: Handler) -> Response:
        return await self._looks.serve(
            request,
            action=action,
            what="job",
            interaction=Interaction.SEARCH,
            handler=handle,
        )


async def pairs_of(request: Request) -> Pairs:
    """What ``$everything`` is asked with, in the address or in Parameters. Raises Invalid for more."""
    asked = await asked_in(request)
    if asked.resources or asked.whole is not None:
        raise Invalid("send Parameters with plain values, or nothing", code="bad-parameters")
    return asked.pairs


def open_looking(
    services: Services,
    looks: Looks,
    opener: Opener,
    reconciler: Reconciler,
    pages: Pages,
    codes: Codes,
    still: Still,
) -> tuple[Searcher, Looking]:
    """The searches of a deployment, and what stands around them."""
    settings, database, keys = services.settings, services.database, services.keys
    base_url = settings.base_url
    maker = open_maker(services, reconciler, pages, codes, still)
    jobs = Jobs(maker, open_carrier(services, lambda: maker), base_url)
    noting = partial(note_look, keys)
    searcher = LaterSearcher(jobs, opener, reconciler, pages, base_url, codes, noting)
    streamer = Streamer(opener, reconciler, database, keys, base_url, settings.stream_seconds)
    return searcher, Looking(looks, jobs, streamer, SinceLastLook(opener, pages, database, keys))


def mount_looking(app: FastAPI, looking: Looking, fhir: FhirRoutes) -> None:
    """Put the routes on an application, before those of a record."""
    app.state.jobs = looking.jobs
    app.include_router(LookRoutes(looking, fhir).router(), prefix="/fhir")
