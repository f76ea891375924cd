"""The bytes of a MESH message, put together from its chunks and unfolded, within a limit."""

from __future__ import annotations

import zlib

from scr.errors import TooLarge
from scr.intake.mesh import MeshFailure


class Content:
    """The bytes of a message, at most ``limit``.

    Chunks that are each compressed, put one after another, are the members of one gzip file (RFC 1952,
    2.2); so is one gzip file that was cut into chunks. Both unfold in the same way.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self._member: zlib._Decompress | None = None

    def add(self, piece: bytes, *, zipped: bool) -> None:
        """Add some bytes. Raises TooLarge, and MeshFailure where they cannot be unfolded."""
        if zipped:
            self._unfold(piece)
        elif self._open:
            raise MeshFailure("a compressed chunk broke off", code="truncated")
        else:
            self._bytes += piece
        if len(self._bytes) > self._limit:
            raise TooLarge(f"the message is over the limit of {self._limit} bytes", code="too-large")

    def whole(self) -> bytes:
        """All of it. Raises MeshFailure where something compressed has no end."""
        if self._open:
            raise MeshFailure("a compressed chunk broke off", code="truncated")
        return bytes(self._bytes)

    @property
    def _open(self) -> bool:
        return self._member is not None and not self._member.eof

    def _unfold(self, piece: bytes) -> None:
        try:
            while piece and len(self._bytes) <= self._limit:
                if self._member is None or self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                self._bytes += self._member.decompress(piece, self._limit - len(self._bytes) + 1)
                piece = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error:
            raise MeshFailure("a compressed chunk cannot be unfolded", code="truncated") from None


def unfolded(whole: bytes, limit: int) -> bytes:
    """A content that its sender compressed; as it is, where it is not compressed after all."""
    content = Content(limit)
    try:
        content.add(whole, zipped=True)
        return content.whole()
    except MeshFailure:
        return whole
