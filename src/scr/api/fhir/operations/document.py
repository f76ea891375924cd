"""``Composition/[id]/$document``: a composition with all that it leads to, as a document.

A source's own, or the contents of the record. https://hl7.org/fhir/R4/composition-operation-document.html
"""

from __future__ import annotations

from scr.api.fhir.read import Reader
from scr.api.fhir.served import remember
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import Invalid
from scr.fhir.documents.bundle import Frame, document
from scr.fhir.documents.making import Draft, seed_of
from scr.fhir.parameters import Asked
from scr.store.engine import Database

_KNOWN = frozenset({"persist", "_format", "_pretty"})


class CompositionDocument:
    """Answers with the document of a composition."""

    def __init__(self, reader: Reader, database: Database, *, id_key: bytes, base_url: str) -> None:
        self._reader = reader
        self._database = database
        self._id_key = id_key
        self._base_url = base_url

    async def __call__(self, look: Look, actor: Actor, asked: Asked, logical: str) -> Answer:
        """The document. Raises NotFound as a read does."""
        if asked.only("document", _KNOWN).truth("persist"):
            raise Invalid(
                "documents are made anew each time, and not kept", code="no-persist", where="persist"
            )
        opened, entry = await self._reader.found(look, actor, "Composition", logical)
        seed = seed_of(self._id_key, "composition", opened.subject, [entry], {})
        name = Draft(opened.subject, seed, look.now).uuid("document")
        frame = Frame(self._base_url, look.correlation, name, look.now)
        body, entries = document(frame, [entry], opened.permitted)
        await remember(self._database, opened, entries)
        return Answer(body, headers={"X-SCR-Ledger": opened.ledger.summary()})
