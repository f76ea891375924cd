"""What makes the answers that are fetched later, as a process that serves and one that only works have it."""

from __future__ import annotations

from collections.abc import Callable

from scr.api.auth import TokenVerifier
from scr.api.auth.token import Named
from scr.api.fhir.making import Kept, Maker
from scr.api.fhir.opened import Opener
from scr.api.fhir.pages import Pages
from scr.api.fhir.questions import Still
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.search import Searcher
from scr.api.oauth.build import open_authorisation, open_verifier
from scr.api.oauth.server import AuthorisationServer
from scr.api.services import Services, now_ms
from scr.broker.query import Known
from scr.broker.reconcile.rules import load_rules
from scr.consent.actor import Actor
from scr.fhir.search import Codes
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.operations.library import Libraries
from scr.terminology.operations.searched import SearchedCodes


def open_maker(services: Services, reconciler: Reconciler, pages: Pages, codes: Codes, still: Still) -> Maker:
    """What makes them."""
    settings = services.settings
    patient = services.broker.waiting(settings.async_seconds)

    def searcher_for(kept: Kept, hear: Callable[[Known], None] | None) -> Searcher:
        opener = Opener(patient, services.policy, recent=services.recent, on_admitted=hear)
        return Searcher(opener, reconciler, kept, settings.base_url, codes)

    return Maker(
        services.database,
        services.keys,
        services.policy,
        pages,
        searcher_for,
        still,
        now_ms,
        settings.snapshot_seconds * 1000,
    )


def still_by(verifier: TokenVerifier, oauth: AuthorisationServer | None) -> Still:
    """Whether who has asked may ask yet: by their token, and by the neighbour that asked for them."""

    async def still(token: Named, actor: Actor) -> None:
        await verifier.still(token)
        if oauth is not None:
            await oauth.requesters.still(actor)

    return still


def open_maker_alone(services: Services) -> Maker:
    """The same, with all that it takes: in a process that serves nothing."""
    settings = services.settings
    oauth = open_authorisation(services)
    reconciler = Reconciler(load_rules(services.files), services.keys.id_key, services.database)
    opener = Opener(services.broker, services.policy, recent=services.recent)
    pages = Pages(services.database, services.keys, opener, settings.base_url, settings.snapshot_seconds)
    libraries = Libraries(services.files, ConceptMaps.load(services.files), settings.home)
    still = still_by(open_verifier(services, oauth), oauth)
    return open_maker(services, reconciler, pages, SearchedCodes(libraries.current), still)
