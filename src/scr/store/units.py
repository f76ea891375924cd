"""Units of work under way, and how whoever waits for one is told what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection], T]
"""A unit of work. It may be run a second time (after a lock), so it does nothing but use the connection."""


@dataclass(slots=True, eq=False)
class Unit:
    """A unit of work under way, and who waits for it: a thread, or a coroutine of a ``loop``."""

    work: Work[Any]
    waiter: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None
    result: object = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Tell what came of it, in the waiter's own thread; one that went away hears nothing."""
        if self.waiter.done():
            return
        if self.error is None:
            self.waiter.set_result(self.result)
        else:
            self.waiter.set_exception(self.error)


def tell_all(units: Iterable[Unit]) -> None:
    """Tell every waiter. Those of one loop are woken once: waking it costs as much as two statements."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Unit]] = {}
    for unit in units:
        if unit.loop is None:
            unit.tell()
        else:
            by_loop.setdefault(unit.loop, []).append(unit)
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop has closed, and with it every waiter
            loop.call_soon_threadsafe(_tell_each, waiting)


def _tell_each(units: Iterable[Unit]) -> None:
    for unit in units:
        unit.tell()
