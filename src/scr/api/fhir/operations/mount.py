"""The operations of a deployment, put together."""

from __future__ import annotations

from fastapi import FastAPI

from scr.api.fhir.opened import Opener
from scr.api.fhir.operations.binary import BinaryRoutes
from scr.api.fhir.operations.docref import DocRef
from scr.api.fhir.operations.document import CompositionDocument
from scr.api.fhir.operations.lastn import LastN
from scr.api.fhir.operations.match import Match
from scr.api.fhir.operations.summary import Documents
from scr.api.fhir.operations.table import OperationRoutes, Run
from scr.api.fhir.operations.validate import Validate
from scr.api.fhir.read import Reader
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.search import Searcher
from scr.api.limits import Limits
from scr.api.look import Looks
from scr.api.services import Services, now_ms
from scr.fhir.documents.rules import load_sections
from scr.identity.matching import load_matching
from scr.mapping.uk_core import load_requirements
from scr.terminology.operations.searched import SearchedCodes


def mount_operations(
    app: FastAPI,
    services: Services,
    looks: Looks,
    opener: Opener,
    reconciler: Reconciler,
    reader: Reader,
    searcher: Searcher,
    codes: SearchedCodes,
) -> None:
    """Put the routes of the operations on an application, before those of a record."""
    database, id_key, base_url = services.database, services.keys.id_key, services.settings.base_url
    limits = Limits(database, services.keys, now_ms)
    rules = load_sections(services.files)
    documents = Documents(opener, reconciler, rules, database, id_key=id_key, base_url=base_url)
    runs: dict[str, Run] = {
        "summary": documents.summary,
        "record-document": documents.record,
        "document": CompositionDocument(reader, database, id_key=id_key, base_url=base_url),
        "docref": DocRef(searcher),
        "lastn": LastN(searcher),
        "match": Match(
            opener, services.policy, load_matching(services.files), limits, services.keys, base_url
        ),
        "validate": Validate(services.settings.home, load_requirements(services.files), codes),
    }
    app.include_router(OperationRoutes(looks, runs).router(), prefix="/fhir")
    app.include_router(BinaryRoutes(looks, reader).router(), prefix="/fhir")
