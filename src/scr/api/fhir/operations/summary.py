"""``Patient/[id]/$summary`` and ``Patient/$summary``: the International Patient Summary of a record.

``Patient/[id]/$record-document``: the whole of it as a document, by its headings.

https://hl7.org/fhir/uv/ips/ipsGeneration.html
"""

from __future__ import annotations

from collections.abc import Sequence

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.search import nhs_number_of
from scr.api.fhir.served import remember
from scr.api.look import Answer, Look
from scr.broker.missing import completeness
from scr.consent.actor import Actor
from scr.errors import Forbidden, Invalid
from scr.fhir.documents.bundle import Frame, document
from scr.fhir.documents.ips import PROFILE, patient_summary
from scr.fhir.documents.making import Draft, seed_of
from scr.fhir.documents.record import shared_record
from scr.fhir.documents.rules import SectionRule
from scr.fhir.entry import Resource
from scr.fhir.parameters import Asked
from scr.store.engine import Database

_FORMAT = frozenset({"_format", "_pretty"})
_PROFILES = frozenset({"", PROFILE, PROFILE.replace("Bundle", "Composition")})


class Documents:
    """Makes documents of a record."""

    def __init__(
        self,
        opener: Opener,
        reconciler: Reconciler,
        rules: Sequence[SectionRule],
        database: Database,
        *,
        id_key: bytes,
        base_url: str,
    ) -> None:
        self._opener = opener
        self._reconciler = reconciler
        self._rules = rules
        self._database = database
        self._id_key = id_key
        self._base_url = base_url

    async def summary(self, look: Look, actor: Actor, asked: Asked, patient_id: str) -> Answer:
        """The summary of the person with this Patient, or with the NHS Number in ``identifier``."""
        known = _FORMAT | {"profile"} | (frozenset() if patient_id else {"identifier"})
        asked = asked.only("summary", known)
        if asked.text("profile").partition("|")[0] not in _PROFILES:
            raise Invalid(f"the profile that is made here is {PROFILE}", code="bad-profile", where="profile")
        if patient_id:
            opened = await self._opener.by_id(look, actor, patient_id)
        else:
            number = nhs_number_of(asked.text("identifier"))
            opened = await self._opener.by_number(look, actor, number)
        opened, draft = await self._drafted(look, opened, "summary")
        told = completeness(opened.ledger, opened.permitted)
        made = patient_summary(draft, self._rules, opened.permitted, told, opened.ledger.resource())
        return await self._answer(look, opened, draft, made)

    async def record(self, look: Look, actor: Actor, asked: Asked, patient_id: str) -> Answer:
        """The record by its headings."""
        asked.only("record-document", _FORMAT)
        opened = await self._opener.by_id(look, actor, patient_id)
        opened, draft = await self._drafted(look, opened, "record")
        told = completeness(opened.ledger, opened.permitted)
        made = shared_record(draft, opened.permitted, told, opened.ledger.resource())
        return await self._answer(look, opened, draft, made)

    async def _drafted(self, look: Look, opened: Opened, name: str) -> tuple[Opened, Draft]:
        if not any(entry.id == opened.subject for entry in opened.permitted):
            raise Forbidden("a document says whom it is about: access to Patient is needed", code="scope")
        opened = await self._reconciler.add(opened, look.now)
        states = completeness(opened.ledger, opened.permitted).states
        seed = seed_of(self._id_key, name, opened.subject, opened.permitted, states)
        return opened, Draft(opened.subject, seed, look.now)

    async def _answer(self, look: Look, opened: Opened, draft: Draft, composition: Resource) -> Answer:
        frame = Frame(self._base_url, look.correlation, draft.uuid("document"), look.now)
        body, entries = document(frame, [composition, *draft.made], opened.permitted)
        await remember(self._database, opened, entries)
        return Answer(body, headers={"X-SCR-Ledger": opened.ledger.summary()})
