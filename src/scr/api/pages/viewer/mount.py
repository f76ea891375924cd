"""The pages that show a record, put on an application: the viewer, and the person's own."""

from __future__ import annotations

from fastapi import FastAPI

from scr.api.access.visits import Visits
from scr.api.fhir.claims import ClaimRoutes
from scr.api.fhir.opened import Opener
from scr.api.fhir.operations.summary import Documents
from scr.api.fhir.reconciled import Reconciler
from scr.api.pages.record.shown import RecordPages
from scr.api.pages.record.site import My
from scr.api.pages.sheet.making import Shower
from scr.api.pages.sheet.opening import Opening
from scr.api.pages.viewer.find import FindPages
from scr.api.pages.viewer.looking import Looking
from scr.api.pages.viewer.people import PeoplePages
from scr.api.services import Services, now_ms
from scr.api.signin.sign_in import SignIn
from scr.fhir.documents.rules import load_sections
from scr.fhir.shown.plain import load_plain_words


def open_shower(services: Services, opener: Opener, reconciler: Reconciler) -> Shower:
    """What shows records of a deployment on pages."""
    opening = Opening(opener, services.broker, reconciler)
    return Shower(
        opening,
        load_plain_words(services.files),
        services.database,
        services.policy,
        services.settings.stream_seconds,
    )


def mount_viewer(
    app: FastAPI, services: Services, sign_in: SignIn, opener: Opener, shower: Shower, claims: ClaimRoutes
) -> None:
    """Put ``/viewer`` on an application."""
    looking = Looking(sign_in, services.policy, services.database, now_ms)
    base_url = services.settings.base_url
    find = FindPages(looking, opener, services.broker, claims, services.database, services.keys, base_url)
    app.include_router(find.router())
    app.include_router(PeoplePages(looking, opener, shower, services.keys).router())


def mount_record(
    app: FastAPI,
    services: Services,
    visits: Visits,
    opener: Opener,
    reconciler: Reconciler,
    shower: Shower,
) -> None:
    """Put ``/my/record`` on an application."""
    documents = Documents(
        opener,
        reconciler,
        load_sections(services.files),
        services.database,
        id_key=services.keys.id_key,
        base_url=services.settings.base_url,
    )
    app.include_router(RecordPages(My(visits), shower, documents).router())
