"""The other end of MLLP: sends messages and waits for their acknowledgements."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from scr.errors import Unavailable
from scr.intake.frames import FrameReader, frame

Exchange = Callable[[bytes], Awaitable[bytes]]
"""Sends one message and gives its acknowledgement, both without their frames."""

_LONGEST_ACKNOWLEDGEMENT = 1024 * 1024


@asynccontextmanager
async def connect(
    host: str,
    port: int,
    *,
    ssl: tls.SSLContext | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - each exchange has the same deadline
) -> AsyncIterator[Exchange]:
    """One connection for any number of messages, one after another.

    Raises OSError where there is no connection to be had, TimeoutError for an exchange over
    ``timeout`` seconds, Unavailable where the peer closes without an answer.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port, ssl=ssl)
    frames = FrameReader(_LONGEST_ACKNOWLEDGEMENT)

    async def exchange(message: bytes) -> bytes:
        async with asyncio.timeout(timeout):
            writer.write(frame(message))
            await writer.drain()
            while (answer := frames.next()) is None:
                data = await reader.read(65536)
                if not data:
                    raise Unavailable("the peer closed the connection without an acknowledgement")
                frames.feed(data)
            return answer

    try:
        yield exchange
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def send(
    host: str,
    port: int,
    message: bytes,
    *,
    ssl: tls.SSLContext | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - see connect
) -> bytes:
    """Send one message over a connection of its own, and give the acknowledgement; see ``connect``."""
    async with connect(host, port, ssl=ssl, timeout=timeout) as exchange:
        return await exchange(message)
