"""Bytes → messages: one message, several in a file, an MLLP capture, a batch (FHS, BHS … BTS, FTS).

HL7 v2.5.1 chapter 2, section 2.10.3 (batch protocol).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scr.decode.hl7v2.message import parse
from scr.decode.hl7v2.text import as_ascii_based
from scr.decode.tree import BadUnit, DecodeError, Unit

_STARTS = re.compile(  # begins with a set of letters, which is what makes the search quick
    rb"[MFB](?:SH|HS|TS)(?<=MSH|FHS|BHS|FTS|BTS)(?<![^\r\n\x0b\x1c]...)(?![A-Za-z0-9 ])"
)
_AROUND = b"\x0b\x1c\x1a\x00\r\n\t "


def decode(raw: bytes) -> Iterator[Unit | BadUnit]:
    """Every message of a payload, in order; ``unit.tree`` is a ``Message``.

    It never raises: what cannot be read is a BadUnit with its own bytes and a DecodeError that names
    the place. A batch whose trailer counts other than what is there gives a BadUnit of its own.
    """
    pieces = _pieces(as_ascii_based(raw).lstrip(_AROUND))
    found = counted = 0
    current = next(pieces, None)
    while current is not None:
        following = next(pieces, None)
        kind, piece = current
        if kind == b"MSH":
            found += 1
            alone = found == 1 and (following is None or following[0] != b"MSH")
            yield _unit("message" if alone else f"message {found}", piece)
        elif kind == b"BTS":
            yield from _miscounted(piece, found - counted)
            counted = found
        elif kind == b"":
            yield _no_header(piece)
        current = following
    if found == 0 and not raw.strip(_AROUND):
        yield _no_header(raw)


def _pieces(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each envelope segment and message with its kind; what stands before the first has kind ``b""``."""
    start, kind = 0, b""
    for match in _STARTS.finditer(raw):
        piece = raw[start : match.start()].strip(_AROUND)
        if piece:
            yield kind, piece
        start, kind = match.start(), match[0]
    piece = raw[start:].strip(_AROUND)
    if piece:
        yield kind, piece


def _unit(place: str, piece: bytes) -> Unit | BadUnit:
    try:
        return Unit(parse(piece), place, piece)
    except DecodeError as error:
        return BadUnit(place, piece, error)


def _no_header(piece: bytes) -> BadUnit:
    error = DecodeError(
        "there is no MSH segment here; a message begins with MSH and the field separator",
        code="no-header",
        where="segment 1",
    )
    return BadUnit("before the first message", piece, error)


def _miscounted(trailer: bytes, found: int) -> Iterator[BadUnit]:
    """A batch that was cut off says so by the count in BTS-1."""
    count = re.match(rb"BTS.[ ]*(\d{1,9})", trailer)
    if count is not None and int(count[1]) != found:
        error = DecodeError(
            f"the batch says that it has {int(count[1])} messages, and {found} are there;"
            " ask the sender for the whole of it",
            code="batch-incomplete",
            where="BTS-1",
        )
        yield BadUnit("batch trailer", trailer, error)
