"""The audit is judged beside what else is done: what is new in it, and each day when it is over.

Any process of a deployment may do it, and one at a time does; another finds nothing left to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from scr.api.alerting import sends_alerts
from scr.api.services import Services, now_ms
from scr.errors import ScrError
from scr.identity.misuse.watch import Done, MisuseWatch
from scr.store.engine import Database
from scr.store.turns import somebody_is_at, turn

_TURN = "misuse"
_EVERY_SECONDS = 30.0
_log = structlog.get_logger("scr.misuse")


@asynccontextmanager
async def judging(services: Services) -> AsyncIterator[None]:
    """Judge in the background; at the end it stops after the part that it is at."""
    watch = MisuseWatch(
        services.database,
        services.keys,
        services.policy,
        now_ms,
        alerts=sends_alerts(services.settings),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(_run(watch, services.database, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def judge(watch: MisuseWatch, database: Database, stopped: Callable[[], bool]) -> Done | None:
    """Judge what is new, in a thread; None where there is nothing to do, or somebody is at it already."""
    if not await asyncio.to_thread(watch.is_due) or await somebody_is_at(database, _TURN):
        return None
    async with turn(database, _TURN):
        return await asyncio.to_thread(watch.run, stopped)


async def _run(watch: MisuseWatch, database: Database, stop: asyncio.Event) -> None:
    while not await _is_set(stop, _EVERY_SECONDS):
        try:
            done = await judge(watch, database, stop.is_set)
        except ScrError as error:  # a database that is away: the next time
            _log.error("misuse.not_judged", code=error.code)
            continue
        if done is not None:
            _log.info("misuse", rows=done.rows, visits=done.visits, findings=done.findings)


async def _is_set(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
