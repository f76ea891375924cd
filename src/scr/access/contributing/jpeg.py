"""A JPEG, segment by segment, before anything draws it. ITU-T T.81, annex B."""

from __future__ import annotations

import struct

from scr.access.contributing.png import check_points
from scr.access.contributing.refusing import broken, check_words, two_things

_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restarts."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WORDS = frozenset({0xFE, *range(0xE0, 0xF0)})


def check_jpeg(data: bytes) -> None:
    """Raises Refusal where it is no whole JPEG, is too large, or has something else in or behind it."""
    place, drawn = 2, False
    while True:
        place, marker = _marker(data, place)
        if marker == 0xD9:
            break
        if marker in _ALONE:
            continue
        body = _segment(data, place)
        place += len(body) + 2
        if marker in _FRAMES and len(body) >= 5:
            check_points(*struct.unpack_from(">HH", body, 1))
            drawn = True
        elif marker in _WORDS:
            check_words(body)
        elif marker == 0xDA:
            place = _after_scan(data, place)
    if not drawn:
        raise broken("picture")
    if place != len(data):
        raise two_things("picture")


def _segment(data: bytes, place: int) -> bytes:
    """What a segment holds, behind its length."""
    length = struct.unpack_from(">H", data, place)[0] if place + 2 <= len(data) else 0
    if length < 2 or place + length > len(data):
        raise broken("picture")
    return data[place + 2 : place + length]


def _marker(data: bytes, place: int) -> tuple[int, int]:
    """The next marker, and the place behind it; it may be filled up before."""
    if place >= len(data) or data[place] != 0xFF:
        raise broken("picture")
    while place < len(data) and data[place] == 0xFF:
        place += 1
    if place >= len(data):
        raise broken("picture")
    return place + 1, data[place]


def _after_scan(data: bytes, place: int) -> int:
    """Where the next segment begins, behind what is drawn."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise broken("picture")
        if data[place + 1] == 0 or data[place + 1] in _ALONE:
            place += 2
        else:
            return place
