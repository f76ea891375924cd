"""Waiting for what happens elsewhere: in a thread, a process, a task that nothing hands out.

The limit is no measure of speed: it only ends a test that would wait for ever, on the slowest of machines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LONG = 90.0
"""Seconds after which a test gives up."""


async def until(holds: Callable[[], object]) -> None:
    """Wait for it, and let the event loop work meanwhile."""
    async with asyncio.timeout(LONG):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def until_now(holds: Callable[[], object]) -> None:
    """Wait for it where no event loop runs."""
    limit = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)
