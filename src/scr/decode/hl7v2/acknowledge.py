"""Acknowledgements: HL7 v2.5.1 chapter 2, sections 2.9.2 (rules), 2.14.8 (MSA) and 2.14.5 (ERR)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from scr.decode.hl7v2.message import Message, read_header
from scr.decode.hl7v2.text import Delimiters, codecs_of
from scr.decode.hl7v2.views import Segment
from scr.decode.tree import DecodeError
from scr.fhir.dates import LONDON

AckCode = Literal["AA", "AE", "AR"]
"""Accepted; accepted nothing and sending it again may help; refused, and sending it again will not."""

_LONGEST_TEXT = 250


def acknowledge(
    message: Message | Segment | bytes,
    code: AckCode,
    control_id: str = "",
    text: str = "",
    *,
    at: datetime | None = None,
) -> bytes:
    """The acknowledgement of a message (or of its MSH, or of bytes that may hardly be a message).

    ``control_id`` is its own MSH-10 (empty: that of the message, which MSA-2 repeats in any case).
    ``text`` says why, for AE and AR: it goes to MSA-3 and ERR, and must hold nobody's data. ``at`` is
    MSH-7, written in UK time with its offset; left out where None. Bytes without a readable MSH get
    AR, whatever ``code`` says, because the sender cannot be told what was taken.
    """
    header = _header_of(message)
    if header is None:
        code, text = "AR", text or "no MSH segment could be read"
        header = Segment("MSH", "MSH|^~\\&|", Delimiters())
    cells = header.cells + [""] * 20
    delimiters = header.delimiters
    said = delimiters.escaped(text[:_LONGEST_TEXT])
    segments = [
        _msh(cells, delimiters, control_id, at),
        ["MSA", code, cells[10], *([said] if said else [])],
    ]
    if code != "AA":
        segments.append(_err(cells[12], delimiters, code, said))
    written = "".join(delimiters.field.join(segment) + "\r" for segment in segments)
    return _encoded(written, cells[18])


def _header_of(message: Message | Segment | bytes) -> Segment | None:
    if isinstance(message, Message):
        return message.header
    return message if isinstance(message, Segment) else read_header(message)


def _encoded(text: str, declared: str) -> bytes:
    """In the character set that the message's MSH-18 names; UTF-8 where it names none that is known."""
    try:
        codec = codecs_of(declared.split("~")[0])[0]
    except DecodeError:
        codec = "utf-8"
    return text.encode(codec, "replace")


def _msh(cells: list[str], delimiters: Delimiters, control_id: str, at: datetime | None) -> list[str]:
    between = delimiters.component
    event = cells[9].split(between)[1:2] if between else []
    kind = between.join(["ACK", *event, "ACK"]) if event and between else "ACK"
    local = at.astimezone(LONDON).strftime("%Y%m%d%H%M%S%z") if at else ""
    return [
        "MSH", delimiters.encoding_characters, cells[5], cells[6], cells[3], cells[4], local, "", kind,
        delimiters.escaped(control_id) or cells[10], cells[11] or "P", cells[12] or "2.4",
        *_trailing("", "", "", "", "", cells[18]),
    ]  # fmt: skip


def _trailing(*cells: str) -> list[str]:
    """The last cells of a segment, without the empty ones at its end."""
    kept = list(cells)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _err(version: str, delimiters: Delimiters, code: AckCode, said: str) -> list[str]:
    """ERR as v2.5 and later have it, or as earlier versions do. Table 0357: 207 application error."""
    number, meaning = ("207", "Application error") if code == "AE" else ("200", "Refused")
    mark, inner = delimiters.component or " ", delimiters.subcomponent or " "
    if version.split(mark)[0] >= "2.5":
        return ["ERR", "", "", mark.join((number, meaning, "HL70357")), "E", "", "", "", said]
    return ["ERR", mark * 3 + inner.join((number, meaning, "HL70357"))]
