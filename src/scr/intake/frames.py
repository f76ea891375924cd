"""MLLP framing: HL7's minimal lower layer protocol, release 1 (HL7 v2 implementation guide, appendix C).

A message stands between 0x0B and 0x1C 0x0D. The last 0x0D is not insisted on, and what stands
between two frames is skipped and counted.
"""

from __future__ import annotations

START = b"\x0b"
END = b"\x1c"
CARRIAGE_RETURN = b"\r"


def frame(message: bytes) -> bytes:
    """A message in its frame."""
    return START + message + END + CARRIAGE_RETURN


class FrameTooLarge(Exception):
    """A frame grew past its limit before it ended; ``head`` is how it begins."""

    def __init__(self, head: bytes) -> None:
        super().__init__("an MLLP frame is over the limit")
        self.head = head


class FrameReader:
    """Frames out of a stream of bytes, in whatever pieces they come."""

    def __init__(self, max_bytes: int) -> None:
        self.garbage = 0
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._searched = 0

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._buffer.startswith(START)

    def feed(self, data: bytes) -> None:
        """Take in what has arrived."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole message; None where more bytes are needed. Raises FrameTooLarge."""
        if not self._skip_to_start():
            return None
        end = self._buffer.find(END, self._searched)
        if (end if end >= 0 else len(self._buffer)) - 1 > self._max_bytes:
            raise FrameTooLarge(bytes(self._buffer[1:4096]))
        if end < 0:
            self._searched = len(self._buffer)  # so that a byte at a time does not search all again
            return None
        message = bytes(self._buffer[1:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return message

    def _skip_to_start(self) -> bool:
        if self._buffer.startswith(START):
            return True
        start = self._buffer.find(START)
        between = self._buffer if start < 0 else self._buffer[:start]
        self.garbage += len(between.strip(CARRIAGE_RETURN + b"\n"))
        del self._buffer[: len(between)]
        self._searched = 0
        return start >= 0
