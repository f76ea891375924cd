"""A PDF that only shows pages: nothing in it runs, opens, sends or carries anything. ISO 32000-1.

What acts in a PDF is named by a name, and names may be written with ``#`` codes and may stand in
compressed object streams. Names are looked for in the whole of the file, in all that can be inflated of
it, and an object stream that cannot be read so is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from scr.access.contributing.found import N_
from scr.access.contributing.refusing import Refusal, broken, two_things

_ACTS = re.compile(
    rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData|GoToE|GoToR|XFA|Rendition|Movie"
    rb"|Sound|3D|Filespec)(?![A-Za-z0-9_.-])"
)
_PASSWORD = re.compile(rb"/Encrypt(?![A-Za-z0-9_.-])")
_CODED = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECTS = re.compile(rb"/ObjStm(?![A-Za-z0-9])")
_FILTERS = re.compile(rb"/[A-Za-z0-9]+Decode(?![A-Za-z0-9])")
_HEAD = 4_096
_MOST_INFLATED = 64 * 1024 * 1024
_MOST_STREAMS = 20_000
_TAIL = 66_000
"""Within so many bytes of its end a ZIP archive is told."""


def check_pdf(data: bytes) -> None:
    """Raises Refusal where it is no whole PDF, has a password, acts, or could be read as something else."""
    if not re.match(rb"%PDF-[12]\.[0-9][\r\n]", data) or data.rfind(b"%%EOF") < 0:
        raise broken("PDF")
    if data[data.rfind(b"%%EOF") + 5 :].strip(b"\r\n\t \x00") or b"PK\x05\x06" in data[-_TAIL:]:
        raise two_things("PDF")
    plain = _decoded(data)
    if _PASSWORD.search(plain):
        raise Refusal("password", N_("The PDF has a password. Save it without one, and send that."))
    if _ACTS.search(plain):
        raise _acting()
    for inflated in _streams(data):
        if _ACTS.search(_decoded(inflated)):
            raise _acting()


def _acting() -> Refusal:
    return Refusal("acting", N_("The PDF runs or carries something. Print it to a new PDF, and send that."))


def _decoded(data: bytes) -> bytes:
    """Names as they are meant: ``/J#61vaScript`` is ``/JavaScript``."""
    return _CODED.sub(lambda found: bytes([int(found[1], 16)]), data)


def _streams(data: bytes) -> Iterator[bytes]:
    """What can be inflated of it, stream by stream, within a limit."""
    left = _MOST_INFLATED
    for number, found in enumerate(_STREAM.finditer(data)):
        if number >= _MOST_STREAMS:
            raise Refusal("too-long", N_("The PDF is too long. Send fewer pages."))
        begins = data.rfind(b"obj", max(0, found.start() - _HEAD), found.start())
        head = _decoded(data[max(begins, 0) : found.start()])
        inflated = _inflated(data, found.end(), left)
        if _OBJECTS.search(head):
            named = _FILTERS.findall(head)
            if named not in ([], [b"/FlateDecode"]) or b"/Predictor" in head or (named and inflated is None):
                raise Refusal(
                    "unusual", N_("The PDF cannot be checked. Print it to a new PDF, and send that.")
                )
        if inflated:
            left -= len(inflated)
            if left <= 0:
                raise Refusal("too-long", N_("The PDF is too long. Send fewer pages."))
            yield inflated


def _inflated(data: bytes, place: int, most: int) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(memoryview(data)[place:], most)
    except zlib.error:
        return None
