"""Answers that nobody waits for: ``Prefer: respond-async`` (https://hl7.org/fhir/R4/async.html).

Whoever asks is answered at once with the address of a status, if they may ask at all. The answer is made by
the process that took the question, pinned as the pages of a search are, and can be fetched from every one,
by whoever asked, until its time is over. It is decided again when it is fetched. A process that dies leaves
an answer that nobody makes any more: when it should have been there, its status says that it failed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from scr.api.fhir.opened import Opened, Opener
from scr.api.fhir.pages import Pages, Plan
from scr.api.fhir.reconciled import Reconciler
from scr.api.fhir.search import Noting, Searcher, Taking
from scr.api.look import Answer, Clock, Look, written
from scr.broker.query import Known
from scr.consent.actor import Actor
from scr.consent.policy import Policy
from scr.errors import NotFound, ScrError, TooMany, Unavailable
from scr.faults import reach
from scr.fhir.entry import Entry
from scr.fhir.outcome import issue, operation_outcome, to_bytes
from scr.fhir.search import Codes, Pairs
from scr.store import jobs
from scr.store.engine import Database
from scr.store.keys import KeyRing

_log = structlog.get_logger("scr.api")
_AT_ONCE = 64
_RETRY_SECONDS = 1
_GRACE_MS = 15_000
"""What may come after the sources have answered: what is found is sealed and written."""
_ID = re.compile(r"[a-z2-7]{26}\Z")

Ask = Callable[[Searcher], Awaitable[Answer]]
SearcherFor = Callable[["Kept", Callable[[Known], None]], Searcher]
"""A searcher that gives what it finds to the first, and tells the second when a record was opened to it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Gives nothing of what was found: pins it. The body of the answer is the id of the snapshot."""

    pages: Pages

    async def first(
        self, look: Look, actor: Actor, opened: Opened, found: Sequence[Entry], plan: Plan
    ) -> Answer:
        """Pin it."""
        return Answer((await self.pages.pin(look, actor, opened, found, plan)).encode())


class Jobs:
    """Makes answers while nobody waits. ``seconds``: how long their sources have; ``lives``: seconds that an
    answer can be fetched."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        policy: Policy,
        pages: Pages,
        searcher_for: SearcherFor,
        clock: Clock,
        *,
        base_url: str,
        seconds: float,
        lives: int,
    ) -> None:
        self._database = database
        self._keys = keys
        self._policy = policy
        self._pages = pages
        self._searcher_for = searcher_for
        self._clock = clock
        self._base_url = base_url
        self._lease = round(seconds * 1000) + _GRACE_MS
        self._lives = lives * 1000
        self._making: dict[asyncio.Task[None], str] = {}

    async def start(self, look: Look, actor: Actor, ask: Ask) -> Answer:
        """Begin an answer; whatever refuses the question refuses it here, as if it were waited for.

        That it was asked is in the audit together with the job.
        """
        if len(self._making) >= _AT_ONCE:
            raise TooMany("too many answers are being made: ask again", retry_after=_RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Known] = loop.create_future()
        begun: asyncio.Future[str] = loop.create_future()
        task = asyncio.create_task(self._make(ask, opened, begun))
        self._making[task] = ""
        task.add_done_callback(lambda done: self._making.pop(done, None))
        try:
            waited: set[asyncio.Future[Any]] = {task, opened}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not opened.done():
                await task
            job = await self._begun(look, actor, opened.result())
            reach("job.begun")
        except BaseException:  # whoever asked has gone, or was refused: nothing is made for nobody
            task.cancel()
            raise
        self._making[task] = job
        begun.set_result(job)
        told = issue("information", "informational", "The answer is being made.", detail="later")
        headers = {"Content-Location": f"{self._base_url}/$job/{job}", "Retry-After": str(_RETRY_SECONDS)}
        return Answer(to_bytes(operation_outcome([told])), 202, headers)

    async def status(self, look: Look, actor: Actor, job: str) -> Answer:
        """How far it is, or the answer, decided again. Raises NotFound where there is none for this actor,
        Unavailable where it could not be made."""
        look.details["job"] = _checked(job)
        found = await self._database.read(
            lambda conn: jobs.find(conn, self._keys, job, actor.holder, self._clock())
        )
        if found is None:
            raise _no_job()
        if found.state == jobs.FAILED:
            raise Unavailable("the answer could not be made: ask again", code="job-failed")
        if found.state == jobs.RUNNING:
            told = issue("information", "informational", "The answer is being made.", detail="later")
            headers = {"X-Progress": "asking the sources", "Retry-After": str(_RETRY_SECONDS)}
            return Answer(to_bytes(operation_outcome([told])), 202, headers)
        return await self._pages.whole(look, actor, found.snapshot)

    async def cancel(self, look: Look, actor: Actor, job: str) -> Answer:
        """Make it no further, and forget it. Raises NotFound where there is none for this actor."""
        look.details["job"] = _checked(job)
        if not await self._database.write(lambda conn: jobs.drop(conn, self._keys, job, actor.holder)):
            raise _no_job()
        for task, making in list(self._making.items()):
            if making == job:
                task.cancel()
        told = issue("information", "informational", "The answer is not made any more.", detail="dropped")
        return Answer(to_bytes(operation_outcome([told])), 202)

    async def close(self) -> None:
        """End what is being made; its status says so at once."""
        for task, job in list(self._making.items()):
            task.cancel()
            with suppress(asyncio.CancelledError, ScrError):
                await task
            if job:
                with suppress(ScrError):
                    await self._database.write(partial(jobs.finish, job=job, snapshot=None))

    async def _begun(self, look: Look, actor: Actor, known: Known) -> str:
        return await written(
            look,
            self._database,
            self._policy,
            lambda conn: jobs.begin(
                conn, self._keys, known.person, actor.holder, look.now, lease=self._lease, lives=self._lives
            ),
            lambda job: look.details.update(job=job),
        )

    async def _make(self, ask: Ask, opened: asyncio.Future[Known], begun: asyncio.Future[str]) -> None:
        def hear(known: Known) -> None:
            if not opened.done():
                opened.set_result(known)

        snapshot = None
        try:
            snapshot = (await ask(self._searcher_for(Kept(self._pages), hear))).body.decode()
        except Exception as error:  # the HTTP boundary, of an answer that is fetched later
            if not opened.done():
                raise
            _log.error("job.failed", kind=error.code if isinstance(error, ScrError) else type(error).__name__)
        job = await begun
        reach("job.made")
        await self._database.write(lambda conn: jobs.finish(conn, job, snapshot))


