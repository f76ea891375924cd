"""The broker: one question about one person, from the index to the assembled record."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from scr.broker.assemble import Record, assemble, compose_patient
from scr.broker.find import Finder
from scr.broker.gather import OnHeld, OnResult
from scr.broker.known import Known as Known
from scr.broker.known import question_about
from scr.broker.linked import gather_linked
from scr.broker.locate import Plan, locate, without_neighbours
from scr.broker.pointed import Locators
from scr.consent.actor import Actor
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.person import Former, replacing
from scr.identity.pds.refresh import Refresh
from scr.mapping.provider import THE_PERSON, Provider
from scr.sources.held import HeldSources
from scr.sources.protocol import IN_CARE, WRONG_PERSON, Errand, Source, SourceResult
from scr.spans import within as part
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.locator import Located

_ASIDE_SHARE = 0.05
_ASIDE_SECONDS = 0.2
"""What of a question's time is set aside, after its sources, for putting the answer together."""
_LEAST_SECONDS = 0.1
"""What there is at least for finding the copies of those who are late."""


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
        self._providers = providers = {**providers, THE_PERSON.ods: THE_PERSON}
        self._pulls = pulls
        self._held = held
        self._deadline = deadline
        self._longest = longest
        self._clock = clock
        self._refresh = refresh
        self._organisations = {ods.value: provider.organisation_type for ods, provider in providers.items()}
        self._finder = Finder(database, keys, self._organisations, clock)
        self._locators = Locators(providers, pulls)
        self._headings = {
            ods.value: sent | (pulls[ods].headings if ods in pulls else frozenset())
            for ods, sent in held.headings(providers).items()
        }

    async def by_number(self, nhs_number: NHSNumber, actor: Actor) -> Known | None:
        """The person with the NHS Number, if the index knows one."""
        return self._noticed(await self._finder.by_number(nhs_number, actor))

    async def by_id(self, patient_id: str, actor: Actor) -> Known | None:
        """The person whose Patient has the logical id; of linked ones, any of theirs."""
        return self._noticed(await self._finder.by_id(patient_id, actor))

    async def by_person(self, person: str, actor: Actor) -> Known | None:
        """The person with the store's opaque key."""
        return self._noticed(await self._finder.by_person(person, actor))

    async def by_resource(self, kind: str, logical: str, actor: Actor) -> tuple[Located, Known | None] | None:
        """Where ``kind/logical`` is, if it is held or was ever served, and the person whose it is."""
        found = await self._finder.by_resource(kind, logical, actor)
        if found is not None:
            self._noticed(found[1])
        return found

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

    @part("gather")
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
        at_once: bool = False,
    ) -> Record:
        """The person's whole record, before any decision about it.

        ``only`` asks these sources alone: for one entry whose source is known. ``on_result`` hears of each
        source as it answers; of what is held, ``on_held`` hears in its place, at once. ``within`` is how many
        seconds whoever asks would wait for it, ``errand`` why they ask. ``at_once``: they were found just
        now, and nothing was written since.
        """
        plan = self.plan(known)
        wanted = self._locators.beside(only, plan.pulls)
        pulls = [s for s in plan.pulls if wanted is None or s.ods in wanted]
        held = [p for p in plan.held if only is None or p.ods in only]
        seconds = self._deadline if within is None else min(within, self._longest)
        begun = asyncio.get_running_loop().time()
        deadline = begun + seconds - min(seconds * _ASIDE_SHARE, _ASIDE_SECONDS)
        until = begun + max(seconds, _LEAST_SECONDS)
        questions = [
            replace(question_about(known, person, actor, deadline, trace_id), errand=errand)
            for person in known.asked_about
        ]
        linked = tuple(other.key for other in known.linked)
        former = [p for p in plan.former if only is None or p.ods in only]
        seen = known.seen if at_once else None
        stored = await self._held.ask_all(replace(questions[0], linked=linked), held, former, seen)
        if on_held is not None:
            on_held(stored)
        elif on_result is not None:
            for result in stored:
                on_result(result)
        further = self._locators.further(known.contributing, only)
        live = await gather_linked(questions, pulls, on_result, until=until, further=further)
        if self._refresh is not None and any(result.code == WRONG_PERSON for result in live.results):
            self._refresh.notice(known.asked_about, doubtful=True)
        return assemble(known.person.patient_id, (*live.results, *plan.not_asked), stored, others=live.others)

    def elsewhere(self, record: Record, permitted: Iterable[Entry]) -> tuple[SourceResult, ...]:
        """Who was not asked and holds something, as far as permitted entries tell."""
        return self._locators.elsewhere(record.results, permitted)

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

    def _noticed(self, known: Known | None) -> Known | None:
        """Somebody who is looked at; the register is asked about them where that is due."""
        if known is not None and self._refresh is not None:
            self._refresh.notice(known.view)
        return known
