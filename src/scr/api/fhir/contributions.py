"""Contributions: what is written here onto one person's record, by the rules by which it is read.

Who may is for the policy: job role and scope give the type, everything else is as for a look at the
record, and what somebody writes must be something that they may see. Author and source come from the
token. It is found under its heading like all that the organisation's systems have sent, version by
version; what was a mistake becomes ``entered-in-error`` and is deleted by nobody.
https://hl7.org/fhir/R4/http.html#create, #ccreate, #update, #concurrency
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from scr.api.fhir.opened import Admitted, Opened, Opener
from scr.api.fhir.versions import tags_of
from scr.api.look import Answer, Look, written
from scr.consent.actor import Actor
from scr.consent.decide import AccessRequest, Decision, Interaction, Reason, decide_actor
from scr.consent.policy import Policy
from scr.consent.scopes import reached
from scr.errors import Forbidden, Invalid, NotFound, PreconditionFailed, Unprocessable
from scr.fhir.contributed import MARK, Author, authored, check_shape, patient_of, references_beside
from scr.fhir.entry import Entry, Resource, pack, versioned_by_content
from scr.fhir.identifiers import OdsCode
from scr.fhir.one_person import only_about
from scr.fhir.search import Pairs, Search, parse_search
from scr.mapping.meaning import Step
from scr.mapping.provider import Provider
from scr.store import contributions as store
from scr.store.contributions import Kept
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id
from scr.store.people import Person


@dataclass(frozen=True, slots=True)
class Desk:
    """What contributions are kept with: ``steps`` add codings and labels, as to all that comes in."""

    database: Database
    keys: KeyRing
    policy: Policy
    providers: Mapping[OdsCode, Provider]
    steps: Sequence[Step]
    base_url: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A contribution on its way: what is to be kept, on whose record, decided by what."""

    admitted: Admitted
    person: Person
    entry: Entry


