"""The batches of a payload, each read while the one before it is filed; of a long file some more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import NamedTuple

from scr.decode.tree import BadUnit, Unit
from scr.intake.ahead.known import NOTHING, Ahead
from scr.intake.ahead.plan import Planner

_UNDER_WAY = 4
"""Batches that are mapped, or are to be, at a time: they are all that is held of a long file."""


class Batch(NamedTuple):
    """Some units of a payload; whether they are its last; and what is known of them already."""

    units: list[Unit | BadUnit]
    last: bool
    ahead: Ahead


@asynccontextmanager
async def batches_of(
    units: Iterator[Unit | BadUnit], size: int, planner: Planner | None
) -> AsyncIterator[AsyncIterator[Batch]]:
    """The batches of a payload, at least one. What is under way ends with the block."""
    under_way: deque[tuple[list[Unit | BadUnit], asyncio.Task[Ahead] | None]] = deque()

    async def each() -> AsyncGenerator[Batch, None]:
        more = True
        while more or under_way:
            while more and len(under_way) < (2 if planner is None else _UNDER_WAY):
                some = list(islice(units, size))
                more = len(some) == size
                if some or not under_way:
                    task = None if planner is None else asyncio.create_task(planner.plan(some))
                    under_way.append((some, task))
                if planner is not None:
                    await asyncio.sleep(0)  # what is read is handed over before more is read
            batch, task = under_way[0]
            ahead = NOTHING if task is None else await task
            under_way.popleft()
            yield Batch(batch, not more and not under_way, ahead)

    given = each()
    try:
        yield given
    finally:
        await given.aclose()
        left = [task for _, task in under_way if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
