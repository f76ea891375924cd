"""Where contributions, challenges and notices are put together, and on an application."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import Connection

from scr.access.contributing.rules import load_readings
from scr.access.contributing.scanning import scanner_of
from scr.api.access.challenge_desk import ANSWERING, WATCHING, Answering, ChallengeDesk
from scr.api.access.challenge_routes import ChallengeRoutes
from scr.api.access.challenging import Challenging
from scr.api.access.contributing import Adding, Kit
from scr.api.access.contribution_routes import ContributionRoutes
from scr.api.access.visits import Visits
from scr.api.access.who import Visitor
from scr.api.alerting import sends_alerts
from scr.api.auth import TokenVerifier
from scr.api.desk import Desk
from scr.api.pages.record.adding import AddingPages
from scr.api.pages.record.disputing import DisputingPages
from scr.api.pages.record.site import My
from scr.api.services import Services, now_ms
from scr.store import notices
from scr.store.notices import NoticeKind


@dataclass(frozen=True, slots=True)
class Made:
    """What the pages use as well."""

    adding: Adding
    challenging: Challenging
    answering: Answering


def mount_adding(app: FastAPI, services: Services, verifier: TokenVerifier, visits: Visits) -> Made:
    """Put the routes on an application. Raises Invalid for a scanner that cannot be read."""
    settings, sends = services.settings, sends_alerts(services.settings)

    def beside(connection: Connection, visitor: Visitor, what: str, logical: str) -> None:
        """A person is told of what somebody else does in their name."""
        if visitor.own:
            return
        details = {"by": visitor.name, "did": what, "id": logical}
        person, now = visitor.known.person, now_ms()
        notices.add(
            connection, person, NoticeKind.PROXY, f"{what}/{logical}/{now}", details, now, sends=sends
        )

    kit = Kit(
        services.database,
        services.keys,
        services.policy,
        load_readings(services.files),
        scanner_of(settings.upload_scanner),
        beside,
    )
    adding = Adding(kit)
    challenging = Challenging(visits, kit, services.providers, sends)
    answering = Answering(kit, now_ms, sends)
    desk, watchers = (
        Desk(duty, verifier, services.policy, services.database, now_ms) for duty in (ANSWERING, WATCHING)
    )
    app.include_router(ContributionRoutes(visits, adding, settings.max_upload_bytes).router())
    app.include_router(ChallengeRoutes(visits, challenging, services.database).router())
    app.include_router(ChallengeDesk(answering, desk, watchers).router())
    my = My(visits)
    app.include_router(AddingPages(my, adding, settings.max_upload_bytes).router())
    app.include_router(DisputingPages(my, challenging, services.database).router())
    return Made(adding, challenging, answering)
