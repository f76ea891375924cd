"""Whose record a citizen or carer may see, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass

from scr.broker.known import Known
from scr.consent.actor import Actor, ActorKind
from scr.consent.proxies import Online


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody's access to a record rests on, as the rules ask it. ``online``: facts for ``decide``.

    ``delegation`` is the id of a delegation of ours, empty where it rests on something else.
    """

    online: Online
    delegation: str = ""


class Proxies:
    """Knows on what the access of whoever asks online rests."""

    async def right(self, known: Known, actor: Actor, *, own: bool) -> Right:
        """Of an actor to the record of a person. ``own``: it is their own."""
        if own and actor.kind is ActorKind.CITIZEN:
            return Right(Online(own=True, born=born(known)))
        return Right(Online(born=born(known)))


def born(known: Known) -> str:
    """The birth date of a person as the index knows it; empty where nobody told."""
    dates = (person.demographics.birth_date for person in known.view)
    return next((date for date in dates if date), "")
