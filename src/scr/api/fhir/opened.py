"""A record opened for one actor: decided as a whole, asked for, and every entry decided.

What comes out of here is all that the rest of the endpoint ever sees: search, sort, totals and pages
work on permitted entries only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from scr.api.fhir.admitted import Admitted as Admitted
from scr.api.fhir.asking import errand_of, objections_told, request_of
from scr.api.look import Look
from scr.broker.assemble import Record
from scr.broker.gather import OnHeld, OnResult
from scr.broker.ledger import Ledger, make_ledger
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor
from scr.consent.decide import WHEREABOUTS as WHEREABOUTS
from scr.consent.decide import Obligation, Ruling, choices_told, decide, visible_headings
from scr.consent.policy import Policy
from scr.errors import Forbidden, NotFound
from scr.fhir.attached import with_documents
from scr.fhir.contributed import is_contribution
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.restricted import SHOWN_HEADINGS
from scr.identity.recall import LINKS
from scr.spans import within
from scr.store.locator import as_served
from scr.store.recent import RecentRecords, Workings

NO_PATIENT = "no Patient with this id, or none that you may see"


@dataclass(frozen=True, slots=True)
class Opened:
    """The permitted part of one person's record, and how each source answered.

    ``decide`` gives, of what is made of these entries, what may be seen too. ``workings`` is for what is
    worked out of them.
    """

    known: Known
    record: Record
    permitted: tuple[Entry, ...]
    ledger: Ledger
    decide: Callable[[Sequence[Entry]], list[Entry]]
    workings: Workings = field(default_factory=Workings, repr=False)

    @property
    def subject(self) -> str:
        """The logical id of the person's Patient."""
        return self.record.subject

    @property
    def told_of(self) -> list[str]:
        """The connected providers that the answer tells of, by ODS code."""
        sources = (result.source for result in self.record.results)
        return [source.value for source in sources if source in self.known.contributing]


