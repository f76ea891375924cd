"""What a process does for the answers that are fetched later: it takes them, and has each made by a workflow.

Whoever takes a question makes its answer at once, where it has room. What nobody has, or whoever had it did
not end in time, any process takes that serves or works. A process that is to stop gives back what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from scr.errors import ScrError
from scr.faults import reach
from scr.sources.workflows import MAKINGS, Workflows
from scr.store import jobs
from scr.store.engine import Database
from scr.store.jobs import Taken

if TYPE_CHECKING:  # loading it takes time, which a process that makes none does not need
    from scr.api.fhir.making import Maker

_PAUSE = 2.0
AGAIN_MS = 5_000
"""How long after a failure one is tried again."""
_SWEEP_MS = 60_000
_STOPPED = "stopped"
_log = structlog.get_logger("scr.api")


class Carrier:
    """Takes jobs for ``lease`` ms each; ``clock`` gives ms UTC. ``maker`` is asked for with the first.

    Without workflows the same step is done and not written down: whoever takes the job next begins it anew
    either way.
    """

    def __init__(
        self,
        database: Database,
        maker: Callable[[], Maker],
        clock: Callable[[], int],
        lease: int,
        pause: float = _PAUSE,
    ) -> None:
        """``pause``: seconds from one look for what nobody has to the next."""
        self.lease = lease
        self.pause = pause
        self._database = database
        self._maker = maker
        self._clock = clock
        self._workflows: Workflows | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self._steps: dict[Taken, asyncio.Task[str]] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._begun, self._swept = False, 0

    def by(self, workflows: Workflows) -> None:
        """Let the steps be those of the workflows of this process, done in this event loop."""
        loop = asyncio.get_running_loop()

        def make(what: str, number: int) -> str:
            return asyncio.run_coroutine_threadsafe(self._step(Taken(what, number)), loop).result()

        workflows.making, workflows.longest = make, self.lease
        self._workflows = workflows

    @property
    def has_room(self) -> bool:
        """Whether another can be made now."""
        return not self._closing and len(self._carried) < MAKINGS

    def carry(self, taken: Taken) -> None:
        """Have a job made that this process has taken."""
        self._begun = True
        task = asyncio.create_task(self._carry(taken))
        self._carried.add(task)
        task.add_done_callback(self._put_down)

    async def take_up(self) -> bool:
        """Take one that no process has; False where there is none."""
        now = self._clock()
        if not await self._database.read(lambda conn: jobs.due(conn, now)):
            return False
        taken = await self._database.write(lambda conn: jobs.take(conn, now, self.lease))
        if taken is not None:
            self.carry(taken)
        return taken is not None

    async def run(self) -> None:
        """Take up what there is, until it is closed."""
        while not self._closing:
            self._wake.clear()
            try:
                while self.has_room and await self.take_up():
                    pass
                await self._sweep()
            except ScrError as error:  # the database is down: the next time
                _log.warning("no answer was taken up", code=error.code)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.pause)

    def stop(self, job: str) -> None:
        """Make one no further that nobody wants any more, where it is made here."""
        for taken, step in self._steps.items():
            if taken.id == job:
                step.cancel()

    async def settled(self) -> None:
        """Wait until what this process has is made."""
        while self._carried:
            await asyncio.wait(set(self._carried))

    async def close(self) -> None:
        """Take no more, and give back what is being made."""
        self._closing = True
        self._wake.set()
        while self._carried:
            for step in self._steps.values():
                step.cancel()
            await asyncio.wait(set(self._carried), timeout=_PAUSE)

    async def _carry(self, taken: Taken) -> None:
        reach("job.taken")
        try:
            if self._workflows is None:
                await self._step(taken)
            else:
                await self._workflows.make(taken.id, taken.number)
        except ScrError as error:  # the database is down: whoever takes it next makes it
            _log.warning("an answer was not made", code=error.code)

    async def _step(self, taken: Taken) -> str:
        """The one step: what is being made can be stopped."""
        if self._closing:
            await self._maker().release(taken)
            return _STOPPED
        try:
            return await self._tried(taken)
        except ScrError:  # what came of it could not be written: soon again, where that much can be
            with suppress(ScrError):
                await self._maker().release(taken, AGAIN_MS)
            raise

    async def _tried(self, taken: Taken) -> str:
        step = self._steps[taken] = asyncio.create_task(self._maker().make(taken))
        try:
            await asyncio.wait({step})
        finally:
            del self._steps[taken]
        if step.cancelled():
            await self._maker().release(taken)
            return _STOPPED
        return step.result()

    def _put_down(self, task: asyncio.Task[None]) -> None:
        self._carried.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("fault", kind=type(task.exception()).__name__, what="job")

    async def _sweep(self) -> None:
        """Where some were begun, now and then."""
        now = self._clock()
        if self._workflows is not None and self._begun and now - self._swept > _SWEEP_MS:
            self._begun, self._swept = False, now
            await self._workflows.sweep(now - 2 * _SWEEP_MS)
