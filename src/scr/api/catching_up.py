"""Those who were held before people could be found by demographics are put into that index, once, beside
what else is done (``identity/tracing``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from scr.api.services import Services
from scr.errors import ScrError
from scr.identity.tracing import catch_up

_AT_ONCE = 200
_AGAIN_SECONDS = 60.0


@asynccontextmanager
async def catching_up(services: Services) -> AsyncIterator[None]:
    """The work, in the background; where the database is down it waits."""
    task = asyncio.create_task(_everybody(services))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _everybody(services: Services) -> None:
    after: str | None = ""
    while after is not None:
        try:
            after = await trace_some(services, after)
        except ScrError:
            await asyncio.sleep(_AGAIN_SECONDS)


async def trace_some(services: Services, after: str) -> str | None:
    """Some of them, in the order of their opaque keys; the last one's key, None when there are no more."""
    return await services.database.write(lambda conn: catch_up(conn, services.keys, after, _AT_ONCE))
