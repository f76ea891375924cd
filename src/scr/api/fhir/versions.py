"""vread and history of one resource. https://hl7.org/fhir/R4/http.html#vread, #history

Each version is decided on by itself, by its own labels, as it would be if it were the present one; one
that may not be seen leaves no trace, because versions are named by what they say and not counted. Of a
resource whose present version may not be seen nothing is told. What a live source has is not kept version
by version: there is the present one, and so it is with what is composed here.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import partial

from scr.api.fhir.opened import Opened
from scr.api.fhir.read import Reader
from scr.api.fhir.served import remember
from scr.api.look import Answer, Look
from scr.consent.actor import Actor
from scr.errors import NotFound
from scr.fhir.bundle import history
from scr.fhir.entry import Entry, about, versioned_by_content
from scr.fhir.person import PERSON_SOURCE
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.records import load_history


class Versions:
    """The versions of a resource."""

    def __init__(self, reader: Reader, database: Database, keys: KeyRing, base_url: str) -> None:
        self._reader = reader
        self._database = database
        self._keys = keys
        self._base_url = base_url

    async def vread(self, look: Look, actor: Actor, kind: str, logical: str, version: str) -> Answer:
        """One version, by the ETag that it had."""
        opened, versions = await self._versions(look, actor, kind, logical)
        for entry in versions:
            if entry.version == version:
                return await self.answer(opened, entry)
        raise NotFound(f"no {kind} with this id and version, or none that you may see")

    async def history(self, look: Look, actor: Actor, kind: str, logical: str, since: int | None) -> Answer:
        """Every version that may be seen, the newest first; with ``since`` (ms UTC) those from then on."""
        opened, versions = await self._versions(look, actor, kind, logical)
        shown = [entry for entry in versions if since is None or entry.last_updated >= since]
        await remember(self._database, opened, shown)
        own = f"{self._base_url}/{kind}/{logical}/_history"
        body = history(
            shown,
            bundle_id=look.correlation,
            base_url=self._base_url,
            own=own,
            now=look.now,
            first=versions[-1].version,
        )
        return Answer(body, headers={"X-SCR-Ledger": opened.ledger.summary()})

    async def answer(self, opened: Opened, entry: Entry) -> Answer:
        """A version by itself."""
        await remember(self._database, opened, [entry])
        return Answer(entry.body, headers={**tags_of(entry), "X-SCR-Ledger": opened.ledger.summary()})

    async def _find(self, kind: str, look: Look, actor: Actor, logical: str) -> tuple[Opened, Entry]:
        return await self._reader.found(look, actor, kind, logical)

    async def _versions(
        self, look: Look, actor: Actor, kind: str, logical: str
    ) -> tuple[Opened, list[Entry]]:
        """The present version and those before it, as far as the actor may see them."""
        find = self._reader.found_patient if kind == "Patient" else partial(self._find, kind)
        opened, present = await find(look, actor, logical)
        if present.source == PERSON_SOURCE or logical not in opened.record.held:
            return opened, [present]
        people = {person.key: person for person in opened.known.view}
        subject = opened.known.person.patient_id
        rows = await self._database.read(lambda conn: load_history(conn, self._keys, logical))
        found: dict[str, Entry] = {}
        for person, entry in rows:
            if person.key not in people or entry.source != present.source or entry.type != kind:
                continue  # before it was moved to whom it is about: that is told of nobody
            as_theirs = versioned_by_content(about(entry, person.patient_id, subject))
            for shown in opened.decide([as_theirs]):
                found.setdefault(shown.version, shown)
        return opened, list(found.values()) or [present]


def tags_of(entry: Entry) -> dict[str, str]:
    """The headers that name a version."""
    return {
        "ETag": f'W/"{entry.version}"',
        "Last-Modified": formatdate(entry.last_updated / 1000, usegmt=True),
    }
