"""Where the faces for citizens and carers are put on an application."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.proxies import Proxies
from scr.api.access.me import MeRoutes
from scr.api.access.visits import Visits
from scr.api.access.who import Door
from scr.api.auth import TokenVerifier
from scr.api.fhir.opened import Opener
from scr.api.pages.record.mount import mount_my
from scr.api.services import Services, now_ms
from scr.api.signin.sign_in import SignIn


def mount_online(
    app: FastAPI, services: Services, verifier: TokenVerifier, sign_in: SignIn, opener: Opener
) -> None:
    """The JSON API below ``/access``, and what else citizens and carers have."""
    visits = Visits(
        Door(verifier, sign_in),
        Proxies(services.database, services.keys, services.policy, now_ms),
        services.broker,
        opener,
        services.policy,
        services.database,
        now_ms,
    )
    app.include_router(MeRoutes(visits).router())
    mount_my(app, services, visits)
