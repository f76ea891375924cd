"""A form with a file, as browsers send one: read as it comes, within limits. RFC 7578.

Nothing is put on the disk. The name and the type that a browser tells of a file are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from scr.access.contributing.found import Finding, NotTaken
from scr.access.contributing.uploads import TOO_LARGE
from scr.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE = "file"
_MOST_PARTS = 12
_MOST_FIELD = 16_384
_MOST_HEADER = 2_048
_BESIDE = 65_536
"""Bytes of a form beside its file, at most."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent. ``data`` is the file's, empty where none was chosen."""

    fields: dict[str, str]
    data: bytes = field(repr=False)
    too_large: bool = False

    def file(self, most: int) -> bytes:
        """The file. Raises NotTaken where it was over so many bytes: nothing of it is there then."""
        if self.too_large:
            raise NotTaken([Finding(FILE, "too-large", TOO_LARGE, {"most": most // 1024 // 1024})])
        return self.data


async def read_upload(request: Request, most: int, *, over: int = 1) -> Upload:
    """The form. Raises TooLarge over ``most`` bytes of a file, Invalid for what cannot be read.

    ``over``: a file of up to so many times that is read to its end and dropped, so that what was typed beside
    it is not lost with it.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 100:
        raise Invalid("send a form with a file: multipart/form-data", code="bad-form")
    parts = _Parts(most)
    parser = MultipartParser(boundary, parts.callbacks())
    total = 0
    try:
        async for chunk in request.stream():
            total += len(chunk)
            if total > over * most + _BESIDE:
                raise _too_large(most)
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise Invalid("the form cannot be read", code="bad-form") from None
    except ClientDisconnect:
        raise Invalid("the form broke off: send it again", code="cut-off") from None
    if not parts.whole:
        raise Invalid("the form broke off: send it again", code="cut-off")
    upload = parts.upload()
    if upload.too_large and over == 1:
        raise _too_large(most)
    return upload


class _Parts:
    """The parts as they come."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[str, bytes] = {}
        self._name = self._header = ""
        self._disposition = bytearray()
        self._value = bytearray()
        self._data = bytearray()
        self._too_large = False
        self._headers = 0
        self.whole = False

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._head,
            "on_header_end": self._header_end,
            "on_headers_finished": self._named,
            "on_part_data": self._part,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def upload(self) -> Upload:
        """All of it. Raises Invalid where a field is no text."""
        try:
            fields = {name: value.decode() for name, value in self._found.items() if name != FILE}
        except UnicodeDecodeError:
            raise Invalid("the form cannot be read", code="bad-form") from None
        return Upload(fields, self._found.get(FILE, b""), self._too_large)

    def _begin(self) -> None:
        self._headers, self._header, self._name = 0, "", ""
        self._disposition.clear()
        self._value.clear()
        self._data.clear()
        if len(self._found) >= _MOST_PARTS:
            raise Invalid("the form has too many fields", code="bad-form")

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header += data[start:end].decode("latin-1")

    def _head(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, size: int) -> None:
        self._headers += size
        if self._headers > _MOST_HEADER:
            raise Invalid("the form cannot be read", code="bad-form")

    def _header_end(self) -> None:
        if self._header.lower() == "content-disposition":
            self._disposition[:] = self._value
        self._header = ""
        self._value.clear()

    def _named(self) -> None:
        kind, options = parse_options_header(bytes(self._disposition))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not self._name or self._name in self._found:
            raise Invalid("the form cannot be read", code="bad-form")

    def _part(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE and len(self._data) + end - start > self._most:
            self._too_large = True
            self._data.clear()
        if not (self._name == FILE and self._too_large):
            self._data += data[start:end]
        if self._name != FILE and len(self._data) > _MOST_FIELD:
            raise TooLarge("a field of the form is too long", code="too-large")

    def _end(self) -> None:
        self._found[self._name] = bytes(self._data)

    def _finish(self) -> None:
        self.whole = True


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the file must be smaller than {most // 1024 // 1024} MB", code="too-large")
