"""What people do about who sees their record, put together."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.proxies import Proxies
from scr.api.access.acting import Acting
from scr.api.access.desk_routes import PROXIES, QUESTIONS, DeskRoutes
from scr.api.access.look_events import LookEvents
from scr.api.access.mine import Mine
from scr.api.access.openapi import mount_openapi
from scr.api.access.people_routes import PeopleRoutes
from scr.api.access.proof_routes import ProofRoutes
from scr.api.access.proving import Proving, proving_of
from scr.api.access.record_routes import RecordRoutes
from scr.api.access.recording import Answering, Recording
from scr.api.access.visits import Visits
from scr.api.alerting import sends_alerts
from scr.api.auth import TokenVerifier
from scr.api.desk import Desk
from scr.api.fhir.opened import Opener
from scr.api.fhir.operations.summary import Documents
from scr.api.fhir.reconciled import Reconciler
from scr.api.limits import Limits
from scr.api.services import Services, now_ms
from scr.api.signin.build import own_origin
from scr.broker.reconcile.rules import load_rules
from scr.fhir.documents.rules import load_sections


def acting_of(services: Services) -> Acting:
    """Who acts for whom, of a deployment."""
    limits = Limits(services.database, services.keys, now_ms)
    sends = sends_alerts(services.settings)
    return Acting(services.database, services.keys, services.policy, limits, sends)


def recording_of(services: Services) -> Recording:
    """What staff record of accesses, of a deployment."""
    sends = sends_alerts(services.settings)
    return Recording(services.database, services.keys, services.policy, services.broker, now_ms, sends)


def mine_of(services: Services, proxies: Proxies) -> Mine:
    """Looks, questions, choices and previews, of a deployment."""
    names = {ods.value: provider.name for ods, provider in services.providers.items()}
    return Mine(services.database, services.keys, services.policy, services.broker, proxies, names)


def mount_people(
    app: FastAPI,
    services: Services,
    verifier: TokenVerifier,
    opener: Opener,
    visits: Visits,
    proxies: Proxies,
) -> Proving:
    """Their JSON API, and that of the staff who record and answer. Gives what makes proofs, for the pages."""
    database, keys, policy = services.database, services.keys, services.policy
    routes = PeopleRoutes(visits, acting_of(services), mine_of(services, proxies))
    app.include_router(routes.router())
    base_url, id_key = services.settings.base_url, keys.id_key
    reconciler = Reconciler(load_rules(services.files), id_key, database)
    sections = load_sections(services.files)
    documents = Documents(opener, reconciler, sections, database, id_key=id_key, base_url=base_url)
    app.include_router(RecordRoutes(visits, documents, base_url, own_origin(base_url)).router())
    proving = proving_of(services, routes.mine)
    app.include_router(ProofRoutes(visits, proving).router())
    app.include_router(LookEvents(visits, routes.mine, base_url, own_origin(base_url)).router())
    desk = DeskRoutes(
        Desk(PROXIES, verifier, policy, database, now_ms),
        Desk(QUESTIONS, verifier, policy, database, now_ms),
        recording_of(services),
        Answering(database, keys, policy, now_ms),
    )
    app.include_router(desk.router())
    mount_openapi(app)
    return proving
