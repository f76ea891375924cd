"""Where the faces for citizens and carers are put on an application."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.proxies import Proxies
from scr.api.access.adding_build import mount_adding
from scr.api.access.people_build import mount_people
from scr.api.access.visits import Visits
from scr.api.access.who import Door
from scr.api.auth import TokenVerifier
from scr.api.fhir.opened import Opener
from scr.api.pages.record.mount import mount_my
from scr.api.services import Services, now_ms
from scr.api.signin.sign_in import SignIn


def mount_online(
    app: FastAPI, services: Services, verifier: TokenVerifier, sign_in: SignIn, opener: Opener
) -> Visits:
    """The JSON API below ``/access``, and what else citizens and carers have; the boundary of it."""
    proxies = Proxies(services.database, services.keys, services.policy, now_ms)
    visits = Visits(
        Door(verifier, sign_in),
        proxies,
        services.broker,
        opener,
        services.policy,
        services.database,
        now_ms,
    )
    mount_people(app, services, verifier, opener, visits, proxies)
    mount_adding(app, services, verifier, visits)
    mount_my(app, services, visits)
    return visits
