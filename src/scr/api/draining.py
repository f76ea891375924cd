"""A process that is to stop: it says so, takes no more, and finishes what it has begun.

At SIGTERM `/health/ready` turns 503, and MLLP, the drop folder and MESH take nothing new. For the notice of
the settings requests are still taken, so that whoever shares them out hears of it first; then no connection
is. What is under way has the settings' seconds to end; what takes longer is broken off, and had no answer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scr.api.directory import template_of
from scr.settings import Settings

if TYPE_CHECKING:  # loading it takes time, which a process that is not measured does not need
    from scr.api.measures import Measures

_log = structlog.get_logger("scr")


@dataclass(slots=True, eq=False)
class Drain:
    """Whether this process is to stop, and the requests that it has under way.

    ``signalled``: it is the server's own process, which is told by signals.
    """

    signalled: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set[asyncio.Task[object]] = field(default_factory=set)

    async def empty(self, seconds: float) -> None:
        """Wait until nothing is under way; after so many seconds the rest is broken off."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.under_way and loop.time() < until:
            await asyncio.wait(
                set(self.under_way), timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
        if self.under_way:
            _log.warning("requests broken off", count=len(self.under_way))
        for task in set(self.under_way):
            task.cancel()


class Counting:
    """Stands around the application: knows what is under way, and has it counted where somebody measures."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return
        self._drain.under_way.add(task)
        try:
            await self._measured(scope, receive, send)
        finally:
            self._drain.under_way.discard(task)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        measures: Measures | None = getattr(scope["app"].state, "measures", None)
        if measures is None:
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            measures.served(scope["method"], template_of(scope), status, time.monotonic() - started)


@asynccontextmanager
async def ended_by(drain: Drain, context: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """A context that ends when the process is to stop, and not only after its last answer."""
    stack = AsyncExitStack()
    await stack.enter_async_context(context)

    async def end() -> None:
        await drain.begun.wait()
        await stack.aclose()

    ending = asyncio.create_task(end())
    try:
        yield
    finally:
        drain.begun.set()
        await ending


@contextmanager
def heeding(drain: Drain, settings: Settings) -> Iterator[None]:
    """Take SIGTERM in the place of the server, which is told by SIGINT when the notice is over.

    The server hears both alike: it then takes no connection, and ends when every answer is out.
    """
    if not drain.signalled:
        yield
        return
    loop, under_way = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def stop() -> None:
        _log.info("draining", requests=len(drain.under_way))
        await asyncio.sleep(settings.drain_notice_seconds)
        os.kill(os.getpid(), signal.SIGINT)
        await drain.empty(settings.drain_seconds)

    def told() -> None:
        if not under_way:  # whoever stops a whole group tells it twice
            drain.begun.set()
            under_way.add(loop.create_task(stop()))

    loop.add_signal_handler(signal.SIGTERM, told)
    yield
