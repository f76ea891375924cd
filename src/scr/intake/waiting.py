"""Messages that wait for the national register, tried again until each is filed or in quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from scr.errors import ScrError
from scr.intake.receive import Intake

_SHORTEST, _LONGEST = 0.2, 5.0
"""Seconds between two looks. Another process may let a message wait, so that a look comes soon."""

_log = structlog.get_logger("scr.intake")


class WaitingRoom:
    """Looks after the messages that wait. ``clock`` gives milliseconds UTC."""

    def __init__(self, intake: Intake, clock: Callable[[], int]) -> None:
        self._intake = intake
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Try what waits, when its time has come, until ``stop`` is set."""
        while not stop.is_set():
            pause = _LONGEST
            try:
                pause = self._pause(await self._intake.resume())
            except ScrError as error:  # the database is down: the next time
                _log.warning("nothing that waits was tried", code=error.code)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    def _pause(self, again: int | None) -> float:
        if again is None:
            return _LONGEST
        return min(max((again - self._clock()) / 1000, _SHORTEST), _LONGEST)
