"""A PNG, chunk by chunk, before anything draws it. https://www.w3.org/TR/png-3/"""

from __future__ import annotations

import struct
import zlib

from scr.access.contributing.found import N_
from scr.access.contributing.refusing import Refusal, broken, check_words, two_things

MOST_POINTS = 40_000_000
"""Points of a picture: more than is of use here, and quickly drawn."""
_MOST_WORDS = 1_000_000


def check_png(data: bytes) -> None:
    """Raises Refusal where it is no whole PNG, is too large, or has something else in or behind it."""
    place, first, picture = 8, True, False
    while True:
        if place + 12 > len(data):
            raise broken("picture")
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data) or not kind.isalpha():
            raise broken("picture")
        body = data[place + 8 : end - 4]
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, end - 4)[0]:
            raise broken("picture")
        if first:
            _check_head(kind, body)
            first = False
        picture = picture or kind == b"IDAT"
        if kind not in (b"IDAT", b"fdAT"):
            check_words(_words(kind, body))
        place = end
        if kind == b"IEND":
            break
    if not picture:
        raise broken("picture")
    if place != len(data):
        raise two_things("picture")


def _check_head(kind: bytes, body: bytes) -> None:
    if kind != b"IHDR" or len(body) != 13:
        raise broken("picture")
    width, height = struct.unpack_from(">II", body)
    check_points(width, height)


def check_points(width: int, height: int) -> None:
    """Raises Refusal for a picture with none, or too many."""
    if not width or not height:
        raise broken("picture")
    if width * height > MOST_POINTS:
        raise Refusal("too-many-points", N_("The picture is too large. Send it at a smaller size."))


def _words(kind: bytes, body: bytes) -> bytes:
    """What a chunk says, with its compressed part opened as far as it goes."""
    if kind not in (b"zTXt", b"iTXt", b"iCCP"):
        return body
    found = body
    for place in range(len(body) - 1):
        if body[place] == 0x78:  # how zlib begins
            try:
                found += zlib.decompressobj().decompress(body[place:], _MOST_WORDS)
                break
            except zlib.error:
                continue
    return found
