"""What of the FHIR endpoint writes, joins requests and tells of itself, put on an application."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI

from scr.api.fhir.audit_events import audit_resources
from scr.api.fhir.batch import Batches
from scr.api.fhir.capability import Offered, capability_statement, served_types
from scr.api.fhir.contribution_routes import ContributionRoutes
from scr.api.fhir.contributions import Contributions, Desk
from scr.api.fhir.metadata import Metadata, resources
from scr.api.fhir.opened import Opener
from scr.api.fhir.routes import FhirRoutes
from scr.api.fhir.terminology import terminology_resources
from scr.api.look import Looks
from scr.api.services import Services, now_ms
from scr.fhir.dates import instant_text
from scr.fhir.definitions import load_definitions
from scr.fhir.entry import Resource
from scr.settings import Issuer

_BATCH_DEADLINES = 3
"""How many times as long as one answer a batch may take."""


def mount_rest(
    app: FastAPI,
    services: Services,
    looks: Looks,
    opener: Opener,
    issuers: Sequence[Issuer],
    record: FhirRoutes,
) -> None:
    """Put the routes on an application, with those of a ``record``.

    What is not served at an address is told with the methods of the first route that fits it: reading.
    """
    settings, now = services.settings, now_ms()
    desk = Desk(
        services.database, services.keys, services.policy, services.providers, services.steps,
        settings.base_url,
    )  # fmt: skip
    writing = ContributionRoutes(looks, Contributions(opener, desk), services.policy)
    batches = Batches(looks, settings.base_url, settings.deadline_seconds * _BATCH_DEADLINES)
    state = _state(services, issuers, now)
    told = Metadata(load_definitions(services.files), state, settings.base_url, now)
    for router in (told.router(), record.router(), writing.router(), batches.router()):
        app.include_router(router, prefix="/fhir")


def _state(services: Services, issuers: Sequence[Issuer], now: int) -> Callable[[Offered], Resource]:
    def state(routes: Offered) -> Resource:
        return capability_statement(
            served_types(services.policy),
            tuple(issuers),
            routes,
            base_url=services.settings.base_url,
            date=instant_text(now),
            more=[*terminology_resources(), *resources(), *audit_resources()],
        )

    return state