class Opener:
    """Opens records. The one way from the broker to an answer.

    ``on_admitted`` hears of each record that may be opened, before its sources are asked.
    """

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        on_admitted: Callable[[Known], None] | None = None,
        recent: RecentRecords | None = None,
    ) -> None:
        """``recent`` keeps what was worked out of a record; without it everything is worked out anew."""
        self._broker = broker
        self._policy = policy
        self._on_admitted = on_admitted
        self._recent = recent

    async def by_number(
        self,
        look: Look,
        actor: Actor,
        nhs_number: NHSNumber,
        *,
        asked: frozenset[str] = frozenset(HEADINGS),
        on_result: OnResult | None = None,
    ) -> Opened:
        """The record of the person with an NHS Number.

        Raises Forbidden where the actor may not see it: the same for a person who is not known at
        all, since nobody has a relationship with them either.
        """
        known = await self._broker.by_number(nhs_number, actor)
        admitted = self.admit(look, actor, known)
        if isinstance(admitted, Forbidden):
            raise admitted
        return await self._open(look, actor, admitted, asked=asked, on_result=on_result)

    async def by_id(
        self,
        look: Look,
        actor: Actor,
        patient_id: str,
        *,
        only: Sequence[OdsCode] | None = None,
        asked: frozenset[str] = frozenset(HEADINGS),
    ) -> Opened:
        """The record of the person whose Patient has a logical id. Raises NotFound, known or not."""
        admitted = await self.admitted(look, actor, patient_id)
        return await self._open(look, actor, admitted, only=only, asked=asked)

    async def admitted(self, look: Look, actor: Actor, patient_id: str) -> Admitted:
        """The same, before its sources are asked."""
        admitted = self.admit(look, actor, await self._broker.by_id(patient_id, actor))
        if isinstance(admitted, Forbidden):
            raise NotFound(NO_PATIENT)
        return admitted

    async def opened(
        self,
        look: Look,
        actor: Actor,
        admitted: Admitted,
        on_result: OnResult | None = None,
        on_held: OnHeld | None = None,
        *,
        asked: frozenset[str] = frozenset(HEADINGS),
    ) -> Opened:
        """An admitted record. ``on_held`` hears of what is held, ``on_result`` of each source that was asked
        as it answers; they decide for themselves."""
        return await self._open(
            look, actor, admitted, asked=asked, on_result=on_result, on_held=on_held, at_once=False
        )

    @property
    def askable(self) -> frozenset[OdsCode]:
        """The providers that can be asked live."""
        return self._broker.askable

    async def by_located(
        self, look: Look, actor: Actor, kind: str, logical: str, *, missing: str
    ) -> tuple[Opened, OdsCode, bool] | None:
        """The part of a record in which ``kind/logical`` stands, of its source alone (of all, for what was
        contributed here); None where it is not held and was never served.

        Also that source, and whether the actor may see what the resource was when a live source gave it last;
        where they may not, it is not asked. Raises NotFound with the text ``missing`` for what is withheld.
        """
        found = await self._broker.by_resource(kind, logical, actor)
        if found is None:
            return None
        located = found[0]
        admitted = self.admit(look, actor, found[1])
        if isinstance(admitted, Forbidden):
            raise NotFound(missing)
        person = next(
            (one for one in admitted.known.view if one.key == located.person), admitted.known.person
        )
        served = as_served(located, person, logical)
        if served is not None and not admitted.may_see(served):
            raise NotFound(missing)
        # A contribution may refer to what any source has.
        only = None if is_contribution(logical) else (located.source,)
        return await self._open(look, actor, admitted, only=only), located.source, served is not None

    async def by_person(self, look: Look, actor: Actor, person: str, *, missing: str) -> Opened:
        """The record of a person by their opaque key. Raises NotFound with the text ``missing``."""
        return await self._open(look, actor, await self.admitted_person(look, actor, person, missing=missing))

    async def admitted_person(self, look: Look, actor: Actor, person: str, *, missing: str) -> Admitted:
        """The same, before its sources are asked."""
        admitted = self.admit(look, actor, await self._broker.by_person(person, actor))
        if isinstance(admitted, Forbidden):
            raise NotFound(missing)
        return admitted

    async def decided_again(
        self,
        look: Look,
        actor: Actor,
        people: Sequence[str],
        entries: Sequence[Entry],
        sources: Collection[str],
        *,
        nameless: bool,
        named: Sequence[Entry] = (),
    ) -> list[Entry]:
        """Of entries that were pinned for the actor, those that they may still see, as they may.

        ``named`` are others that they refer to. ``people`` are those whose record it was, the one retained
        first, by opaque key. Raises NotFound where they are not one any more, or one with others, where one
        of ``sources``, of which the answer tells, is not live any more, and where it names them (not
        ``nameless``) and must not any more.
        """
        admitted = self.admit(look, actor, await self._broker.by_person(people[0], actor))
        if (
            isinstance(admitted, Forbidden)
            or tuple(person.key for person in admitted.known.view) != tuple(people)
            or any(OdsCode(source) not in admitted.known.contributing for source in sources)
            or (admitted.hides and not nameless)
        ):
            raise NotFound("this page is not there any more: search again", code="no-page")
        return admitted.permitted(entries, named)

    @within("decide")
    def admit(self, look: Look, actor: Actor, known: Known | None) -> Admitted | Forbidden:
        """What is decided of the record of somebody, whether known or not; the refusal where that denies."""
        look.person = None if known is None else known.person.key
        if known is not None and known.links:  # whom to tell, should a link turn out to be wrong
            look.details[LINKS] = " ".join(link.id for link in known.links)
        look.claimed(() if known is None else known.claims)
        request = request_of(look, actor, known)
        before = None if known is None else self._workings(known).decided
        ruling = Ruling(request, self._policy, utc(look.now), before)
        decision = ruling.whole
        if look.allowed(decision):
            return Forbidden(NO_PATIENT) if known is None else Admitted(known, request, ruling)
        # What is told is what anybody's refusal would be: why it is this one's tells that they are known.
        told = decide(request_of(look, actor, None), self._policy, utc(look.now))
        if told.permit:
            return Forbidden(NO_PATIENT)
        if told.code != decision.code:
            look.details["decided"] = decision.code
        return Forbidden(told.reasons[0].sentence, code=told.code)

    async def _open(
        self,
        look: Look,
        actor: Actor,
        admitted: Admitted,
        *,
        only: Sequence[OdsCode] | None = None,
        asked: frozenset[str] = frozenset(HEADINGS),
        on_result: OnResult | None = None,
        on_held: OnHeld | None = None,
        at_once: bool = True,
    ) -> Opened:
        known, request = admitted.known, admitted.request
        if self._on_admitted is not None:
            self._on_admitted(known)
        record = await self._broker.record(
            known,
            actor,
            trace_id=look.correlation,
            only=only,
            on_result=on_result,
            on_held=on_held,
            within=look.wait,
            errand=errand_of(known, actor, look, self._policy),
            at_once=at_once,
        )
        workings = self._workings(known)
        permitted = with_documents(admitted.permitted(record.entries, before=workings.redactions))
        patient = self._patient(known, permitted, workings)
        permitted = admitted.permitted([patient]) + permitted
        opened = visible_headings(request, self._policy)
        results = (*record.results, *self._broker.elsewhere(record, permitted))
        by_source = admitted.ruling.opened_headings({result.source.value for result in results})
        ledger = make_ledger(
            results,
            self._broker.source_headings(),
            permitted,
            opened=opened & SHOWN_HEADINGS if admitted.hides else opened,
            closed={source: opened - open_here for source, open_here in by_source.items()},
            asked=asked,
            objections=objections_told(actor, known),
            nameless=admitted.hides,
            uncleared=Obligation.TELL_OF_WITHHELD in admitted.ruling.whole.obligations,
            choices=choices_told(request, self._policy, utc(look.now)),
            guarded=actor.kind in self._policy.labels.withheld_unclassified,
        )
        look.details["ledger"] = ledger.summary()
        return Opened(
            known,
            record,
            tuple(permitted),
            ledger,
            lambda made: admitted.permitted(made, permitted, workings.redactions),
            workings,
        )

    def _patient(self, known: Known, permitted: Sequence[Entry], workings: Workings) -> Entry:
        """The composed Patient; as it was made before, of the same Patients and the same person."""
        patients = [entry for entry in permitted if entry.type == "Patient"]
        if not patients:  # then it tells of this very moment
            return self._broker.patient(known, patients)
        people = [(one.patient_id, one.nhs_number, one.standing) for one in known.view]
        hangs_on = (patients, people, known.links)
        (patient,) = workings.once("patient", hangs_on, lambda: (self._broker.patient(known, patients),))
        return patient

    def _workings(self, known: Known) -> Workings:
        """What was worked out of the person's record before, as far as it is kept."""
        return Workings() if self._recent is None else self._recent.workings(known.person.key)
