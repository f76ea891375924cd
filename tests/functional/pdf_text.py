"""The text of a PDF that fpdf2 wrote: the letters of each string, by the table that its font has for it."""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj|\[((?:[^\]\\]|\\.)*)\] TJ", re.DOTALL)
_PART = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)


def text_of(raw: bytes) -> str:
    """The strings in their order, one a line."""
    objects = {int(number): body for number, body in _OBJECT.findall(raw)}
    tables = {}
    for name, number in {found for body in objects.values() for found in _FONT.findall(body)}:
        reference = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        assert reference is not None
        tables[name] = _letters(_data(objects[int(reference[1])]))
    lines = []
    for body in objects.values():
        if b" Tf" in (data := _data(body)):
            lines += _lines(data, tables)
    return "\n".join(lines)


def streams_of(raw: bytes) -> list[bytes]:
    """What is drawn on each page, among other streams."""
    return [_data(body) for _, body in _OBJECT.findall(raw)]


def _data(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None:
        return b""
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def _letters(table: bytes) -> dict[int, str]:
    return {
        int(code, 16): bytes.fromhex(letters.decode()).decode("utf-16-be")
        for code, letters in re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4,})>", table)
    }


def _lines(data: bytes, tables: dict[bytes, dict[int, str]]) -> list[str]:
    lines, table = [], next(iter(tables.values()))
    for font, string, parts in _SHOWN.findall(data):
        if font:
            table = tables[font]
            continue
        codes = b"".join(map(_plain, _PART.findall(parts) if parts else [string]))
        pairs = zip(codes[::2], codes[1::2], strict=False)
        lines.append("".join(table.get(high << 8 | low, "?") for high, low in pairs))
    return lines


def _plain(string: bytes) -> bytes:
    """A string without its escapes."""
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    return re.sub(rb"\\(.)", lambda found: named.get(found[1], found[1]), string, flags=re.DOTALL)
