"""The server: HTTP, MLLP, the watched folder and the MESH mailboxes in one process."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import Response

from scr.api import in_force
from scr.api.access.mount import mount_online
from scr.api.alerting import alerting, sends_alerts
from scr.api.answering import answering
from scr.api.catching_up import catching_up
from scr.api.desk import Desk
from scr.api.directory import settle
from scr.api.draining import Counting, Drain, ended_by, heeding
from scr.api.fhir.capability import served_types
from scr.api.fhir.claims import ClaimRoutes
from scr.api.fhir.consent_routes import ConsentRoutes
from scr.api.fhir.consents import Consents
from scr.api.fhir.look_routes import mount_looking, open_looking
from scr.api.fhir.makers import still_by
from scr.api.fhir.mount import mount_rest
from scr.api.fhir.opened import Opener
from scr.api.fhir.operations.mount import mount_operations
from scr.api.fhir.pages import Pages
from scr.api.fhir.read import Reader
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.routes import FhirRoutes
from scr.api.fhir.terminology import TerminologyRoutes
from scr.api.fhir.versions import Versions
from scr.api.health import Readiness, add_health
from scr.api.intake import IntakeRoutes
from scr.api.limits import Limits
from scr.api.look import Looks, refused, respond
from scr.api.misusing import judging
from scr.api.oauth.build import oauth_routers, open_authorisation, open_verifier, sweep_apps
from scr.api.onboarding import PROGRAMME, OnboardingRoutes
from scr.api.operating import operating
from scr.api.pacing import paced
from scr.api.pages.front import FrontPage
from scr.api.pages.onboarding import OnboardingPages
from scr.api.pages.review import DUTY as REVIEW
from scr.api.pages.review import ReviewPages
from scr.api.pages.sessions import Sessions, sweep_sessions
from scr.api.pages.viewer.mount import mount_record, mount_viewer, open_shower
from scr.api.reading import InTime
from scr.api.sealing import open_sealer, sealing
from scr.api.services import Services, now_ms, open_services
from scr.api.signin.build import open_sign_in, sign_in_routes
from scr.api.taking_in import listening
from scr.api.throttle import Refusals, Throttle
from scr.api.traces import Traced, open_traces
from scr.api.unserved import Unserved
from scr.api.watching import watching
from scr.broker.reconcile.rules import load_rules
from scr.errors import Fault, ScrError
from scr.settings import Settings
from scr.sources.terminology import open_terminology
from scr.sources.workflows import open_workflows
from scr.store import jobs, pulled, snapshots, spent
from scr.store import limits as attempts
from scr.store.keys import random_id
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.operations.library import Libraries
from scr.terminology.operations.searched import SearchedCodes

_log = structlog.get_logger("scr")
_SWEEP_SECONDS = 60.0
_UNTOLD: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
"""FastAPI's own telemetry tells of addresses and of what failed with its text: ours tells of neither."""


def create_app(settings: Settings, *, listen: bool = True, drain: Drain | None = None) -> FastAPI:
    """The application. ``listen``: also take in what comes over MLLP, into the watched folder and by MESH.
    ``drain`` is told when this process is to stop."""
    drain = drain or Drain()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            services = await stack.enter_async_context(open_services(settings))
            mount(app, services)
            await in_force.note(services)
            await stack.enter_async_context(housekeeping(services))
            flows = open_workflows(settings.resolved_database_url, settings.home)
            workflows = await stack.enter_async_context(flows)
            if settings.outbound:
                await stack.enter_async_context(alerting(services, workflows))
                await stack.enter_async_context(catching_up(services))
            await stack.enter_async_context(sealing(open_sealer(settings, services.database, now_ms)))
            await stack.enter_async_context(judging(services))
            await stack.enter_async_context(operating(services, drain))
            carrier = app.state.jobs.carrier
            await stack.enter_async_context(ended_by(drain, answering(carrier, workflows)))
            if listen:
                await stack.enter_async_context(ended_by(drain, listening(services, shared=drain.signalled)))
            stack.enter_context(heeding(drain, settings))
            _settle(settings)
            yield
            if app.state.traces is not None:
                await asyncio.to_thread(app.state.traces.close)

    # No redirect from one address to another: it would carry the query, and a number in it, into a link.
    app = FastAPI(
        title="scr",
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=_UNTOLD,
    )
    app.add_middleware(InTime, seconds=settings.http_seconds)
    app.add_middleware(Throttle)
    app.add_middleware(Counting, drain=drain)
    traces = open_traces(settings)
    if traces is not None:
        app.add_middleware(Traced, traces=traces)
    app.state.traces = traces
    app.state.drain = drain
    add_health(app)
    app.add_exception_handler(404, _no_route)
    app.add_exception_handler(405, _no_method)
    app.add_exception_handler(500, _fault)
    return app


def _settle(settings: Settings) -> None:
    """Where this is a worker: be ready to serve, and say so.

    What is loaded by now stays as long as the process: the garbage collector, which did not look meanwhile,
    passes over it, and looks less often at what comes. An answer of some hundred resources makes thousands of
    objects and no cycles; at its defaults the collector took a sixth of the time of a large record.
    """
    if settings.begun_file:
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        gc.enable()
        Path(settings.begun_file).touch()


