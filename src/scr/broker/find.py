"""Who is meant: a person, as the index knows them for one actor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from scr.broker.known import Known
from scr.consent.actor import Actor
from scr.consent.sharing import SharingRule
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.identity.index import Relationship
from scr.identity.links import links_in_force, view_of
from scr.mapping.provider import THE_PERSON
from scr.sources.held import Seen
from scr.store.beginning import (
    BY_KEY,
    BY_PATIENT_ID,
    BY_TOKEN,
    Beginning,
    begin,
    begin_by_resource,
)
from scr.store.claims import Claim, of_actor
from scr.store.driver import Statement
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.links import Link
from scr.store.locator import Located
from scr.store.onboarding import LivenessReader
from scr.store.people import Person, person_by_key
from scr.store.sharing import rules_for


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds people. ``organisations``: the type of every provider's, by ODS code; ``clock`` gives ms UTC."""

    database: Database
    keys: KeyRing
    organisations: Mapping[str, str]
    clock: Callable[[], int]
    _liveness: LivenessReader = field(default_factory=LivenessReader, init=False, repr=False)

    async def by_number(self, nhs_number: NHSNumber, actor: Actor) -> Known | None:
        """The person with the NHS Number, if the index knows one."""
        return await self._found(BY_TOKEN, index.token_of(self.keys, nhs_number), actor)

    async def by_id(self, patient_id: str, actor: Actor) -> Known | None:
        """The person whose Patient has the logical id; of linked ones, any of theirs."""
        return await self._found(BY_PATIENT_ID, patient_id, actor)

    async def by_person(self, person: str, actor: Actor) -> Known | None:
        """The person with the store's opaque key."""
        return await self._found(BY_KEY, person, actor)

    async def by_resource(self, kind: str, logical: str, actor: Actor) -> tuple[Located, Known | None] | None:
        """Where ``kind/logical`` is, if it is held or was ever served, and the person whose it is."""
        now = self.clock()
        begun = await begin_by_resource(self.database, self.keys, kind, logical, actor.subject, now)
        return None if begun.located is None else (begun.located, await self._known(begun, actor))

    async def _found(self, by: Statement, value: str, actor: Actor) -> Known | None:
        begun = await begin(self.database, self.keys, by, value, actor.subject, self.clock())
        return await self._known(begun, actor)

    async def _known(self, begun: Beginning, actor: Actor) -> Known | None:
        """Somebody as a look begins with them; who is linked, or had another number, is read once more."""
        person = begun.person
        if person is None:
            return None
        if person.view is not None or person.standing.former:
            key = person.key
            return await self.database.read(lambda conn: self._read(conn, key, actor))
        live = self._liveness.at(begun.register)
        if live is None:
            live = await self.database.read(self._liveness.read)
        heard = [
            Relationship(OdsCode(organisation), kind, OdsCode(source), since, until, seen)
            for organisation, kind, source, since, seen, until in begun.ties
        ]
        found = self._told(actor, live.open_to(actor), heard, (person,), begun.claims, begun.rules)
        return replace(found, seen=Seen(person.revision, begun.back))

    def _read(self, conn: Connection, key: str, actor: Actor) -> Known | None:
        """The same of somebody who may be linked with others, each part by itself."""
        person = person_by_key(conn, self.keys, key)
        if person is None:
            return None
        view, now = view_of(conn, self.keys, person), self.clock()
        live = self._liveness.read(conn).open_to(actor)
        heard = [one for each in view for one in index.relationships(conn, each)]
        claims = [one for each in view for one in of_actor(conn, each.key, actor.subject, now)]
        known = self._told(actor, live, heard, view, claims, rules_for(conn, view))
        links = links_in_force(conn, view)
        return replace(known, links=links, former=self._former(conn, view, links))

    def _told(
        self,
        actor: Actor,
        live: frozenset[OdsCode],
        heard: Sequence[Relationship],
        view: Sequence[Person],
        claims: Iterable[Claim],
        rules: tuple[SharingRule, ...],
    ) -> Known:
        contributing = live | {THE_PERSON.ods}
        lasting = [one for one in heard if one.until is None]
        told = [one for one in lasting if one.source in contributing]
        own = tuple(claim for claim in claims if _holds(claim, actor))
        ties = [one.tie() for one in heard if one.source in contributing] + [claim.tie() for claim in own]
        return Known(
            person=view[0],
            registered=frozenset(one.organisation for one in told if one.kind == "registration"),
            contributing=contributing,
            # An objection holds, whoever told of it.
            objections=frozenset(one.organisation for one in lasting if one.kind == "objection"),
            linked=tuple(view[1:]),
            rules=rules,
            ties=tuple(tie for tie in ties if tie is not None),
            claims=own,
            organisations=self.organisations,
            former=dict.fromkeys((each.key for each in view), frozenset()),
            by_neighbour=actor.through is not None,
        )

    def _former(
        self, conn: Connection, view: Sequence[Person], links: Sequence[Link]
    ) -> dict[str, frozenset[NHSNumber]]:
        """A number that is somebody else's again, because its link was undone, is not among them."""
        found: dict[str, frozenset[NHSNumber]] = {}
        for person in view:
            rows = (one for one in links if one.kind == "superseded" and one.retained == person.key)
            mine = {person.key, *(one.former for one in rows)}
            told = map(NHSNumber, person.standing.former)
            found[person.key] = frozenset(one for one in told if index.owner_of(conn, self.keys, one) in mine)
        return found


def _holds(claim: Claim, actor: Actor) -> bool:
    """Whether a claim holds for this very role and place: a user who selects another has claimed nothing."""
    return claim.withdrawn is None and claim.role == actor.role and claim.organisation == actor.organisation
