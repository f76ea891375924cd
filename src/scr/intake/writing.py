"""Units of work that several writers are at: again where another was first, and apart where that helps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from scr.decode.tree import BadUnit, Unit
from scr.errors import Conflict
from scr.faults import reach
from scr.intake.totals import Totals
from scr.store.engine import Database

T = TypeVar("T")

_ATTEMPTS = 10
_PAUSE = 0.05
"""Seconds: two processes with a long file each, about the same people, collide in nearly every part."""

_log = structlog.get_logger("scr.intake")


async def write(database: Database, work: Callable[[Connection], T]) -> T:
    """Write, again where another writer was first, after a moment that grows and is never the same."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return await database.write(work)
        except Conflict as conflict:
            _log.info("again", code=conflict.code)
        await asyncio.sleep(attempt * random.uniform(0, _PAUSE))  # noqa: S311 - to part the writers
    return await database.write(work)


async def file_units(
    database: Database,
    file: Callable[..., Totals | None],
    batch: list[Unit | BadUnit],
    totals: Totals,
    *,
    last: bool,
) -> Totals | None:
    """File units in one transaction; one by one where another writer is among the same people.

    Of two transactions with forty people each, in different orders, one has to give way for ever;
    one that waits for a single person does not hold another.
    """
    try:
        done = await database.write(partial(file, batch=batch, before=totals, last=last))
        reach("intake.part")
        return done
    except Conflict as conflict:
        _log.info("one by one", code=conflict.code)
    for some, at_end in [([unit], False) for unit in batch[:-1]] + [(batch[-1:], last)]:
        done = await write(database, partial(file, batch=some, before=totals, last=at_end))
        if done is None:
            return None
        totals = done
    return totals
