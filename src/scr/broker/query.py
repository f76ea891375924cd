"""The broker: one question about one person, from the index to the assembled record."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from scr.broker.assemble import Record, assemble, compose_patient
from scr.broker.gather import OnHeld, OnResult
from scr.broker.linked import gather_linked
from scr.broker.locate import Plan, locate, without_neighbours
from scr.consent.actor import Actor
from scr.consent.breakglass import BrokenGlass
from scr.consent.decide import AccessRequest, Interaction
from scr.consent.sharing import SharingRule
from scr.consent.ties import Tie
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import Former, replacing
from scr.fhir.standing import joined
from scr.identity import index
from scr.identity.links import links_in_force, view_of
from scr.identity.pds.refresh import Refresh
from scr.mapping.provider import Provider
from scr.sources.held import HeldSources
from scr.sources.protocol import IN_CARE, WRONG_PERSON, Errand, Question, Source
from scr.store.claims import Claim, of_actor
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.links import Link
from scr.store.onboarding import LivenessReader
from scr.store.people import Person, person_by_key
from scr.store.sharing import rules_for

_ASIDE_SHARE = 0.05
_ASIDE_SECONDS = 0.2
"""What of a question's time is set aside, after its sources, for putting the answer together."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person as the index knows them for one actor, and the organisations that have to do with them now.

    ``objections`` are the organisations whose knowledge the person does not want shared. ``contributing``
    are the providers that are live, for everybody or for this actor as a tester: whatever another one told,
    a relationship too, is not there. ``linked`` are the persons who are read as one with this one, whom the
    record is retained for, and ``links`` what joins them: ties, objections and what each has said
    of sharing (``rules``) are those of all. ``ties`` are why organisations have to do with the person, over
    or not, and ``claims`` what this actor, in this role, has claimed and nobody withdrew. ``organisations``
    are the types of all providers, by ODS code. ``former`` are the numbers that gave way to those of each
    person, by opaque key. ``by_neighbour``: a neighbouring record asks, for the actor.
    """

    person: Person
    registered: frozenset[OdsCode]
    contributing: frozenset[OdsCode]
    objections: frozenset[OdsCode] = frozenset()
    linked: tuple[Person, ...] = ()
    links: tuple[Link, ...] = ()
    rules: tuple[SharingRule, ...] = ()
    ties: tuple[Tie, ...] = ()
    claims: tuple[Claim, ...] = ()
    organisations: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: Mapping[str, frozenset[NHSNumber]] = field(default_factory=dict, repr=False)
    by_neighbour: bool = False

    @property
    def glass(self) -> BrokenGlass | None:
        """The glass that the actor has broken for this person, the one that is open longest."""
        broken = [found for claim in self.claims if (found := claim.glass()) is not None]
        return max(broken, key=lambda each: each.until, default=None)

    @property
    def view(self) -> tuple[Person, ...]:
        """Every person of the record, the one retained first."""
        return (self.person, *self.linked)

    def request(self, actor: Actor, interaction: Interaction, purpose: str = "TREAT") -> AccessRequest:
        """The request that a decision about this person's record is made on.

        Whether an organisation has to do with the person is for its ties to say, and for the policy how
        long each lasts.
        """
        return AccessRequest(
            actor,
            interaction,
            objections=self.objections,
            purpose=purpose,
            standing=joined(person.standing for person in self.view),
            rules=self.rules,
            ties=self.ties,
            glass=self.glass,
            organisations=self.organisations,
            patients=frozenset(person.patient_id for person in self.view),
        )

    @property
    def asked_about(self) -> tuple[Person, ...]:
        """Whom live sources are asked about: the one retained, and those whose numbers are valid too.

        A number that the register has superseded, or took out of use, is asked for no more.
        """
        valid = {link.former for link in self.links if link.kind != "superseded"}
        others = (one for one in self.linked if one.key in valid and not one.standing.invalidated)
        return (self.person, *others)


class Broker:
    """Asks every source that may hold something about a person, and joins what they say."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        providers: Mapping[OdsCode, Provider],
        pulls: Mapping[OdsCode, Source],
        held: HeldSources,
        *,
        deadline: float,
        clock: Callable[[], int],
        refresh: Refresh | None = None,
        longest: float = 60.0,
    ) -> None:
        """``deadline`` is how many seconds a question waits that says nothing of it, ``longest`` the most
        that one may say. ``refresh`` hears of everybody who is looked at; None where no register is there.
        """
        self._database = database
        self._keys = keys
        self._providers = providers
        self._pulls = pulls
        self._held = held
        self._deadline = deadline
        self._longest = longest
        self._clock = clock
        self._refresh = refresh
        self._organisations = {ods.value: provider.organisation_type for ods, provider in providers.items()}
        self._liveness = LivenessReader()
        self._headings = {
            ods.value: sent | (pulls[ods].headings if ods in pulls else frozenset())
            for ods, sent in held.headings(providers).items()
        }

    async def by_number(self, nhs_number: NHSNumber, actor: Actor) -> Known | None:
        """The person with the NHS Number, if the index knows one."""
        return await self._read(lambda conn: index.find(conn, self._keys, nhs_number), actor)

    async def by_id(self, patient_id: str, actor: Actor) -> Known | None:
        """The person whose Patient has the logical id; of linked ones, any of theirs."""
        return await self._read(lambda conn: index.by_patient_id(conn, self._keys, patient_id), actor)

    async def by_person(self, person: str, actor: Actor) -> Known | None:
        """The person with the store's opaque key."""
        return await self._read(lambda conn: person_by_key(conn, self._keys, person), actor)

    @property
    def organisations(self) -> Mapping[str, str]:
        """The type of every provider's organisation, by ODS code."""
        return self._organisations

    def source_headings(self) -> Mapping[str, frozenset[str]]:
        """The headings that each provider can contribute to, by ODS code."""
        return self._headings

    @property
    def askable(self) -> frozenset[OdsCode]:
        """The providers that can be asked live, whether or not they are for some person."""
        return frozenset(self._pulls)

    def plan(self, known: Known) -> Plan:
        """Which sources are asked about a person, and which are not."""
        there = {ods: p for ods, p in self._providers.items() if ods in known.contributing}
        plan = locate(there, self._pulls, known.registered)
        return without_neighbours(plan, self._providers) if known.by_neighbour else plan

    def waiting(self, seconds: float) -> Broker:
        """This broker, with another time for its sources: for a question whose asker does not wait."""
        patient = copy.copy(self)
        patient._deadline = seconds
        return patient

    async def record(
        self,
        known: Known,
        actor: Actor,
        *,
        trace_id: str,
        only: Sequence[OdsCode] | None = None,
        on_result: OnResult | None = None,
        on_held: OnHeld | None = None,
        within: float | None = None,
        errand: Errand = IN_CARE,
    ) -> Record:
        """The person's whole record, before any decision about it.

        ``only`` asks these sources alone: for one entry whose source is known. ``on_result`` hears of each
        source as it answers; of what is held, ``on_held`` hears in its place, at once. ``within`` is how many
        seconds whoever asks would wait for it, ``errand`` why they ask.
        """
        plan = self.plan(known)
        pulls = [s for s in plan.pulls if only is None or s.ods in only]
        held = [p for p in plan.held if only is None or p.ods in only]
        seconds = self._deadline if within is None else min(within, self._longest)
        until = asyncio.get_running_loop().time() + seconds
        deadline = until - min(seconds * _ASIDE_SHARE, _ASIDE_SECONDS)
        questions = [
            replace(_question(known, person, actor, deadline, trace_id), errand=errand)
            for person in known.asked_about
        ]
        linked = tuple(other.key for other in known.linked)
        stored = await self._held.ask_all(replace(questions[0], linked=linked), held)
        if on_held is not None:
            on_held(stored)
        elif on_result is not None:
            for result in stored:
                on_result(result)
        live = await gather_linked(questions, pulls, on_result, until=until)
        if self._refresh is not None and any(result.code == WRONG_PERSON for result in live.results):
            self._refresh.notice(known.asked_about, doubtful=True)
        return assemble(known.person.patient_id, (*live.results, *plan.not_asked), stored, others=live.others)

    def patient(self, known: Known, permitted: Iterable[Entry]) -> Entry:
        """The composed Patient of a person, made of permitted entries only."""
        person = known.person
        made = compose_patient(
            person.patient_id,
            person.nhs_number,
            permitted,
            self._providers,
            now=self._clock(),
            standing=person.standing,
        )
        if not known.linked:
            return made
        asked = known.asked_about
        former = [
            Former(other.patient_id, other.nhs_number, "secondary" if other in asked else "old")
            for other in known.linked
        ]
        return replacing(made, former)

    async def _read(self, find: Callable[[Connection], Person | None], actor: Actor) -> Known | None:
        known = await self._database.read(lambda conn: self._known(conn, find(conn), actor))
        if known is not None and self._refresh is not None:
            self._refresh.notice(known.view)
        return known

    def _known(self, conn: Connection, person: Person | None, actor: Actor) -> Known | None:
        if person is None:
            return None
        view = view_of(conn, self._keys, person)
        contributing = self._liveness.read(conn).open_to(actor)
        heard = [r for one in view for r in index.relationships(conn, one)]
        lasting = [r for r in heard if r.until is None]
        told = [r for r in lasting if r.source in contributing]
        claims = tuple(claim for one in view for claim in self._claims(conn, one, actor))
        links = links_in_force(conn, view)
        ties = [r.tie() for r in heard if r.source in contributing] + [claim.tie() for claim in claims]
        return Known(
            person=view[0],
            registered=frozenset(r.organisation for r in told if r.kind == "registration"),
            contributing=contributing,
            # An objection holds, whoever told of it.
            objections=frozenset(r.organisation for r in lasting if r.kind == "objection"),
            linked=view[1:],
            links=links,
            former=self._former(conn, view, links),
            rules=rules_for(conn, view),
            organisations=self._organisations,
            ties=tuple(tie for tie in ties if tie is not None),
            claims=claims,
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
            found[person.key] = frozenset(
                one for one in told if index.owner_of(conn, self._keys, one) in mine
            )
        return found

    def _claims(self, conn: Connection, person: Person, actor: Actor) -> list[Claim]:
        """What holds for this very role and place: a user who selects another has claimed nothing."""
        return [
            claim
            for claim in of_actor(conn, person.key, actor.subject, self._clock())
            if claim.withdrawn is None
            and claim.role == actor.role
            and claim.organisation == actor.organisation
        ]


def _question(known: Known, person: Person, actor: Actor, deadline: float, trace_id: str) -> Question:
    return Question(
        nhs_number=person.nhs_number,
        person=person.key,
        subject=person.patient_id,
        actor=actor,
        deadline=deadline,
        known=() if person.demographics.is_empty else person.known_as,
        trace_id=trace_id,
        former=known.former.get(person.key, frozenset()),
    )
