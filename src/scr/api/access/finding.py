"""Finds who is there and whose record they visit, and decides whether they may.

Of every other record than one that they may see the answer is the same, whether there is such a person or
not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request

from scr.access.proxies import Proxies
from scr.api.access.who import Caller, Door, Visitor
from scr.api.fhir.opened import Opener
from scr.api.look import Look
from scr.broker.query import Broker, Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.decide import AccessRequest, Interaction, decide_actor
from scr.consent.policy import ONLINE, Policy
from scr.errors import Forbidden, NotFound
from scr.fhir.dates import utc
from scr.store.delegations import note_use

ME = "me"
"""In the place of a Patient's id: the record that they came for."""
NOBODY = "there is no record with this id, or none that you may see"
NO_RECORD = "nothing is held of you here"
_PURPOSES = {ActorKind.CITIZEN: "PATRQT", ActorKind.CARER: "FAMRQT"}


@dataclass(frozen=True, slots=True)
class Finder:
    """Raises Unauthenticated, Forbidden, NotFound."""

    door: Door
    proxies: Proxies
    broker: Broker
    opener: Opener
    policy: Policy

    async def people(self, look: Look, caller: Caller) -> list[Visitor]:
        """Whose records somebody may see now: their own, and those of whom they act for.

        Each as a visit of it would be; nothing of it is in the audit but the look that asks.
        """
        others = await self.proxies.acts_for(caller.actor) if _signed_in_as_self(caller) else []
        found = []
        for whose in (ME, *(person.patient_id for person in others)):
            aside = Look(look.action, look.what, Interaction.READ, look.now, serves=ONLINE)
            with suppress(Forbidden, NotFound):
                found.append(await self._visitor(aside, caller, whose))
        return list({visitor.person: visitor for visitor in found}.values())

    async def calling(self, look: Look, request: Request) -> Caller:
        """Who is there, if such people are served here and are sure enough who they are."""
        caller = await self.door.caller(request)
        look.actor, look.purpose = caller.actor, _PURPOSES.get(caller.actor.kind, look.purpose)
        self._admit(look, caller.actor)
        return caller

    def visiting(self, whose: str) -> Callable[[Look, Request], Awaitable[Visitor]]:
        async def find(look: Look, request: Request) -> Visitor:
            return await self._visitor(look, await self.calling(look, request), whose)

        return find

    def _admit(self, look: Look, actor: Actor) -> None:
        """Whether such an actor may see anything at all: it tells nothing of anybody.

        What a carer may write hangs on what their access rests on: it is asked once it is known whose record
        it is.
        """
        interaction = Interaction.READ if actor.kind is ActorKind.CARER else look.interaction
        asked = AccessRequest(actor, interaction, purpose=look.purpose, serves=look.serves)
        decision = decide_actor(asked, self.policy, utc(look.now))
        if not look.allowed(decision):
            raise Forbidden(decision.reasons[0].sentence, code=decision.code)

    async def _visitor(self, look: Look, caller: Caller, whose: str) -> Visitor:
        """Whoever is there, at the record that they ask for. Raises Forbidden of their own, else NotFound."""
        known, own = await self._whose(caller.actor, whose)
        if known is None:
            raise NotFound(NO_RECORD if own else NOBODY, code="no-record")
        actor = caller.actor if own else _carer(caller.actor, known)
        look.actor, look.purpose = actor, _PURPOSES[actor.kind]
        right = await self.proxies.right(known, actor, own=own)
        look.facts[known.person.key] = right.online
        admitted = self.opener.admit(look, actor, known)
        if isinstance(admitted, Forbidden):
            assert look.decision is not None
            if not own:
                raise NotFound(NOBODY, code="no-record")
            raise Forbidden(look.decision.reasons[0].sentence, code=look.decision.code)
        visitor = Visitor(caller, actor, admitted, right)
        if not own:
            look.details |= {"acts_for": visitor.of, "delegation": right.delegation}
            used = right.delegated
            if used is not None:
                look.beside.append(lambda connection: note_use(connection, used, look.now))
        return visitor

    async def _whose(self, actor: Actor, whose: str) -> tuple[Known | None, bool]:
        """The person of a Patient's id, and whether they are whoever asks."""
        mine = None if actor.patient is None else await self.broker.by_number(actor.patient, actor)
        citizen = actor.kind is ActorKind.CITIZEN
        if whose == ME or (mine is not None and whose in {each.patient_id for each in mine.view}):
            return mine, citizen
        if not citizen:  # they came for one person, and for nobody else
            return None, False
        return await self.broker.by_id(whose, actor), False


def _signed_in_as_self(caller: Caller) -> bool:
    return caller.actor.kind is ActorKind.CITIZEN and not caller.actor.launch


def _carer(actor: Actor, known: Known) -> Actor:
    """A citizen, as the carer of somebody else."""
    return replace(actor, kind=ActorKind.CARER, patient=known.person.nhs_number)
