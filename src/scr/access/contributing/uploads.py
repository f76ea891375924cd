"""A file that somebody sends: told by its content, refused where it could be two things at once.

Four kinds are taken: PDF, JPEG, PNG and plain text. The name and the type that a browser tells count for
nothing. A picture is made anew of its points, so that nothing but the picture is kept (no place, no
camera, no words in it). Pure; takes a moment for a large picture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scr.access.contributing.found import N_, Finding
from scr.access.contributing.jpeg import check_jpeg
from scr.access.contributing.pdf import check_pdf
from scr.access.contributing.pictures import made_anew
from scr.access.contributing.png import check_png
from scr.access.contributing.refusing import Refusal

MOST_KEPT = 3 * 1024 * 1024
"""Bytes of a file as it is kept: a record is read as a whole, and this with it."""
INFECTED = N_("The file was refused: the virus scan found something in it.")
TOO_LARGE = N_("The file must be smaller than %(most)s MB.")
_TEST = b"".join((b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD", b"-ANTIVIRUS-TEST-FILE!", b"$H+H*"))
"""The string that every scanner calls a virus, for tests; in parts, so that none calls this file one."""
_MARKUP = re.compile(r"\s*<(?:!doctype|html|svg|script|\?xml|\?php|body|head|iframe)\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_NAMES = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "text/plain; charset=utf-8": "txt",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it is kept."""

    media_type: str
    data: bytes

    @property
    def ending(self) -> str:
        """How a file of its type is named."""
        return _NAMES[self.media_type]


def check_file(data: bytes, field: str = "file") -> Taken | Finding:
    """The file as it is kept, or why it is not taken."""
    try:
        taken = _taken(data)
    except Refusal as refused:
        return Finding(field, refused.code, refused.sentence)
    if len(taken.data) > MOST_KEPT:
        return Finding(field, "too-large", TOO_LARGE, {"most": MOST_KEPT // 1024 // 1024})
    return taken


def _taken(data: bytes) -> Taken:
    if not data:
        raise Refusal("empty", N_("Choose a file: this one is empty."))
    if _TEST in data:
        raise Refusal("infected", INFECTED)
    if data.startswith(b"%PDF-"):
        check_pdf(data)
        return Taken("application/pdf", data)
    if data.startswith(b"\xff\xd8\xff"):
        check_jpeg(data)
        return Taken("image/jpeg", made_anew(data, "JPEG"))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        check_png(data)
        return Taken("image/png", made_anew(data, "PNG"))
    return Taken("text/plain; charset=utf-8", _text(data))


def _text(data: bytes) -> bytes:
    other = Refusal("other-type", N_("The file must be a PDF, a JPEG or PNG picture, or plain text."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise other from None
    if _CONTROL.search(text):
        raise other
    if _MARKUP.match(text) or "%PDF-" in text:
        raise Refusal(
            "two-things", N_("The file is not plain text: it could be read as a web page or a PDF.")
        )
    return text.encode()
