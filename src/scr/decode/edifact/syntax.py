"""Characters and segments of EDIFACT: service string, release character, character set, splitting.

ISO 9735 (EDIFACT syntax rules, versions 1 to 4), sections 5 (character sets) and 7 (separators), and
its annex on the service string advice (UNA). Every pass over the bytes is linear in their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from scr.decode.tree import DecodeError

MAX_PARTS = 1_000
"""More elements and components than any segment has: what has more is an attack or a mistake."""

_UTF_8_MARK = b"\xef\xbb\xbf"
_NOT_BLANK = re.compile(rb"[^ \t\r\n\x00\x1a]")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_TAG = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_QUALIFIED = frozenset({"CIN", "DTM", "FTX", "INV", "QTY", "RFF", "RND", "RSL", "SPC"})
"""Segments whose first element says of what sort the others are; elsewhere it is a value like any other."""
_QUALIFIER = re.compile(r"[A-Z0-9]{1,3}\Z")

_LATIN = ("cp1252", "iso-8859-1")  # those who declare Latin-1 send Windows quotation marks in it
_CODECS: dict[str, tuple[str, ...]] = {
    # A and B are subsets of ASCII: what is beyond it says itself whether it is UTF-8
    "UNOA": ("utf-8", *_LATIN),
    "UNOB": ("utf-8", *_LATIN),
    "UNOC": _LATIN,
    "UNOD": ("iso-8859-2",),
    "UNOE": ("iso-8859-5",),
    "UNOF": ("iso-8859-7",),
    "UNOG": ("iso-8859-3",),
    "UNOH": ("iso-8859-4",),
    "UNOI": ("iso-8859-6",),
    "UNOJ": ("iso-8859-8",),
    "UNOK": ("iso-8859-9",),
    "UNOL": ("iso-8859-15",),
    "UNOW": ("utf-8",),
    "UNOX": ("utf-8", *_LATIN),
    "UNOY": ("utf-8",),
    "": ("utf-8", *_LATIN),
}


@dataclass(frozen=True, slots=True)
class ServiceString:
    """The separators of an interchange; an empty ``release`` says that nothing can be escaped."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    terminator: str = "'"

    @property
    def advice(self) -> str:
        """The service string advice that names these separators."""
        return f"UNA{self.component}{self.element}{self.decimal}{self.release or ' '} {self.terminator}"

    def split(self, text: str, separator: str) -> list[str]:
        """The parts of a text between separators that are not released."""
        if not self.release or self.release not in text:
            return text.split(separator)
        parts, start = [], 0
        for match in _stops(self.release, separator).finditer(text):
            if match[0] == separator:
                parts.append(text[start : match.start()])
                start = match.end()
        parts.append(text[start:])
        return parts

    def unescape(self, text: str) -> str:
        """Text with its release characters taken off; one at the very end stands for itself."""
        if not self.release or self.release not in text:
            return text
        return _released(self.release).sub(r"\1", text)

    def escaped(self, text: str) -> str:
        """Text made safe to stand in a component. Raises ValueError where there is no release character
        and the text holds a separator."""
        marks = self.component + self.element + self.terminator + self.release
        if not any(mark in text for mark in marks):
            return text
        if not self.release:
            raise ValueError("this service string has no release character, and the text needs one")
        return "".join(self.release + c if c in marks else c for c in text)


class Piece(NamedTuple):
    """One segment as it stands in the payload: its bytes without line ends, and where they are.

    ``tag`` is its name; empty where the first three characters are none.
    """

    start: int
    end: int
    body: bytes
    marks: ServiceString
    tag: str


@dataclass(slots=True)
class Segment:
    """A segment's elements, each a list of components, unescaped. ``number`` counts from 1 in its message."""

    number: int
    tag: str
    elements: list[list[str]] = field(default_factory=list)
    qualifier: str = field(init=False, default="")
    """The first component where it is a code: what sort of date, reference or text this is."""

    def __post_init__(self) -> None:
        if self.tag in _QUALIFIED:
            self.qualifier = self.code(1)

    def get(self, element: int, component: int = 1) -> str:
        """A component by its place (from 1), without space around it; empty where there is none."""
        if element > len(self.elements) or component > len(self.elements[element - 1]):
            return ""
        return self.elements[element - 1][component - 1].strip()

    def code(self, element: int, component: int = 1) -> str:
        """A component where it has the form of a code (three letters or digits); otherwise empty."""
        text = self.get(element, component)
        return text if _QUALIFIER.match(text) else ""

    def name(self, element: int, component: int) -> str:
        """A place for people: ``DTM+329.1.2``; component 0 is the whole element, ``FTX+SPC.4``."""
        what = f"{self.tag}+{self.qualifier}" if self.qualifier else self.tag
        return f"{what}.{element}.{component}" if component else f"{what}.{element}"

    def places(self) -> Iterator[tuple[int, int]]:
        """Every component that has a value."""
        for e, components in enumerate(self.elements, 1):
            for c, text in enumerate(components, 1):
                if text and not text.isspace():
                    yield e, c


