"""A circuit breaker: what has failed some times in a row is left alone for a while.

It is open for a pause that doubles from failure to failure; then a single call is let through to see,
and what comes of that one closes it or opens it again. It does no input or output, and the clock is
passed in. It belongs to one event loop, and holds no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class BreakerState(StrEnum):
    """``half-open``: the pause is over, and one call may go, or is on its way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class Breaker:
    """One breaker, for one system. ``clock`` gives seconds and never goes back.

    ``failures`` in a row open it, for ``pause`` seconds at first and ``longest`` at most. A probe of which
    nothing is heard is given up after ``longest``, so that it cannot stay half-open for ever.
    """

    clock: Callable[[], float]
    failures: int = 5
    pause: float = 5.0
    longest: float = 120.0
    _failed: int = field(default=0, init=False)
    _opened: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _probing: bool = field(default=False, init=False)

    @property
    def state(self) -> BreakerState:
        """How it is now."""
        if not self._opened:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._probing or not self.wait else BreakerState.OPEN

    @property
    def wait(self) -> float:
        """Seconds until a call may go; 0 where one may go now."""
        return max(self._until - self.clock(), 0.0) if self._opened else 0.0

    def admit(self) -> bool:
        """Whether a call may go now. Who was let through tells ``succeeded`` or ``failed`` after it."""
        if not self._opened:
            return True
        if self.wait:
            return False
        self._probing, self._until = True, self.clock() + self.longest
        return True

    def succeeded(self) -> None:
        """It answered: it is closed."""
        self._failed, self._opened, self._probing = 0, 0, False

    def gave_up(self) -> None:
        """Nothing was learnt of the call that was let through: the next one may see, at once."""
        if self._probing:
            self._probing, self._until = False, self.clock()

    def failed(self, retry_after: float | None = None) -> None:
        """It did not answer. With ``retry_after`` (seconds) it named a pause itself, and opens at once.

        What fails while it is open was on its way before, and tells nothing new.
        """
        if self._opened and not self._probing:
            return
        self._failed += 1
        if self._failed < self.failures and retry_after is None and not self._probing:
            return
        asked = self.pause * 2.0 ** min(self._opened, 20) if retry_after is None else max(retry_after, 0.0)
        self._opened, self._probing = self._opened + 1, False
        self._until = self.clock() + min(asked, self.longest)