def mount(app: FastAPI, services: Services) -> None:
    """Put the routes of a deployment on an application."""
    settings = services.settings
    app.state.measures = services.measures
    app.state.readiness = Readiness(services.database, settings, now_ms, app.state.drain)
    limits = Limits(services.database, services.keys, now_ms)
    app.state.refusals = Refusals(limits, settings.refusals_per_address, settings.address_header)
    app.state.unserved = Unserved(services.database, now_ms)
    sign_in = open_sign_in(services)
    app.include_router(sign_in_routes(sign_in, services).router())
    oauth = open_authorisation(services)
    trusted = settings.issuers if oauth is None else (*settings.issuers, oauth.trusted.issuer)
    verifier = open_verifier(services, oauth)
    requester = None if oauth is None else oauth.requesters.asker
    asker = paced(settings, requester, services.database, services.keys, now_ms)
    looks = Looks(verifier, services.policy, services.database, now_ms, asker)
    opener = Opener(services.broker, services.policy, recent=services.recent)
    pages = Pages(services.database, services.keys, opener, settings.base_url, settings.snapshot_seconds)
    libraries = Libraries(services.files, ConceptMaps.load(services.files), settings.home)
    reconciler = Reconciler(load_rules(services.files), services.keys.id_key, services.database)
    reader = Reader(opener, services.database, reconciler)
    codes_searched = SearchedCodes(libraries.current)
    still = still_by(verifier, oauth)
    searcher, looking = open_looking(services, looks, opener, reconciler, pages, codes_searched, still)
    consents = Consents(services.broker, services.policy, services.database, services.keys, settings.base_url)
    fhir = FhirRoutes(
        looks,
        reader,
        searcher,
        pages,
        frozenset(served_types(services.policy)),
        Versions(reader, services.database, services.keys, settings.base_url),
    )
    intake = IntakeRoutes(
        verifier, services.intake, services.providers, services.database, now_ms, settings.max_payload_bytes
    )
    terminology = open_terminology(settings, libraries, services.client, now=now_ms, clock=time.monotonic)
    if oauth is not None:
        for router in oauth_routers(services, oauth, sign_in, looks):
            app.include_router(router, prefix="/fhir")
    codes = TerminologyRoutes(verifier, terminology, settings.base_url, services.database, now_ms)
    app.include_router(codes.router(), prefix="/fhir")
    secure = settings.base_url.startswith("https://")
    sessions = Sessions(services.database, services.keys, now_ms, sign_in=sign_in)
    explaining, watchers = watching(services, verifier, sessions, secure=secure)
    app.include_router(explaining, prefix="/fhir")
    claims = ClaimRoutes(looks, services.broker, services.policy, limits, alerts=sends_alerts(settings))
    app.include_router(claims.router(), prefix="/fhir")
    app.include_router(ConsentRoutes(looks, consents, reader, searcher).router(), prefix="/fhir")
    mount_operations(app, services, looks, opener, reconciler, reader, searcher, codes_searched)
    mount_looking(app, looking, fhir)
    mount_rest(app, services, looks, opener, trusted, fhir)
    app.include_router(intake.router())
    desk = Desk(PROGRAMME, verifier, services.policy, services.database, now_ms)
    app.include_router(OnboardingRoutes(desk, services.programme).router())
    app.include_router(OnboardingPages(desk, services.programme, sessions, secure=secure).router())
    reviewers = Desk(REVIEW, verifier, services.policy, services.database, now_ms)
    review = ReviewPages(reviewers, services.review, services.providers, sessions, secure=secure)
    app.include_router(review.router())
    app.include_router(watchers)
    shower = open_shower(services, opener, reconciler)
    mount_viewer(app, services, sign_in, opener, shower, claims)
    app.include_router(FrontPage().router())
    visits = mount_online(app, services, verifier, sign_in, opener)
    mount_record(app, services, visits, opener, reconciler, shower)
    settle(app)


@asynccontextmanager
async def housekeeping(services: Services) -> AsyncIterator[None]:
    """Let go of pages, records, sessions, spent ids and apps' grants whose time is over, now and then."""

    kept_ms = round(services.settings.pulled_stale_hours * 3_600_000)

    async def sweep() -> None:
        while True:
            services.recent.sweep()
            services.readings.sweep()
            with suppress(ScrError):  # a database that is down: the next time
                await services.database.write(lambda conn: snapshots.expire(conn, now_ms()))
                await services.database.write(lambda conn: jobs.expire(conn, now_ms()))
                await services.database.write(lambda conn: spent.forget(conn, now_ms()))
                await services.database.write(lambda conn: sweep_apps(conn, now_ms()))
                await services.database.write(lambda conn: attempts.forget(conn, now_ms()))
                await services.database.write(lambda conn: pulled.sweep(conn, now_ms() - kept_ms))
                await sweep_sessions(services.database, now_ms())
            await asyncio.sleep(_SWEEP_SECONDS)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _no_route(request: Request, _error: Exception) -> Response:
    unserved: Unserved = request.app.state.unserved
    return await unserved.no_route(request)


async def _no_method(request: Request, error: Exception) -> Response:
    unserved: Unserved = request.app.state.unserved
    return await unserved.no_method(request, error)


async def _fault(_request: Request, error: Exception) -> Response:
    correlation = random_id()
    _log.error("fault", kind=type(error).__name__, correlation=correlation)
    return respond(refused(Fault(f"something went wrong here; quote {correlation}")), correlation)
