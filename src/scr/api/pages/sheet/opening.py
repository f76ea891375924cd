"""A record opened for a page: whole, where its sources answer at once; else in parts, as they answer.

What is held is shown first. Each live source is told of as it answers, and when all have, the whole takes
the place of what came before. Everything is decided and redacted as in any answer (docs/streaming.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from scr.api.fhir.opened import Admitted, Opened, Opener
from scr.api.fhir.reconciled import Reconciler
from scr.api.look import Look
from scr.broker.assemble import assemble
from scr.broker.query import Broker
from scr.consent.actor import Actor
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.sources.protocol import SourceResult

PATIENCE = 0.15
"""Seconds for which the first byte waits, so that a record that is held is one piece."""


@dataclass(frozen=True, slots=True)
class Part:
    """What came: results, the entries of them that may go out already, and who is still waited for."""

    results: tuple[SourceResult, ...]
    entries: tuple[Entry, ...]
    waiting: tuple[str, ...]
    held: bool = False


@dataclass(slots=True)
class Coming:
    """A record on its way."""

    opener: Opener
    broker: Broker
    admitted: Admitted
    _queue: asyncio.Queue[tuple[SourceResult, ...] | None] = field(default_factory=asyncio.Queue)
    _held: dict[OdsCode, SourceResult] = field(default_factory=dict)
    asking: asyncio.Task[Opened] | None = None
    _first: bool = True

    def ask(self, look: Look, actor: Actor) -> asyncio.Task[Opened]:
        """Ask the sources."""
        asking = asyncio.create_task(
            self.opener.opened(look, actor, self.admitted, self._heard, self._loaded)
        )
        asking.add_done_callback(self._over)
        self.asking = asking
        return asking

    def _loaded(self, results: Sequence[SourceResult]) -> None:
        self._held = {result.source: result for result in results}
        self._queue.put_nowait(tuple(results))

    def _heard(self, result: SourceResult) -> None:
        self._queue.put_nowait((result,))

    def _over(self, asking: asyncio.Task[Opened]) -> None:
        if not asking.cancelled():
            asking.exception()
        self._queue.put_nowait(None)

    def names(self) -> dict[OdsCode, str]:
        """The live sources that are asked about the person, by name."""
        known = self.admitted.known
        plan = self.broker.plan(known)
        return {one.ods: one.name for one in plan.pulls if one.ods not in known.objections}

    async def parts(self) -> AsyncIterator[Part]:
        """What is held, as soon as it is read; then each source as it answers."""
        waiting = self.names()
        settling = self.admitted.settling()
        subject = self.admitted.known.person.patient_id
        # Of a person with several numbers what is live is one record only when all of it is there.
        alone = len(self.admitted.known.asked_about) == 1
        while (results := await self._queue.get()) is not None:
            held = self._first
            self._first = False
            if held:
                stored = [one for one in results if one.source not in waiting]
                record = assemble(subject, (), stored)
            else:
                for one in results:
                    waiting.pop(one.source, None)
                before = [self._held[one.source] for one in results if one.source in self._held]
                record = assemble(subject, results if alone else (), before if alone else ())
            entries = tuple(self.admitted.early(settling, record.entries))
            yield Part(results, entries, tuple(waiting.values()), held)

    def stop(self) -> None:
        """Ask no more: nobody listens."""
        if self.asking is not None:
            self.asking.cancel()


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens records for pages."""

    opener: Opener
    broker: Broker
    reconciler: Reconciler

    async def whole(self, look: Look, actor: Actor, admitted: Admitted) -> Opened:
        """The record with what is made of it, when all sources have answered or their time is over."""
        coming = Coming(self.opener, self.broker, admitted)
        return await self.reconciler.add(await coming.ask(look, actor), look.now)

    async def soon(self, look: Look, actor: Actor, admitted: Admitted) -> Opened | Coming:
        """The record without what is made of it, where it is whole at once; else as it comes."""
        coming = Coming(self.opener, self.broker, admitted)
        asking = coming.ask(look, actor)
        try:
            done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
        except asyncio.CancelledError:
            coming.stop()
            raise
        return asking.result() if done else coming

    async def made(self, opened: Opened, look: Look) -> Opened:
        """The record with what is made of it."""
        return await self.reconciler.add(opened, look.now)
