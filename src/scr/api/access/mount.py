"""Where the faces for citizens and carers are put on an application."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.proxies import Proxies
from scr.api.access.adding_build import mount_adding
from scr.api.access.challenge_desk import ANSWERING, WATCHING, Answering
from scr.api.access.desk_routes import PROXIES
from scr.api.access.people_build import mount_people, recording_of
from scr.api.access.visits import Visits
from scr.api.access.who import Door
from scr.api.auth import TokenVerifier
from scr.api.desk import Desk
from scr.api.fhir.opened import Opener
from scr.api.pages.disputes import DisputePages
from scr.api.pages.proxies import ProxyPages
from scr.api.pages.record.mount import mount_my
from scr.api.pages.sessions import Sessions
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
    proving = mount_people(app, services, verifier, opener, visits, proxies)
    made = mount_adding(app, services, verifier, visits)
    mount_my(app, services, visits, proving)
    _mount_staff(app, services, verifier, sign_in, made.answering)
    return visits


def _mount_staff(
    app: FastAPI, services: Services, verifier: TokenVerifier, sign_in: SignIn, answering: Answering
) -> None:
    """The pages of staff who record who acts for whom, and who answer what people say is wrong."""
    policy, database = services.policy, services.database
    secure = services.settings.base_url.startswith("https://")
    sessions = Sessions(database, services.keys, now_ms, sign_in=sign_in)
    names = {ods.value: provider.name for ods, provider in services.providers.items()}
    desks = (Desk(duty, verifier, policy, database, now_ms) for duty in (PROXIES, ANSWERING, WATCHING))
    proxies, answerers, watchers = desks
    app.include_router(
        ProxyPages.of(proxies, recording_of(services), names, sessions, secure=secure).router()
    )
    pages = DisputePages.of(answerers, watchers, answering, names, sessions, secure=secure)
    app.include_router(pages.router())
