"""What people add to their own record, or carers to the record of whom they care for.

Through the same boundary, decision and store as everything that is written here: what somebody
adds must be of a type that the policy lets them add, and something that they may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.access.contributing.forms import ONCE
from scr.access.contributing.found import Advice, Finding, NotTaken
from scr.access.contributing.making import DOCUMENT, TYPES, Draft, document_draft, document_words, draft
from scr.access.contributing.rules import Readings
from scr.access.contributing.scanning import Scan
from scr.access.contributing.uploads import INFECTED, Taken, check_file
from scr.api.access.who import Visitor
from scr.api.look import Look, written
from scr.consent.policy import Policy
from scr.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from scr.faults import reach
from scr.fhir.attached import contents_of
from scr.fhir.contributed import MARK
from scr.fhir.dates import utc
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.identifiers import opaque_id
from scr.fhir.one_person import only_about
from scr.fhir.patient_made.adding import Added
from scr.fhir.patient_made.files import contents, document
from scr.fhir.patient_made.telling import Told, told, withdrawn
from scr.fhir.person import ADDED_SOURCE, WITHDRAWN_SOURCE
from scr.store import added as store
from scr.store.contributions import Kept, keep
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id

MISSING = "there is no contribution with this id here"
MOST = 2_000
"""Contributions of one record that are not withdrawn, at most; a tenth of them documents."""

Beside = Callable[[Connection, Visitor, str, str], None]
"""What else is written with a contribution: its visitor, what was done, and the id."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What contributions are kept with.

    No codes are translated and no labels put on by code: what people add is their own words, and vital signs.
    """

    database: Database
    keys: KeyRing
    policy: Policy
    readings: Readings
    scan: Scan | None
    beside: Beside


@dataclass(frozen=True, slots=True)
class Done:
    """What was kept, and what whoever sent it is told at once."""

    told: Told
    advice: Advice | None = None
    new: bool = True


class Adding:
    """Adds, corrects, withdraws and lists. Every method is for the handler of a visit."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    @property
    def readings(self) -> Readings:
        """The readings that are taken."""
        return self._kit.readings

    async def every(self, visitor: Visitor) -> list[Told]:
        """Everything that was added to the record, the newest first."""
        kit, people = self._kit, visitor.known.view
        found = await kit.database.read(lambda conn: store.added_to(conn, kit.keys, people))
        shown = [one for one in found if visitor.admitted.may_see(one)]
        return [one for one in map(told, shown) if one is not None]

    async def one(self, visitor: Visitor, logical: str) -> list[Told]:
        """The versions of one contribution, the newest first. Raises NotFound."""
        kept = await self._kept(visitor, logical)
        found = await self._kit.database.read(
            lambda conn: store.versions_of(conn, self._kit.keys, kept.entry.id)
        )
        return [one for one in map(told, found) if one is not None]

    async def content(self, visitor: Visitor, logical: str) -> Taken:
        """What a document holds. Raises NotFound."""
        about = told((await self._kept(visitor, logical)).entry)
        if about is None or not about.binary or about.withdrawn:
            raise NotFound(MISSING)
        found = contents_of((await self._kept(visitor, about.binary)).entry.body)
        if found is None:
            raise NotFound(MISSING)
        return Taken(found.media_type, found.data)

    async def add(
        self, look: Look, visitor: Visitor, sort: str, typed: Mapping[str, str], *, sure: bool, once: str = ""
    ) -> Done:
        """Add something. ``once`` names this very attempt: sent twice, it is added once. Raises NotTaken."""
        self._check_sort(sort)
        made = draft(sort, typed, self._kit.readings, utc(look.now), sure=sure)
        if sort in ONCE:
            await self._check_alone(visitor, sort)
        return await self._first(look, visitor, sort, made, once)

    async def add_document(
        self, look: Look, visitor: Visitor, typed: Mapping[str, str], data: bytes, *, once: str = ""
    ) -> Done:
        """Add a document or a picture. Raises NotTaken, and Unavailable where nobody could scan it."""
        document_words(typed)
        taken = await asyncio.to_thread(check_file, data)
        if isinstance(taken, Finding):
            raise NotTaken([taken])
        if self._kit.scan is not None and not await self._kit.scan(data):
            raise NotTaken([Finding("file", "infected", INFECTED)])
        logical = self._logical(visitor, DOCUMENT, once)
        binary = MARK + opaque_id(self._kit.keys.id_key, ADDED_SOURCE, "Binary", logical)
        made = document_draft(typed, taken, binary)
        inside = contents(self._added(look, visitor, binary), taken.media_type, taken.data)
        return await self._first(look, visitor, DOCUMENT, made, once, logical=logical, inside=inside)

    async def correct(
        self, look: Look, visitor: Visitor, logical: str, typed: Mapping[str, str], read: str, *, sure: bool
    ) -> Done:
        """The next version of a contribution; ``read`` is the version that was read.

        Raises NotTaken, NotFound, PreconditionFailed.
        """
        kept, before = await self._own(look, visitor, logical)
        _check_read(kept, read)
        added = self._added(look, visitor, logical)
        if before.sort == DOCUMENT:
            title, text = document_words(typed)
            inside = await self.content(visitor, logical)
            resource = document(added, title, inside.media_type, inside.data, before.binary, text=text)
            advice = None
        else:
            if before.sort == "home-reading":
                typed = {**typed, "kind": before.reading}
            made = draft(before.sort, typed, self._kit.readings, utc(look.now), sure=sure)
            resource, advice = made.make(added, True), made.advice
        [entry] = self._packed(look, visitor, [resource], ADDED_SOURCE)
        return Done(await self._keep(look, visitor, [(entry, kept.entry.version)], "corrected"), advice)

    async def withdraw(self, look: Look, visitor: Visitor, logical: str, read: str) -> Told:
        """Let a contribution be shown to nobody any more; its versions are kept. Raises as ``correct``."""
        kept, before = await self._own(look, visitor, logical)
        _check_read(kept, read)
        going = [kept]
        if before.binary:
            going.insert(0, await self._kept(visitor, before.binary))
        gone = self._packed(look, visitor, [withdrawn(one.entry) for one in going], WITHDRAWN_SOURCE)
        pairs = [(entry, one.entry.version) for entry, one in zip(gone, going, strict=True)]
        return await self._keep(look, visitor, pairs, "withdrawn")

    async def _first(
        self,
        look: Look,
        visitor: Visitor,
        sort: str,
        made: Draft,
        once: str,
        *,
        logical: str = "",
        inside: Resource | None = None,
    ) -> Done:
        logical = logical or self._logical(visitor, sort, once)
        there = await self._there(visitor, logical)
        if there is not None:
            return Done(there, made.advice, new=False)
        await self._check_room(visitor, sort)
        resources = [inside] if inside is not None else []
        resources.append(made.make(self._added(look, visitor, logical), False))
        entries = self._packed(look, visitor, resources, ADDED_SOURCE)
        kept = await self._keep(look, visitor, [(entry, "") for entry in entries], "added")
        return Done(kept, made.advice)

    async def _keep(
        self, look: Look, visitor: Visitor, entries: Sequence[tuple[Entry, str]], what: str
    ) -> Told:
        """Keep them with the audit row, each after the version that it follows; the last one is told of."""
        kit, person = self._kit, visitor.known.person

        def work(connection: Connection) -> Entry:
            for entry, after in entries:
                keep(connection, kit.keys, person, entry, kit.policy.labels, look.now, after=after)
            kit.beside(connection, visitor, what, entries[-1][0].id)
            last = store.find_added(connection, kit.keys, visitor.known.view, entries[-1][0].id)
            assert last is not None
            reach("contribution.keeping")
            return last.entry

        def note(entry: Entry) -> None:
            look.details["contribution"] = f"{entry.reference}/_history/{entry.version}"

        kept = told(await written(look, kit.database, kit.policy, work, note))
        reach("contribution.kept")
        assert kept is not None
        return kept

    def _packed(self, look: Look, visitor: Visitor, resources: list[Resource], source: str) -> list[Entry]:
        """Ready to be kept, and seen to be of this person alone and for the visitor to see."""
        entries = [pack(one, source=source, now=look.now) for one in resources]
        known = visitor.known
        if not only_about(entries, known.person.patient_id, {one.nhs_number for one in known.view}):
            raise Forbidden("it is about nobody but the person whose record it is", code="other-person")
        if not all(visitor.admitted.may_see(one) for one in entries):
            raise Forbidden("this cannot be added here by you", code="not-shown")
        return entries

    async def _own(self, look: Look, visitor: Visitor, logical: str) -> tuple[Kept, Told]:
        """A contribution that the visitor may change: a carer, what they have added themselves."""
        kept = await self._kept(visitor, logical)
        before = told(kept.entry)
        if before is None or before.withdrawn:
            raise NotFound(MISSING)
        if not visitor.own and before.adder != self._adder(visitor):
            raise Forbidden("somebody else has added it, so it is for them to change", code="other-author")
        return kept, before

    async def _kept(self, visitor: Visitor, logical: str) -> Kept:
        kit, people = self._kit, visitor.known.view
        kept = await kit.database.read(lambda conn: store.find_added(conn, kit.keys, people, logical))
        if kept is None or not visitor.admitted.may_see(kept.entry):
            raise NotFound(MISSING)
        return kept

    async def _there(self, visitor: Visitor, logical: str) -> Told | None:
        kit, people = self._kit, visitor.known.view
        kept = await kit.database.read(lambda conn: store.find_added(conn, kit.keys, people, logical))
        return None if kept is None else told(kept.entry)

    async def _check_alone(self, visitor: Visitor, sort: str) -> None:
        if any(one.sort == sort and not one.withdrawn for one in await self.every(visitor)):
            raise Conflict("there is one already: correct that", code="there-is-one")

    async def _check_room(self, visitor: Visitor, sort: str) -> None:
        held = [one for one in await self.every(visitor) if not one.withdrawn]
        documents = sum(one.sort == DOCUMENT for one in held)
        if len(held) >= MOST or (sort == DOCUMENT and documents >= MOST // 10):
            raise Conflict("the record has as many as it can hold: withdraw some first", code="full")

    def _check_sort(self, sort: str) -> None:
        if sort not in TYPES:
            raise NotFound(
                f"nothing of this sort can be added; there are: {', '.join(TYPES)}", code="no-sort"
            )

    def _logical(self, visitor: Visitor, sort: str, once: str) -> str:
        """The id of a new contribution: random, or of this very attempt of this visitor."""
        if not once:
            return MARK + random_id()
        local = f"{visitor.person}\x1f{visitor.actor.subject}\x1f{once}"
        return MARK + opaque_id(self._kit.keys.id_key, ADDED_SOURCE, sort, local)

    def _adder(self, visitor: Visitor) -> str:
        local = f"{visitor.person}\x1f{visitor.actor.subject}"
        return opaque_id(self._kit.keys.id_key, ADDED_SOURCE, "adder", local)

    def _added(self, look: Look, visitor: Visitor, logical: str) -> Added:
        name, own = visitor.name or (visitor.of if visitor.own else ""), visitor.own
        return Added(logical, visitor.patient, name, own, look.now, self._adder(visitor))


def _check_read(kept: Kept, read: str) -> None:
    if kept.entry.version != read:
        raise PreconditionFailed("it was changed since you have read it: read it again", code="stale-version")
