"""The documents that a message carries in its OBX: HL7 v2.5.1 chapters 9.6 (OBX in MDM) and 2A.24 (ED).

A text is sent line by line; a file as ED, its bytes in base64 or hexadecimal; or only its address (RP).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from scr.decode.hl7v2.results import text_value
from scr.decode.hl7v2.views import Segment

_LINES = frozenset({"TX", "FT"})
_TYPES = {
    "PDF": "application/pdf", "RTF": "text/rtf", "HTML": "text/html", "XML": "application/xml",
    "JPEG": "image/jpeg", "JPG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "TIFF": "image/tiff",
    "TIF": "image/tiff", "TXT": "text/plain", "TEXT": "text/plain", "PLAIN": "text/plain",
    "MSWORD": "application/msword", "DOC": "application/msword", "DICOM": "application/dicom",
    "DOCX": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
_MARKS = (
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "text/rtf"),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def documents(results: list[Segment], *, strings: bool = False) -> list[dict[str, Any]]:
    """One object for the lines of text together, and one for each file or address, in order. A string
    (ST) is a line of the text where ``strings`` says so, else it is a value.

    ``type`` (a media type), ``data`` (base64), ``url``, ``title``. A file that cannot be read has
    ``problem``, and no ``data``.
    """
    found: list[dict[str, Any]] = []
    text: dict[str, Any] | None = None
    for result in results:
        kind = result.get("value_type")
        if kind in _LINES or (strings and kind == "ST"):
            if text is None:
                text = {"title": _title(result), "lines": []}
                found.append(text)
            text["lines"].append(text_value(result) or "")
        elif kind in {"ED", "RP"}:
            found.extend(_file(value, _title(result)) for value in result.get("observation_value") or [])
    if text is not None:
        content = "\n".join(text.pop("lines")).encode()
        text |= {"type": _by_mark(content) or "text/plain", "data": base64.b64encode(content).decode()}
    return [document for document in found if document.keys() & {"data", "url", "problem"}]


def _title(result: Segment) -> str | None:
    code = result.get("observation_identifier") or {}
    title = code.get("text") or code.get("identifier")
    return None if title is None else str(title)


def _file(value: Any, title: str | None) -> dict[str, Any]:
    if value.get("pointer"):
        return {"title": title, "url": str(value["pointer"]), "type": _declared(value, "subtype")}
    content = _content(str(value.get("data") or ""), str(value.get("encoding") or "").strip().upper())
    if content is None:
        return {"title": title, "problem": "its data is not in the encoding that ED-4 names"}
    if not content:
        return {"title": title}
    kind = _declared(value, "data_subtype") or _by_mark(content) or "application/octet-stream"
    return {"title": title, "type": kind, "data": base64.b64encode(content).decode()}


def _content(data: str, encoding: str) -> bytes | None:
    """The bytes of ED-5; None where they cannot be told."""
    packed = "".join(data.split())
    try:
        if encoding == "BASE64":
            return base64.b64decode(packed, validate=True)
        if encoding == "HEX":
            return bytes.fromhex(packed)
    except (binascii.Error, ValueError):
        return None
    return data.encode() if encoding in {"A", ""} else None


def _declared(value: Any, subtype: str) -> str | None:
    """The media type by its name: ``PDF``; ``pdf`` beside ``application``; or ``application/pdf``."""
    named = str(value.get(subtype) or "").strip()
    if "/" in named and named.isascii() and not any(map(str.isspace, named)):
        return named.lower()
    return _TYPES.get(named.rpartition("-")[2].upper())


def _by_mark(content: bytes) -> str | None:
    return next((kind for mark, kind in _MARKS if content.startswith(mark)), None)
