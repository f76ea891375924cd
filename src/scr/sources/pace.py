"""How long a source's calls take, and a second call where one takes unusually long.

A call that is past the time within which nineteen of twenty of its kind were answered is likely to be one
that got stuck; the same question asked once more is then the quicker way to the answer. Only what merely
reads is asked twice, and only one call in twenty, so that a source which has become slow is not asked twice
as much for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import httpx

from scr.sources.http import Fetched, SourceFailure, fetch_once

_SAMPLES = 64
_ENOUGH = 20
"""Calls of a kind that were answered, before anything is said of their usual time."""
_KINDS = 32
_SHARE = 0.05
_SAVED = 3.0
"""Second calls that may be made in a row, after a time without any."""
_LEAST = 0.02


@dataclass(slots=True)
class Pace:
    """One source's, in memory and bounded: for each kind of call the times of the last 64 answers."""

    _times: dict[str, deque[float]] = field(default_factory=dict, init=False)
    _usual: dict[str, float] = field(default_factory=dict, init=False)
    _allowed: float = field(default=1.0, init=False)

    def took(self, kind: str, seconds: float) -> None:
        """A call of a kind was answered after so many seconds."""
        if kind not in self._times and len(self._times) >= _KINDS:
            return
        times = self._times.setdefault(kind, deque(maxlen=_SAMPLES))
        times.append(seconds)
        self._allowed = min(self._allowed + _SHARE, _SAVED)
        if len(times) >= _ENOUGH:
            self._usual[kind] = max(sorted(times)[len(times) * 95 // 100], _LEAST)

    def usual(self, kind: str) -> float | None:
        """Seconds within which nineteen of twenty were answered; None where that is not known yet."""
        return self._usual.get(kind)

    def may_repeat(self) -> bool:
        """Whether a second call may be made now; if so, it is counted."""
        if self._allowed < 1.0:
            return False
        self._allowed -= 1.0
        return True


async def fetch_paced(
    pace: Pace, client: httpx.AsyncClient, request: httpx.Request, max_bytes: int, deadline: float
) -> Fetched:
    """As ``fetch_once``, and once more beside it where it takes unusually long; the first answer is taken.

    The request must be one that only reads. Raises what ``fetch_once`` raises.
    """
    kind = f"{request.method} {request.url.path.rpartition('/')[2]}"
    loop = asyncio.get_running_loop()
    started, usual = loop.time(), pace.usual(kind)
    if usual is None:
        fetched = await fetch_once(client, request, max_bytes, deadline)
    else:
        fetched = await _repeated(pace, usual, client, request, max_bytes, deadline)
    pace.took(kind, loop.time() - started)
    return fetched


async def _repeated(
    pace: Pace,
    usual: float,
    client: httpx.AsyncClient,
    request: httpx.Request,
    max_bytes: int,
    deadline: float,
) -> Fetched:
    calls = [asyncio.create_task(fetch_once(client, request, max_bytes, deadline))]
    try:
        done, _ = await asyncio.wait(calls, timeout=usual)
        if not done and pace.may_repeat():
            calls.append(asyncio.create_task(fetch_once(client, request, max_bytes, deadline)))
        return await _first_good(calls)
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _first_good(calls: list[asyncio.Task[Fetched]]) -> Fetched:
    """The first that is an answer; where none is, the failure of the first call."""
    waiting = set(calls)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for call in done:
            if not isinstance(call.exception(), SourceFailure):
                return call.result()
    return calls[0].result()
