"""An answer that goes out in parts, as they are made.

The audit has the look before the first byte. What was told in the end, and whether whoever asked took it,
is known later: a closing row with the same correlation says it. If the process dies the first row stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Send

from scr.errors import ScrError
from scr.fhir.outcome import outcome_bytes

_log = structlog.get_logger("scr.api")

Close = Callable[[str, ScrError | None], Awaitable[None]]
"""Writes down how a stream ended: ``whole``, ``gone`` (nobody listened any more), ``slow`` (it was not taken
in time), ``broken``; and the error where it broke."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The parts of an answer, bytes of one media type, for ``seconds`` at most.

    ``broken`` frames an OperationOutcome as the last part of a stream that cannot go on.
    """

    parts: AsyncGenerator[bytes]
    media_type: str
    seconds: float
    broken: Callable[[bytes], bytes]


class Streaming(StreamingResponse):
    """The HTTP response of a stream. ``fault`` turns what is no error of ours into one that may be told.

    A part is made when the one before it was taken: who reads slowly fills no memory here. Who does not read
    in time is let go, without the end that a whole body has.
    """

    def __init__(
        self, stream: Stream, headers: dict[str, str], close: Close, fault: Callable[[Exception], ScrError]
    ) -> None:
        super().__init__(self._told(), headers=headers, media_type=stream.media_type)
        self._stream, self._close, self._fault = stream, close, fault
        self._written = False

    async def stream_response(self, send: Send) -> None:
        """Send the parts, and write down what became of them."""
        ended = "gone"
        try:
            async with asyncio.timeout(self._stream.seconds), aclosing(self._stream.parts):
                await super().stream_response(send)
        except TimeoutError:
            ended = "slow"
        finally:
            with suppress(asyncio.CancelledError):  # what is to be written is on its way already
                await self._write(ended)

    async def _told(self) -> AsyncGenerator[bytes]:
        """The parts; that they were taken is written before the body ends."""
        try:
            async for part in self._stream.parts:
                yield part
            await self._write("whole")
        except Exception as failed:  # noqa: BLE001 - the HTTP boundary, of an answer that has begun
            error = self._fault(failed)
            yield self._stream.broken(outcome_bytes(error))
            await self._write("broken", error)

    async def _write(self, ended: str, error: ScrError | None = None) -> None:
        """Write the end down, once."""
        if not self._written:
            self._written = True
            await self._close(ended, error)
