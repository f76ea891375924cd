"""Whose record a citizen or carer may see, and what that rests on: the facts that ``decide`` asks for.

A carer's access rests on a delegation that was recorded here; else on the word of the sign-in, where
``proxies.yaml`` lets its basis count and nobody has ended the access here; else on the person's own Consent.
Everything is read anew for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scr.broker.known import Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy
from scr.consent.proxies import Capacity, Delegation, Online
from scr.consent.sharing import in_force
from scr.fhir.dates import utc
from scr.store import delegations
from scr.store.delegations import Delegated, State
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person

_HOUR_MS = 3_600_000
_BEST_FIRST = (State.IN_FORCE, State.SUSPENDED, State.OVER)


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody's access to a record rests on, as the rules ask it. ``online``: facts for ``decide``.

    ``delegated`` is the delegation of ours, None where it rests on something else.
    """

    online: Online
    delegated: Delegated | None = None

    @property
    def delegation(self) -> str:
        """The id of the delegation of ours, or nothing."""
        return "" if self.delegated is None else self.delegated.id


@dataclass(frozen=True, slots=True)
class Proxies:
    """Knows on what the access of whoever asks online rests. ``now`` gives milliseconds UTC."""

    database: Database
    keys: KeyRing
    policy: Policy
    now: Callable[[], int]

    async def right(self, known: Known, actor: Actor, *, own: bool) -> Right:
        """Of an actor to the record of a person. ``own``: it is their own."""
        if own and actor.kind is ActorKind.CITIZEN:
            return Right(Online(own=True, born=born(known)))
        return await self.database.read(lambda conn: self.carers(conn, known, actor))

    async def acts_for(self, actor: Actor) -> list[Person]:
        """Those whom the actor has, or had, access to by delegations of ours; the policy decides of each.

        Whoever had one may be let in again by the person's own Consent.
        """
        found = await self.database.read(lambda conn: delegations.of_carer(conn, self.keys, actor.subject))
        return list({person.key: person for person, _ in found}.values())

    def carers(self, connection: Connection, known: Known, actor: Actor) -> Right:
        """Of a carer to the record of a person."""
        every = delegations.of_people(connection, known.view)
        mine = delegations.held_by(every, actor.subject)
        best = self._best(mine)
        if best is not None and best.until <= self.now() and self._permitted(known, actor):
            best = None  # it is over, and the person has said since that they may
        rests_on = best.rests_on() if best is not None else None if mine else self._told(actor)
        capacity = capacity_of(connection, known.view)
        return Right(Online(born=born(known), capacity=capacity, delegation=rests_on), best)

    def _permitted(self, known: Known, actor: Actor) -> bool:
        return in_force(known.rules, actor, utc(self.now()), purpose="FAMRQT").permitted is not None

    def _best(self, mine: Sequence[Delegated]) -> Delegated | None:
        """The one that holds, or that would but for one thing; none where all were ended here."""
        now = self.now()
        states = [(one.state(now), one) for one in mine]
        ranked = [
            (_BEST_FIRST.index(state), -one.since, one) for state, one in states if state in _BEST_FIRST
        ]
        return min(ranked, key=lambda each: each[:2])[2] if ranked else None

    def _told(self, actor: Actor) -> Delegation | None:
        """What the sign-in says that it rests on."""
        carers = self.policy.proxies.carer
        if carers is None or actor.basis not in carers.by_sign_in:
            return None
        hour = self.now() // _HOUR_MS * _HOUR_MS  # the same for a while, as what was decided by it is
        return Delegation(
            actor.basis, hour - _HOUR_MS, hour + 9 * _HOUR_MS, used=hour - _HOUR_MS, contributes=True
        )


def born(known: Known) -> str:
    """The birth date of a person as the index knows it; empty where nobody told."""
    dates = (person.demographics.birth_date for person in known.view)
    return next((date for date in dates if date), "")


def capacity_of(connection: Connection, people: Sequence[Person]) -> Capacity:
    """What was recorded last of whether a person can decide for themselves."""
    said = delegations.assessments(connection, people)
    return said[-1].capacity if said else ""