def pieces(raw: bytes) -> Iterator[Piece]:
    """Every segment of a payload in order, with the separators that hold where it stands.

    A UNA changes them, and is no segment. Line ends belong to no segment: old systems break lines
    between segments and at column 80. Raises DecodeError for a UNA that cannot be used.
    """
    marks, at = ServiceString(), 3 if raw.startswith(_UTF_8_MARK) else 0
    while True:
        at = _skip_blank(raw, at)
        if at >= len(raw):
            return
        if raw.startswith(b"UNA", at):
            marks, at = _service_string(raw, at)
            continue
        end = _end(raw, at, marks)
        stop = len(raw) if end < 0 else end
        body = _LINE_ENDS.sub(b"", raw[at:stop]).rstrip(b"\x00\x1a")
        after = stop if end < 0 else stop + 1
        if body:
            yield Piece(at, after, body, marks, _tag(body, marks))
        at = after
        if body.startswith(b"UNZ"):  # the next interchange says its own separators, or has the usual ones
            marks = ServiceString()


def _end(raw: bytes, at: int, marks: ServiceString) -> int:
    """Where the terminator stands that ends the segment; -1 where there is none."""
    terminator = marks.terminator.encode("latin-1")
    end = raw.find(terminator, at)
    released = raw.find(marks.release.encode("latin-1"), at, end) if marks.release and end > 0 else -1
    if released < 0:
        return end
    return next((m.start() for m in _terminator(marks).finditer(raw, released) if m[0] == terminator), -1)


def _tag(body: bytes, marks: ServiceString) -> str:
    head = body[:4].decode("latin-1")
    fits = head[3:] in {"", marks.element, marks.component}
    return head[:3] if fits and _TAG.match(head[:3]) else ""


def parse_segment(piece: Piece, number: int, codecs: tuple[str, ...]) -> Segment:
    """The elements of one segment. Raises DecodeError that names it, and nothing of what stands in it."""
    tag = piece.tag
    if not tag:
        raise DecodeError(
            "not a segment: a name of three capitals and a separator are needed",
            code="bad-segment",
            where=f"segment {number}",
        )
    where, marks = f"segment {number} ({tag})", piece.marks
    text = _to_text(piece.body, codecs, where)
    if text.count(marks.element) + text.count(marks.component) > MAX_PARTS:
        raise DecodeError(f"more than {MAX_PARTS} elements", code="too-many-elements", where=where)
    elements = [
        [marks.unescape(part) for part in marks.split(element, marks.component)]
        for element in marks.split(text, marks.element)[1:]
    ]
    return Segment(number, tag, elements)


def codecs_of(syntax: str) -> tuple[str, ...]:
    """Python's names of the character sets of UNB-1 (``UNOC``), in the order they are tried.

    Raises DecodeError for one that is not known.
    """
    codecs = _CODECS.get(syntax.strip().upper())
    if codecs is None:
        raise DecodeError(
            "a character set that is not known here; UNOA to UNOL and UNOW to UNOY are",
            code="bad-character-set",
            where="UNB-1",
        )
    return codecs


def _to_text(body: bytes, codecs: tuple[str, ...], where: str) -> str:
    for codec in codecs:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    raise DecodeError(
        f"a byte that is not in the character set of UNB-1 (read as {codecs[0]});"
        " the sender must name the character set that it uses",
        code="bad-character-set",
        where=where,
    )


def _service_string(raw: bytes, at: int) -> tuple[ServiceString, int]:
    """The separators that a UNA names, and where it ends; some leave out the reserved fifth one."""
    text = raw[at + 3 : at + 9].decode("latin-1").ljust(6)
    length = 5 if text[4] == "'" else 6
    component, element, decimal, release = text[0], text[1], text[2], text[3]
    terminator = text[length - 1]
    release = release.strip()
    used = [component, element, terminator, *([release] if release else [])]
    if len(set(used)) < len(used) or any(not c or c.isalnum() or c.isspace() or c > "~" for c in used):
        raise DecodeError(
            "UNA does not name four different separators; the usual line is UNA:+.? '",
            code="bad-separators",
            where="UNA",
        )
    return ServiceString(component, element, decimal, release, terminator), at + 3 + length


def _skip_blank(raw: bytes, at: int) -> int:
    match = _NOT_BLANK.search(raw, at)
    return len(raw) if match is None else match.start()


@lru_cache(maxsize=32)
def _terminator(marks: ServiceString) -> re.Pattern[bytes]:
    """What ends a segment, or a released character, which may stand after a line end."""
    end = re.escape(marks.terminator.encode("latin-1"))
    if not marks.release:
        return re.compile(end)
    return re.compile(re.escape(marks.release.encode("latin-1")) + rb"[\r\n]*[^\r\n]|" + end)


@lru_cache(maxsize=64)
def _stops(release: str, separator: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(release)}.|{re.escape(separator)}", re.DOTALL)


@lru_cache(maxsize=32)
def _released(release: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(release)}(.)", re.DOTALL)
