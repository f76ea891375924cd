"""Asking the register, behind an answer, about whoever is looked at: no answer waits for it.

What a message names is asked about before it is filed (``checks``). A record that lives on what is pulled
may see no message for years; so whenever somebody looks at it and it is time, the register is asked
afterwards, and the next look goes by what it said. Where it is not reached nothing changes, and the next
look has it asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy import Connection

from scr.errors import ScrError
from scr.fhir.identifiers import NHSNumber
from scr.identity.pds.checks import SOON, NumberChecks
from scr.identity.resolve import Resolver
from scr.store.engine import Database
from scr.store.people import Person

_MOST = 1000
"""Numbers that wait to be asked about. Of more, the next look has them asked about again."""

_log = structlog.get_logger("scr.identity")


class Refresh:
    """Asks about one number after the other. ``clock`` gives ms UTC."""

    def __init__(
        self, checks: NumberChecks, resolver: Resolver, database: Database, clock: Callable[[], int]
    ) -> None:
        self._checks = checks
        self._resolver = resolver
        self._database = database
        self._clock = clock
        self._waiting: dict[NHSNumber, None] = {}
        self._more = asyncio.Event()

    def notice(self, people: Sequence[Person], *, doubtful: bool = False) -> None:
        """Somebody looks at these people. ``doubtful``: a source spoke of another person than was asked for,
        as where a number has given way to another, so that it is asked about before its time."""
        for person in people:
            soon = doubtful and person.standing.checked <= self._clock() - SOON
            if (soon or self._checks.is_due(person)) and len(self._waiting) < _MOST:
                self._waiting[person.nhs_number] = None
                self._more.set()

    async def once(self) -> None:
        """Ask about everything that waits."""
        while self._waiting:
            number = next(iter(self._waiting))
            del self._waiting[number]
            await self._ask(number)

    async def run(self) -> None:
        """Ask as it comes, until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            try:
                await self.once()
            except ScrError as error:  # the database is down: a later look
                _log.warning("nobody was asked about", code=error.code)

    async def _ask(self, number: NHSNumber) -> None:
        checked = await self._checks.ask([number])
        said = checked.facts.get(number)
        if said is None:
            return

        def take_up(conn: Connection) -> None:
            self._resolver.hear(conn, number, said, self._clock())

        await self._database.write(take_up)


@asynccontextmanager
async def running(refresh: Refresh | None) -> AsyncIterator[None]:
    """Let it ask in the background; what waits at the end is not asked about any more."""
    if refresh is None:
        yield
        return
    task = asyncio.create_task(refresh.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
