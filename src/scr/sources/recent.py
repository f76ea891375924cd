"""Answers that were read a moment ago: a clinician's system asks ten questions about one person.

Reading an answer costs some ten times what fetching it does. The same bytes, about the same person, read by
the same configuration, give the same entries: they are kept in this process for a minute, bounded in size.
The source is asked all the same, and consent decides on every entry of every answer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

SECONDS = 60.0
MAX_BYTES = 32 * 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    until: float
    size: int
    reading: T


class RecentReadings(Generic[T]):
    """What was read last. ``made_by`` names the configuration in force for an adapter."""

    def __init__(
        self,
        made_by: Callable[[str], str],
        *,
        seconds: float = SECONDS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._made_by = made_by
        self._seconds, self._max_bytes, self._clock = seconds, max_bytes, clock
        self._read: OrderedDict[Hashable, _Read[T]] = OrderedDict()
        self.size = 0

    def once(self, adapter: str, about: Hashable, size: int, read: Callable[[], T]) -> T:
        """What was read of this a moment ago, or what ``read`` makes of it now: ``size`` bytes, about.

        Raises what ``read`` raises, and keeps nothing of it.
        """
        key = (adapter, self._made_by(adapter), about)
        known = self._read.get(key)
        if known is not None and self._clock() < known.until:
            self._read.move_to_end(key)
            return known.reading
        reading = read()
        self.sweep()
        if size <= self._max_bytes:
            self._forget(key)
            self._read[key] = _Read(self._clock() + self._seconds, size, reading)
            self.size += size
        while self.size > self._max_bytes:
            self._forget(next(iter(self._read)))
        return reading

    def sweep(self) -> None:
        """Let go of what is over its time."""
        now = self._clock()
        for key in [key for key, known in self._read.items() if known.until <= now]:
            self._forget(key)

    def _forget(self, key: Hashable) -> None:
        before = self._read.pop(key, None)
        if before is not None:
            self.size -= before.size