class Contributions:
    """The writing interactions on the types of ``scr.fhir.contributed``."""

    def __init__(self, opener: Opener, desk: Desk) -> None:
        self._opener = opener
        self._desk = desk

    def admit(self, kind: str, request: AccessRequest, policy: Policy, now: datetime) -> Decision:
        """Whether the actor may write resources of a type to anybody's record at all."""
        decision = decide_actor(request, policy, now)
        if not decision.permit:
            return decision
        letter, role = request.interaction.value, policy.roles.get(request.actor.role or "")
        granted = reached(request.actor.scopes)
        if role is None or (kind, letter) not in role.writes:
            reason = Reason("not-writing", "The job role may not write this resource type.")
        elif not granted & {(kind, letter), ("*", letter)}:
            reason = Reason("scope", "The token's scopes do not grant this interaction.")
        else:
            return decision
        return Decision(False, (reason,), policy.hash)

    async def create(
        self, look: Look, actor: Actor, kind: str, resource: Resource, unless: Pairs | None = None
    ) -> Answer:
        """A new contribution; the server gives the id.

        ``unless`` are the parameters of ``If-None-Exist``: where one thing that the actor may see matches
        them, that is the answer and nothing is written. Raises PreconditionFailed where several do.
        """
        check_shape(kind, resource)
        patient = patient_of(kind, resource)
        search = None if unless is None else self._search(kind, patient, unless)
        draft = await self._draft(look, actor, kind, resource, patient, MARK + random_id())
        if search is not None:
            opened = await self._opener.by_id(replace(look, interaction=Interaction.SEARCH), actor, patient)
            there = _one(search.run([one for one in opened.permitted if one.type == kind]))
            if there is not None:
                return self._answer(look, there)
        kept, new = await self._keep(look, draft, search=search)
        return self._answer(look, kept, 201 if new else 200)

    async def update(
        self, look: Look, actor: Actor, kind: str, logical: str, resource: Resource, read: str
    ) -> Answer:
        """The next version of what the actor's own organisation has contributed.

        ``read`` is the version (of the ETag) that the actor has read.
        """
        check_shape(kind, resource)
        missing = f"no {kind} with this id that was contributed here, or none that you may see"
        kept = await self._desk.database.read(lambda c: store.find(c, self._desk.keys, kind, logical))
        if kept is None:
            raise NotFound(missing)
        admitted = await self._opener.admitted_person(look, actor, kept.person.key, missing=missing)
        if not admitted.may_see(kept.entry):
            raise NotFound(missing)
        if kept.entry.source != str(actor.organisation):
            raise Forbidden("it was contributed by another organisation", code="other-organisation")
        if resource.get("id") != logical:
            raise Unprocessable("must be the id of the address", code="bad-id", where=f"{kind}.id")
        if patient_of(kind, resource) != kept.person.patient_id:
            raise Unprocessable(
                "it stays with whom it is about: mark it entered-in-error, and create another",
                code="other-person",
            )
        await self._check_read(look, actor, kept, read, missing)
        draft = await self._draft(look, actor, kind, resource, kept.person.patient_id, logical)
        entry, _ = await self._keep(look, draft, after=kept.entry.version)
        return self._answer(look, entry)

    async def _check_read(self, look: Look, actor: Actor, kept: Kept, read: str, missing: str) -> None:
        """Raises PreconditionFailed where the version that was read is not what the actor sees now."""
        reading = replace(look, interaction=Interaction.READ)
        opened = await self._opener.by_person(reading, actor, kept.person.key, missing=missing)
        shown = next((one for one in opened.permitted if one.id == kept.entry.id), None)
        if shown is None:
            raise NotFound(missing)
        # By itself it is read with what its own source has: either is what the actor may have read.
        if read not in {shown.version, versioned_by_content(kept.entry).version}:
            raise PreconditionFailed(
                "it is not as you have read it: read it again, and send If-Match with its ETag",
                code="stale-version",
            )

    async def _draft(
        self, look: Look, actor: Actor, kind: str, resource: Resource, patient: str, logical: str
    ) -> _Draft:
        """What is to be kept, after all that can be said against it without writing."""
        admitted = await self._opener.admitted(look, actor, patient)
        known, organisation = admitted.known, actor.organisation
        if organisation is None or organisation not in known.contributing:
            raise Forbidden(
                "your organisation is not a provider that is live here, so nobody would see it",
                code="not-contributing",
            )
        person = next(one for one in known.view if one.patient_id == patient)
        resources = [authored(kind, resource, logical, self._author(actor, organisation))]
        for step in self._desk.steps:
            step(resources)
        entry = pack(resources[0], source=organisation.value, now=look.now)
        if not only_about([entry], patient, {one.nhs_number for one in known.view}):
            raise Unprocessable("is about nobody but its one patient", code="other-person", where=kind)
        beside = references_beside(entry.references, frozenset({patient}))
        if beside:
            reading = replace(look, interaction=Interaction.READ)
            _check_there(await self._opener.by_id(reading, actor, patient), beside)
        _check_shown(admitted, entry)
        return _Draft(admitted, person, entry)

    async def _keep(
        self, look: Look, draft: _Draft, *, after: str = "", search: Search | None = None
    ) -> tuple[Entry, bool]:
        """Keep it with its audit row: both or neither. Also whether it is new."""
        desk, entry, person = self._desk, draft.entry, draft.person

        def work(connection: Connection) -> tuple[Entry, bool]:
            if search is not None:  # another writer may have been quicker
                theirs = store.contributed_by(connection, person, entry.type, entry.source)
                there = _one(search.run([one for one in theirs if draft.admitted.may_see(one)]))
                if there is not None:
                    return there, False
            kept = store.keep(connection, desk.keys, person, entry, desk.policy.labels, look.now, after=after)
            _check_shown(draft.admitted, kept)  # with the labels of what it belongs with
            return kept, True

        return await written(look, desk.database, desk.policy, work, lambda done: _noted(look, done[0]))

    def _search(self, kind: str, patient: str, pairs: Pairs) -> Search:
        if not pairs or any(name.partition(":")[0] in {"patient", "subject"} for name, _ in pairs):
            raise Invalid("give parameters beside the person", code="bad-query", where="If-None-Exist")
        search = parse_search(kind, [("patient", patient), *pairs], base_url=self._desk.base_url)
        if search.includes or search.shape:
            raise Invalid("give parameters that find one", code="bad-query", where="If-None-Exist")
        return search

    def _author(self, actor: Actor, organisation: OdsCode) -> Author:
        provider = self._desk.providers.get(organisation)
        role = self._desk.policy.roles.get(actor.role or "")
        return Author(
            name=actor.name,
            role=role.name.removesuffix(" Access Role") if role else "",
            organisation=organisation.value,
            organisation_name=provider.name if provider else actor.organisation_name,
        )

    def _answer(self, look: Look, entry: Entry, status: int = 200) -> Answer:
        _noted(look, entry)
        headers = tags_of(entry)
        if status == 201:
            headers["Location"] = f"{self._desk.base_url}/{entry.reference}/_history/{entry.version}"
        return Answer(entry.body, status, headers)


def _check_there(opened: Opened, references: frozenset[str]) -> None:
    """Raises Unprocessable where something is not in the record, or is not for the actor to see."""
    if references - {entry.reference for entry in opened.permitted}:
        raise Unprocessable(
            "refers to what is not in this record, or is not for you to see", code="reference-missing"
        )


def _check_shown(admitted: Admitted, entry: Entry) -> None:
    if not admitted.may_see(entry):
        raise Forbidden("what you write must be something that you may see", code="not-shown")


def _one(found: Sequence[Entry]) -> Entry | None:
    if len(found) > 1:
        raise PreconditionFailed("If-None-Exist finds several", code="several-exist")
    return found[0] if found else None


def _noted(look: Look, entry: Entry) -> None:
    look.details["contribution"] = f"{entry.reference}/_history/{entry.version}"
