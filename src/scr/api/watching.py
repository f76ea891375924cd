"""What is there for whoever watches over privacy, and for whoever asks why a look of theirs was refused."""

from __future__ import annotations

from scr.api.access.recording import Answering
from scr.api.auth import TokenVerifier
from scr.api.desk import Desk
from scr.api.explaining import Explainer
from scr.api.fhir.audit_events import AuditEvents
from scr.api.fhir.explain import ExplainRoutes
from scr.api.misuse import MisuseRoutes
from scr.api.pages import privacy, why
from scr.api.pages.sessions import Sessions
from scr.api.routing import Router
from scr.api.services import Services, now_ms
from scr.identity.misuse.worklist import Worklist
from scr.identity.oversight import Oversight


def watching(
    services: Services, verifier: TokenVerifier, sessions: Sessions, *, secure: bool
) -> tuple[Router, Router]:
    """What is below the FHIR base; and the pages."""
    policy, database = services.policy, services.database
    watchers = Desk(privacy.DUTY, verifier, policy, database, now_ms)
    anybody = Desk(why.DUTY, verifier, policy, database, now_ms)
    explainer = Explainer(services.broker, policy, database, now_ms)
    oversight = Oversight(database, services.keys, now_ms)
    pages = Router()
    answering = Answering(database, services.keys, policy, now_ms)
    worklist = Worklist(database, services.keys, now_ms)
    officers = privacy.PrivacyPages(
        watchers, oversight, explainer, answering, sessions, (worklist, policy.misuse), secure=secure
    )
    pages.include_router(officers.router())
    pages.include_router(MisuseRoutes(watchers, worklist).router())
    pages.include_router(why.WhyPages(anybody, explainer, sessions, secure=secure).router())
    operations = ExplainRoutes(watchers, explainer).router()
    events = AuditEvents(watchers, database, services.keys, services.settings.base_url)
    operations.include_router(events.router())
    return operations, pages
