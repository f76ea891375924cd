"""The MLLP server: HL7 v2 messages over TCP, with or without TLS.

One message of a connection is handled at a time, in order, and its acknowledgement is sent before
the next is read: that is what a sender relies on (HL7 v2 chapter 2.9.2). The handler decides what is
taken; the server keeps the wire.
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from scr.decode.hl7v2 import acknowledge
from scr.errors import Fault
from scr.faults import reach
from scr.intake.frames import FrameReader, FrameTooLarge, frame

Handler = Callable[[bytes], Awaitable[bytes]]
"""Takes a message without its frame and gives the acknowledgement without its frame."""

_CHUNK = 64 * 1024
_HANDSHAKE_SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MllpCounts:
    """What the server has seen since it started; ``garbage`` is bytes outside of any frame."""

    connections: int = 0
    refused: int = 0
    messages: int = 0
    faults: int = 0
    too_large: int = 0
    timed_out: int = 0
    cut_off: int = 0
    garbage: int = 0


@dataclass(slots=True, eq=False)
class _Connection:
    """One peer: its task, and whether a message of it is being handled now."""

    task: asyncio.Task[None]
    writer: asyncio.StreamWriter
    busy: bool = False


class MllpServer:
    """A server for one address.

    ``max_bytes`` is the largest message, ``idle_seconds`` how long a peer may take to send the next
    whole message (or to take its acknowledgement). Over ``max_connections`` a peer is closed at once.
    """

    def __init__(
        self,
        handler: Handler,
        host: str,
        port: int,
        *,
        ssl: tls.SSLContext | None = None,
        max_bytes: int = 4 * 1024 * 1024,
        idle_seconds: float = 300.0,
        max_connections: int = 256,
    ) -> None:
        self.counts = MllpCounts()
        self._handler = handler
        self._address = (host, port)
        self._ssl = ssl
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds
        self._max_connections = max_connections
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._stopping = False

    @property
    def port(self) -> int:
        """The port that it listens on, also where 0 was asked for. Raises Fault before ``start``."""
        if self._server is None or not self._server.sockets:
            raise Fault("the MLLP server is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, *, shared: bool = False) -> None:
        """Listen; ``shared``: beside another process at the same address, whose place this one takes.

        Raises OSError where the address cannot be had.
        """
        self._stopping = False
        self._server = await asyncio.start_server(
            self._accept,
            *self._address,
            ssl=self._ssl,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._ssl else None,
            limit=_CHUNK,
            reuse_port=shared or None,
        )

    async def stop(self, grace_seconds: float = 30.0) -> None:
        """Listen no more, finish and acknowledge what is being handled, and close every connection."""
        if self._server is None:
            return
        self._stopping = True
        self._server.close()
        for connection in self._connections:
            if not connection.busy:
                connection.task.cancel()
        tasks = [connection.task for connection in self._connections]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping or len(self._connections) >= self._max_connections:
            self.counts.refused += 1
            await _close(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(task, writer)
        self._connections.add(connection)
        self.counts.connections += 1
        frames = FrameReader(self._max_bytes)
        try:
            await self._serve(connection, frames, reader)
        except TimeoutError:
            self.counts.timed_out += 1
            log.warning("mllp.timed_out", seconds=self._idle_seconds, in_frame=frames.partial)
        except OSError as error:  # the peer went away, or broke TLS
            log.info("mllp.connection_lost", error=type(error).__name__)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            self.counts.garbage += frames.garbage
            self.counts.cut_off += frames.partial
            self._connections.discard(connection)
            await _close(writer)

    async def _serve(
        self, connection: _Connection, frames: FrameReader, reader: asyncio.StreamReader
    ) -> None:
        """Message after message, until the peer closes, breaks a limit, or the server stops."""
        while not self._stopping:
            try:
                message = await self._receive(frames, reader)
            except FrameTooLarge as error:
                self.counts.too_large += 1
                log.warning("mllp.too_large", limit=self._max_bytes)
                text = f"the message is larger than {self._max_bytes} bytes"
                await self._send(connection, _refusal(error.head, text))
                return
            if message is None:
                return
            connection.busy = True
            try:
                answer = await self._handle(message)
                reach("mllp.acknowledging")
                await self._send(connection, answer)
                reach("mllp.acknowledged")
            finally:
                connection.busy = False

    async def _receive(self, frames: FrameReader, reader: asyncio.StreamReader) -> bytes | None:
        """The next message; None at the end of the stream. One deadline for a whole frame, so that a
        peer that sends a byte now and then holds no place for ever."""
        async with asyncio.timeout(self._idle_seconds):
            while (message := frames.next()) is None:
                data = await reader.read(_CHUNK)
                if not data:
                    return None
                frames.feed(data)
            return message

    async def _handle(self, message: bytes) -> bytes:
        self.counts.messages += 1
        try:
            return await self._handler(message)
        except Exception as error:  # noqa: BLE001 - the message boundary: a fault is answered, the server lives
            self.counts.faults += 1
            log.error("mllp.handler_failed", error=type(error).__name__, size=len(message))
            text = "the message could not be taken; it may be sent again"
            return acknowledge(message, "AE", text=text, at=datetime.now(UTC))

    async def _send(self, connection: _Connection, message: bytes) -> None:
        connection.writer.write(frame(message))
        async with asyncio.timeout(self._idle_seconds):
            await connection.writer.drain()


def _refusal(head: bytes, text: str) -> bytes:
    return acknowledge(head, "AR", text=text, at=datetime.now(UTC))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
