"""The sign-in as a deployment has it."""

from __future__ import annotations

import time
from collections.abc import Callable

from scr.api.services import Services, now_ms
from scr.api.signin.kept import Keep
from scr.api.signin.metadata import Directory
from scr.api.signin.party import Party, check_upstream
from scr.api.signin.routes import SignInRoutes
from scr.api.signin.sign_in import Cookies, SignIn
from scr.settings import Settings


def open_sign_in(services: Services, clock: Callable[[], float] = time.time) -> SignIn:
    """Through the upstreams of the settings, none of them perhaps. ``clock`` gives seconds since 1970.

    Raises Invalid as ``check_upstreams``.
    """
    settings = services.settings
    check_upstreams(settings)
    parties: dict[str, Party] = {}
    for each in settings.upstreams:
        directory = Directory(each, services.client, clock)
        callback = f"{own_origin(settings.base_url)}/signin/{each.name}/callback"
        parties[each.name] = Party(each, directory, services.client, settings.secret, clock, callback)
    keep = Keep(services.database, services.keys, now_ms)
    cookies = Cookies(secure=settings.base_url.startswith("https://"))
    return SignIn(parties, keep, services.policy, cookies)


def check_upstreams(settings: Settings) -> None:
    """Raises Invalid where our key or secret for an upstream is not there, or is none."""
    for each in settings.upstreams:
        check_upstream(each, settings.secret)


def sign_in_routes(sign_in: SignIn, services: Services) -> SignInRoutes:
    """Its HTTP."""
    return SignInRoutes(sign_in, services.database, now_ms, own_origin(services.settings.base_url))


def own_origin(base_url: str) -> str:
    """Where the pages are: beside the FHIR base."""
    return base_url.removesuffix("/fhir")
