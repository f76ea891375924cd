"""Which NHS Numbers are to be asked about, and what PDS said of them.

A person who is held and was checked a short while ago is not asked about again: how they stand is kept
with them, sealed by their own key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.identity.pds.facts import NO_FACTS, Facts, NumberAnswer, Refused, Unreachable
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person

SOON = 3600 * 1000
"""After so long (ms) it is asked again whether a number is still out of use."""


class Register(Protocol):
    """Whoever says whose a number is: ``PdsClient``."""

    async def number(self, number: NHSNumber) -> NumberAnswer:
        """What is known of a number; it never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of asking. ``refused`` are numbers of which an answer came that cannot be used;
    ``unreachable`` says that of some nothing came at all."""

    facts: Facts = field(default_factory=lambda: NO_FACTS, repr=False)
    refused: Mapping[NHSNumber, Refused] = field(default_factory=dict, repr=False)
    unreachable: Unreachable | None = None


class NumberChecks:
    """Asks about numbers that are new here, or were last asked about over ``recheck`` ms ago."""

    def __init__(
        self, register: Register, database: Database, keys: KeyRing, clock: Callable[[], int], recheck: int
    ) -> None:
        self._register = register
        self._database = database
        self._keys = keys
        self._clock = clock
        self._recheck = recheck

    async def check(self, numbers: Collection[NHSNumber]) -> Checked:
        """Ask about those that it is time for, all at once."""
        return await self.ask(await self._due(frozenset(numbers)))

    async def ask(self, numbers: Sequence[NHSNumber]) -> Checked:
        """Ask about all of them, whether it is time or not."""
        said = await asyncio.gather(*map(self._register.number, numbers))
        answers = dict(zip(numbers, said, strict=True))
        return Checked(
            {number: one for number, one in answers.items() if not isinstance(one, Refused | Unreachable)},
            {number: one for number, one in answers.items() if isinstance(one, Refused)},
            next((one for one in answers.values() if isinstance(one, Unreachable)), None),
        )

    def is_due(self, person: Person) -> bool:
        """Whether it is time to ask about somebody who is held; sooner where their number is out of use."""
        recheck = min(self._recheck, SOON) if person.standing.invalidated else self._recheck
        return person.standing.checked <= self._clock() - recheck

    async def _due(self, numbers: frozenset[NHSNumber]) -> list[NHSNumber]:
        if not numbers:
            return []

        def read(conn: Connection) -> list[NHSNumber]:
            held = ((number, index.find(conn, self._keys, number)) for number in numbers)
            return [number for number, person in held if person is None or self.is_due(person)]

        return await self._database.read(read)
