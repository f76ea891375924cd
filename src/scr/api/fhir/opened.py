"""A record opened for one actor: decided as a whole, asked for, and every entry decided.

What comes out of here is all that the rest of the endpoint ever sees: search, sort, totals and pages
work on permitted entries only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scr.api.look import Look
from scr.broker.assemble import Record
from scr.broker.gather import OnResult
from scr.broker.ledger import Ledger, make_ledger
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor
from scr.consent.decide import WHEREABOUTS as WHEREABOUTS
from scr.consent.decide import (
    AccessRequest,
    Obligation,
    choices_told,
    decide,
    entry_decider,
    opened_headings,
    visible_headings,
)
from scr.consent.policy import Policy
from scr.errors import Forbidden, NotFound
from scr.fhir.dates import utc
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.redact import redacted
from scr.fhir.restricted import SHOWN_HEADINGS, core, may_go
from scr.identity.recall import LINKS
from scr.store.locator import Located, as_served

NO_PATIENT = "no Patient with this id, or none that you may see"


@dataclass(frozen=True, slots=True)
class Opened:
    """The permitted part of one person's record, and how each source answered."""

    known: Known
    record: Record
    permitted: tuple[Entry, ...]
    ledger: Ledger

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
    """Opens records. The one way from the broker to an answer."""

    def __init__(self, broker: Broker, policy: Policy) -> None:
        self._broker = broker
        self._policy = policy

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
        reason = self._refusal(look, actor, known)
        if reason is not None or known is None:
            raise reason or Forbidden(NO_PATIENT)
        return await self._open(look, actor, known, asked=asked, on_result=on_result)

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
        known = await self._broker.by_id(patient_id, actor)
        return await self._found(look, actor, known, only=only, asked=asked)

    async def by_located(
        self, look: Look, actor: Actor, located: Located, logical: str, *, missing: str
    ) -> tuple[Opened, bool]:
        """The part of a record in which a resource stands that was found by its id, of its source alone.

        Also whether the actor may see what the resource was when a live source gave it last; where they may
        not, the source is not asked. Raises NotFound with the text ``missing``, for all that is withheld.
        """
        known = await self._broker.by_person(located.person, actor)
        served = None
        if known is not None and self._refusal(look, actor, known) is None:
            person = next((one for one in known.view if one.key == located.person), known.person)
            served = as_served(located, person, logical)
            if served is not None and not self._may_see(look, actor, known, served):
                raise NotFound(missing)
        opened = await self._found(
            look, actor, known, only=(located.source,), asked=frozenset(HEADINGS), missing=missing
        )
        return opened, served is not None

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
        known = await self._broker.by_person(people[0], actor)
        if (
            self._refusal(look, actor, known) is not None
            or known is None
            or tuple(person.key for person in known.view) != tuple(people)
            or any(OdsCode(source) not in known.contributing for source in sources)
            or (self._hides(look, actor, known) and not nameless)
        ):
            raise NotFound("this page is not there any more: search again", code="no-page")
        return self._permitted(look, actor, known, entries, named)

    async def _found(
        self,
        look: Look,
        actor: Actor,
        known: Known | None,
        *,
        only: Sequence[OdsCode] | None,
        asked: frozenset[str],
        missing: str = NO_PATIENT,
    ) -> Opened:
        if self._refusal(look, actor, known) is not None or known is None:
            raise NotFound(missing)
        return await self._open(look, actor, known, only=only, asked=asked)

    def _refusal(self, look: Look, actor: Actor, known: Known | None) -> Forbidden | None:
        look.person = None if known is None else known.person.key
        if known is not None and known.links:  # whom to tell, should a link turn out to be wrong
            look.details[LINKS] = " ".join(link.id for link in known.links)
        look.claimed(() if known is None else known.claims)
        decision = decide(_request(look, actor, known), self._policy, utc(look.now))
        if look.allowed(decision):
            return None
        # What is told is what anybody's refusal would be: why it is this one's tells that they are known.
        told = decide(_request(look, actor, None), self._policy, utc(look.now))
        if told.permit:
            return Forbidden(NO_PATIENT)
        if told.code != decision.code:
            look.details["decided"] = decision.code
        return Forbidden(told.reasons[0].sentence, code=told.code)

    async def _open(
        self,
        look: Look,
        actor: Actor,
        known: Known,
        *,
        only: Sequence[OdsCode] | None = None,
        asked: frozenset[str] = frozenset(HEADINGS),
        on_result: OnResult | None = None,
    ) -> Opened:
        record = await self._broker.record(
            known, actor, trace_id=look.correlation, only=only, on_result=on_result
        )
        permitted = self._permitted(look, actor, known, record.entries)
        patient = self._broker.patient(known, permitted)
        permitted = self._permitted(look, actor, known, [patient]) + permitted
        request, obligations = _request(look, actor, known), self._obligations(look, actor, known)
        opened = visible_headings(request, self._policy)
        sources = {result.source.value for result in record.results}
        by_source = opened_headings(request, self._policy, utc(look.now), sources)
        hidden = Obligation.HIDE_WHEREABOUTS in obligations
        ledger = make_ledger(
            record.results,
            self._broker.source_headings(),
            permitted,
            opened=opened & SHOWN_HEADINGS if hidden else opened,
            closed={source: opened - open_here for source, open_here in by_source.items()},
            asked=asked,
            objections=known.objections,
            nameless=hidden,
            uncleared=Obligation.TELL_OF_WITHHELD in obligations,
            choices=choices_told(request, self._policy, utc(look.now)),
        )
        look.details["ledger"] = ledger.summary()
        return Opened(known, record, tuple(permitted), ledger)

    def _permitted(
        self, look: Look, actor: Actor, known: Known, entries: Sequence[Entry], named: Sequence[Entry] = ()
    ) -> list[Entry]:
        """The entries that the actor may see, without what they say of those that the actor may not.

        ``named`` are others that may be referred to, as far as the actor may see them.
        """
        decide_entry = entry_decider(_request(look, actor, known), self._policy, utc(look.now))

        def permits(entry: Entry) -> bool:
            return decide_entry(entry).permit

        beside = {f"Patient/{person.patient_id}" for person in known.view}
        beside.update(entry.reference for entry in named if permits(entry))
        permitted = redacted(list(filter(permits, entries)), beside, permits)
        return core(permitted) if self._hides(look, actor, known) else permitted

    def _may_see(self, look: Look, actor: Actor, known: Known, entry: Entry) -> bool:
        """Whether the actor may see anything of an entry, by its head."""
        decide_entry = entry_decider(_request(look, actor, known), self._policy, utc(look.now))
        return decide_entry(entry).permit and (may_go(entry) or not self._hides(look, actor, known))

    def _hides(self, look: Look, actor: Actor, known: Known) -> bool:
        """Whether the actor must not learn where the person is."""
        return Obligation.HIDE_WHEREABOUTS in self._obligations(look, actor, known)

    def _obligations(self, look: Look, actor: Actor, known: Known) -> frozenset[Obligation]:
        return decide(_request(look, actor, known), self._policy, utc(look.now)).obligations


def _request(look: Look, actor: Actor, known: Known | None) -> AccessRequest:
    if known is None:
        return AccessRequest(actor, look.interaction)
    return known.request(actor, look.interaction)
