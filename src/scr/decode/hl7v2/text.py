"""Characters of HL7 v2: the character set of MSH-18, the delimiters of MSH-1 and MSH-2, and escapes.

HL7 v2.5.1 chapter 2, sections 2.5.4 (delimiters), 2.7 (escape sequences) and 2.15.9.18 (character
set), and table 0211.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from scr.decode.tree import DecodeError

_CODECS = {
    "": ("utf-8", "cp1252"),  # nothing is declared: what is not UTF-8 came from an older Windows system
    "ASCII": ("ascii",),
    "ISOIR6": ("ascii",),
    "UNICODE": ("utf-8",),
    "UNICODEUTF8": ("utf-8",),
    "UTF8": ("utf-8",),
    "UNICODEUTF16": ("utf-8",),  # one in UTF-16 was made UTF-8 before this is asked
    "UTF16": ("utf-8",),
    "88591": ("cp1252", "iso-8859-1"),  # those who declare Latin-1 send Windows quotation marks in it
    "WINDOWS1252": ("cp1252",),
    "CP1252": ("cp1252",),
    **{f"8859{part}": (f"iso-8859-{part}",) for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
}
_UTF_8_MARK = b"\xef\xbb\xbf"
_MARK_BEFORE = re.compile(rb"(?:\xef\xbb\xbf)+(?=MSH|FHS|BHS|BTS|FTS)|\A(?:\xef\xbb\xbf)+")
"""A mark within a payload: of files that were put one after another, or that were framed as they were."""
_NOT_IN_A_NAME = re.compile(r"[^A-Z0-9]")


def to_text(raw: bytes, declared: tuple[str, ...]) -> str:
    """The characters of one message, whose MSH-18 names ``declared`` (empty: UTF-8, else cp1252).

    Raises DecodeError with the segment and the byte that does not belong to the character set.
    """
    first: UnicodeDecodeError | None = None
    for name in declared or ("",):
        for codec in codecs_of(name):
            try:
                return raw.decode(codec)
            except UnicodeDecodeError as error:
                first = first or error
    assert first is not None
    before = re.split(rb"[\r\n]+", raw[: first.start].lstrip())
    segment = before[-1][:3].decode("ascii", "replace") or "segment"
    declaration = f"MSH-18 says {declared[0]!r}" if declared else "MSH-18 says nothing"
    raise DecodeError(
        f"the byte at offset {first.start} is not in the character set ({declaration}, read as"
        f" {first.encoding}); the sender must name the character set that it uses",
        code="bad-character-set",
        where=f"segment {len(before)} ({segment})",
    )


def as_ascii_based(raw: bytes) -> bytes:
    """The bytes of a payload in a character set in which ASCII is itself: UTF-16 becomes UTF-8."""
    head = raw[:8].lstrip(b"\x0b")
    for mark, codec in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"M\0S\0", "utf-16-le"),
        (b"\0M\0S", "utf-16-be"),
    ):
        if head.startswith(mark):
            try:
                raw = raw.lstrip(b"\x0b").decode(codec).encode()
            except UnicodeDecodeError:
                return raw  # it then has no MSH, and is refused for that
            break
    return _MARK_BEFORE.sub(b"", raw) if _UTF_8_MARK in raw else raw


def codecs_of(declared: str) -> tuple[str, ...]:
    """Python's names of a character set of MSH-18, to be tried in order. Raises DecodeError."""
    name = _NOT_IN_A_NAME.sub("", declared.upper()).removeprefix("ISO")
    codecs = _CODECS.get(name) or _CODECS.get("ISO" + name)
    if codecs is None:
        raise DecodeError(
            "a character set that is not known here; ASCII, 8859/1 to 8859/9, 8859/15,"
            " UNICODE and UNICODE UTF-8 are",
            code="bad-character-set",
            where="MSH-18",
        )
    return codecs


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The delimiters of one message; one that the sender did not name is empty, and separates nothing."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def are_usual(self) -> bool:
        """Whether each that can stand within a field is named."""
        return bool(self.component and self.repetition and self.escape and self.subcomponent)

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    def unescape(self, text: str) -> str:
        r"""Text with its escape sequences resolved.

        ``\F\ \S\ \T\ \R\ \E\ \P\`` are the delimiters, ``\X0D\`` bytes in hexadecimal, ``\.br\`` and
        ``\.sp\`` line ends; ``\H\`` and ``\N\`` (highlighting) go. Others stay as they are.
        """
        if not self.escape or self.escape not in text:
            return text
        return _known(self.escape).sub(self._resolve, text)

    def _resolve(self, match: re.Match[str]) -> str:
        sequence = match[1]
        match sequence[0]:
            case "X":
                return _hexadecimal(sequence[1:], match[0])
            case ".":
                return "\n" * int(sequence[3:] or 1)
            case "H" | "N":
                return ""
        return self._named()[sequence]

    def _named(self) -> dict[str, str]:
        return {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "P": self.truncation or "#",
        }

    def escaped(self, text: str) -> str:
        """Text made safe to stand in a field; control characters become spaces."""
        clean = "".join(character if character.isprintable() else " " for character in text)
        if not self.escape:
            return "".join(c for c in clean if c not in self.field + self.encoding_characters)
        names = {delimiter: name for name, delimiter in self._named().items() if name != "P" and delimiter}
        return "".join(f"{self.escape}{names[c]}{self.escape}" if c in names else c for c in clean)


@lru_cache(maxsize=64)
def _known(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(rf"{mark}([FSTREPHN]|X(?:[0-9A-Fa-f]{{2}}){{1,2000}}|\.br|\.sp\d?){mark}")


def _hexadecimal(digits: str, otherwise: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8")
    except UnicodeDecodeError:
        try:
            return bytes.fromhex(digits).decode("cp1252")
        except UnicodeDecodeError:
            return otherwise


@lru_cache(maxsize=64)
def delimiters_of(field: str, encoding: str) -> Delimiters:
    """The delimiters that MSH-1 and MSH-2 name; an empty MSH-2 stands for the usual ones.

    Raises DecodeError where they cannot be told apart from each other or from text.
    """
    characters = encoding or "^~\\&"
    if len(characters) > 5 or not _distinct(field + characters):
        raise DecodeError(
            r"the delimiters are not four or five different punctuation marks; the usual ones are |^~\&",
            code="bad-delimiters",
            where="MSH-2",
        )
    component, repetition, escape, subcomponent, truncation = (*characters, "", "", "", "")[:5]
    return Delimiters(field, component, repetition, escape, subcomponent, truncation)


def _distinct(delimiters: str) -> bool:
    plain = any(c.isalnum() or c.isspace() or not c.isprintable() for c in delimiters)
    return not plain and len(set(delimiters)) == len(delimiters)


USUAL = delimiters_of("|", "^~\\&")
"""The delimiters that nearly all senders use."""
