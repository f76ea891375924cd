"""An event loop whose clock leaps: a test about seconds costs none, and a busy machine can not fail it.

The clock stands still while code runs; where everything waits, it goes on to the next timer at once. It is
for tests in which nothing is waited for but timers and each other: a socket, a thread or a process takes
real time, of which this clock knows nothing. ``@pytest.mark.leaping`` gives a test such a loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop. ``busy`` is how a test says that something keeps it from its work."""

    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__(_Leaping(self.busy))

    def time(self) -> float:
        """Seconds, of this loop alone."""
        return self._now

    def busy(self, seconds: float) -> None:
        """So much time passes in which the loop does nothing."""
        self._now += seconds


class _Leaping(selectors.DefaultSelector):
    def __init__(self, leap: Any) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select()
        found = super().select(0)
        if not found:
            self._leap(timeout)
        return found


def run(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, on a loop that leaps."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(main)
