"""The authorisation server and the verifier of tokens, as a deployment has them."""

from __future__ import annotations

import time

import structlog
from sqlalchemy import Connection

from scr.api.auth import TokenVerifier
from scr.api.look import Looks
from scr.api.oauth.authorize import AuthorizeRoutes, SignsIn
from scr.api.oauth.routes import OAuthRoutes
from scr.api.oauth.server import AuthorisationServer
from scr.api.oauth.signing import SigningKeys
from scr.api.oauth.user import UserRoutes
from scr.api.routing import Router
from scr.api.services import Services, now_ms
from scr.api.signin.person import Population
from scr.errors import Invalid
from scr.settings import Settings
from scr.store import grants, launches, spent

PEOPLE: tuple[Population, ...] = ("staff", "citizens")
_log = structlog.get_logger("scr.api.oauth")


def open_authorisation(services: Services) -> AuthorisationServer | None:
    """The server of our own tokens; None where the deployment has no keys to sign them."""
    settings = services.settings
    signing = _signing_keys(settings)
    if signing is None:
        _log.info("no-signing-keys", told="systems are given no tokens; `scr clients rotate-key` makes keys")
        return None
    return AuthorisationServer(
        settings.base_url, signing, services.database, services.keys, services.client, time.time
    )


def check_sign_in(settings: Settings) -> None:
    """Raises Invalid where signing keys are none, or a secret is not there, before anything is served."""
    _signing_keys(settings)
    for issuer in settings.issuers:
        if issuer.introspection is not None:
            settings.secret(issuer.introspection.secret)


def _signing_keys(settings: Settings) -> SigningKeys | None:
    try:
        return SigningKeys(lambda: settings.secret(settings.signing_keys))
    except Invalid as error:
        if error.code != "no-secret":
            raise
        return None


def oauth_routers(
    services: Services, oauth: AuthorisationServer, sign_in: SignsIn, looks: Looks
) -> tuple[Router, ...]:
    """Its HTTP; what is for apps is there where somebody can sign in."""
    people: list[Population] = [each for each in PEOPLE if sign_in.offers(each)]
    database, keys = services.database, services.keys
    routes = OAuthRoutes(oauth, database, now_ms, people)
    if not people:
        return (routes.router(),)
    secure = services.settings.base_url.startswith("https://")
    authorize = AuthorizeRoutes(oauth, sign_in, database, keys, now_ms, secure=secure)
    return routes.router(), authorize.router(), UserRoutes(looks, keys).router()


def sweep_apps(connection: Connection, now: int) -> int:
    """Let go of grants and launches whose time is over; how many."""
    return grants.sweep(connection, now) + launches.sweep(connection, now)


def open_verifier(services: Services, oauth: AuthorisationServer | None) -> TokenVerifier:
    """What believes the issuers of the settings and, through the same gate, ourselves.

    Raises Invalid where an issuer needs a secret that is not there.
    """

    async def spend(issuer: str, jti: str, until: float) -> bool:
        ends = int(until * 1000) + 1
        return await services.database.write(
            lambda connection: spent.spend(connection, services.keys, "token", issuer, jti, ends)
        )

    return TokenVerifier(
        services.settings.issuers,
        services.client,
        own=None if oauth is None else oauth.trusted,
        secret=services.settings.secret,
        spend=spend,
    )