class LaterSearcher(Searcher):
    """The same searches; an answer that whoever asks does not wait for (``look.later``) is made later."""

    def __init__(
        self,
        jobs: Jobs,
        opener: Opener,
        reconciler: Reconciler,
        pages: Pages,
        base_url: str,
        codes: Codes | None = None,
        noting: Noting | None = None,
    ) -> None:
        super().__init__(opener, reconciler, pages, base_url, codes, noting)
        self._jobs = jobs

    async def patients(self, look: Look, actor: Actor, pairs: Pairs, *, lenient: bool = False) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().patients(look, actor, pairs, lenient=lenient)
        return await self._jobs.start(look, actor, lambda s: s.patients(look, actor, pairs, lenient=lenient))

    async def resources(
        self,
        look: Look,
        actor: Actor,
        kind: str,
        pairs: Pairs,
        *,
        lenient: bool = False,
        taking: Taking | None = None,
    ) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().resources(look, actor, kind, pairs, lenient=lenient, taking=taking)
        return await self._jobs.start(
            look, actor, lambda s: s.resources(look, actor, kind, pairs, lenient=lenient, taking=taking)
        )

    async def everything(self, look: Look, actor: Actor, patient_id: str, pairs: Pairs) -> Answer:
        """As ``Searcher``."""
        if not look.later:
            return await super().everything(look, actor, patient_id, pairs)
        return await self._jobs.start(look, actor, lambda s: s.everything(look, actor, patient_id, pairs))


def _checked(job: str) -> str:
    if not _ID.match(job):
        raise _no_job()
    return job


def _no_job() -> NotFound:
    return NotFound("no answer is being made here, or none of yours: ask again", code="no-job")
