"""Sources are reminded of what people say is wrong in what they have sent, by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from scr.access.challenges.deadline import REMIND_MS
from scr.api.services import Services, now_ms
from scr.errors import ScrError
from scr.store import challenges
from scr.store.engine import Database

_SECONDS = 60.0
_log = structlog.get_logger("scr.challenges")


async def remind(database: Database, now: int, *, sends: bool) -> tuple[int, int]:
    """Remind whoever has to be reminded as of ``now`` (ms UTC), each once.

    Gives how many sources were reminded, and of how many the privacy officer was told.
    """
    done = await database.write(lambda conn: challenges.remind(conn, now, REMIND_MS, sends=sends))
    if any(done):
        _log.warning("challenges", due_soon=done[0], overdue=done[1])
    return done


@asynccontextmanager
async def reminding(services: Services, *, sends: bool) -> AsyncIterator[None]:
    """Remind, every minute."""

    async def sweep() -> None:
        while True:
            with suppress(ScrError):  # a database that is down: the next time
                await remind(services.database, now_ms(), sends=sends)
            await asyncio.sleep(_SECONDS)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
