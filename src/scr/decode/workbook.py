"""What is looked at in an XLSX file before its cells are read: is it one, is it whole, is it a bomb.

An XLSX file is a ZIP archive of XML parts (ECMA-376 part 2). Every part is unpacked once as a stream, so
that a cut or forged file, and one that would fill the memory, are found before anything is kept.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from scr.decode.tree import DecodeError

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes of all parts together when unpacked."""

_CHUNK = 1024 * 1024
_OVERLAP = 8 * 1024  # a cell's tag and formula (8,192 characters at most) may lie across two chunks
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FAULTS = re.compile(
    rb'<(?:\w+:)?c\b(?P<error>[^>]*\bt="e"[^>]*)>'
    rb"|<(?:\w+:)?c\b(?P<formula>[^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)"
    rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, OSError,
    OverflowError, RuntimeError, ValueError,
)  # fmt: skip
"""What the archive's reader raises of one that is damaged: it declares the first, and meets the others."""
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')


def open_archive(raw: bytes) -> zipfile.ZipFile:
    """The parts of the file, each of them read once. Raises DecodeError for what is no whole workbook."""
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise DecodeError(
            "the file is an old .xls or has a password: save it as .xlsx without one",
            where="the workbook",
            code="not-xlsx",
        )
    if not raw.startswith(b"PK"):
        raise DecodeError(
            "the file is no XLSX workbook: an archive is expected", where="the workbook", code="not-xlsx"
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED:
            raise DecodeError(
                f"it unpacks to more than {MAX_UNPACKED} bytes: send it in parts",
                code="too-large",
                where="the workbook",
            )
        for part in archive.infolist():  # no part gives more than the size that was just counted
            for _ in _chunks(archive, part.filename):
                pass
    except _BROKEN:
        raise DecodeError(
            "the workbook is damaged or was cut short: send it again", where="the workbook", code="not-xlsx"
        ) from None
    return archive


def unreadable_cells(archive: zipfile.ZipFile, sheet: str) -> dict[int, list[tuple[str, str]]]:
    """The cells of a sheet that have no value to be read, by row: the column's letters, and why."""
    part = _part_of(archive, sheet)
    found: dict[int, list[tuple[str, str]]] = {}
    if part is None:
        return found
    before = b""
    seen: set[bytes] = set()
    for chunk in _chunks(archive, part):
        text = before + chunk
        for match in _FAULTS.finditer(text):
            fault = _fault(match, sheet)
            if fault is not None and fault[0] not in seen:
                seen.add(fault[0])
                found.setdefault(fault[2], []).append((fault[1], fault[3]))
        before = text[-_OVERLAP:]
    return found


def _fault(match: re.Match[bytes], sheet: str) -> tuple[bytes, str, int, str] | None:
    attributes = match["error"] or match["formula"] or b""
    if match["error"] is None and b't="str"' in attributes:
        return None  # a formula whose value is the empty text
    place = _PLACE.search(attributes)
    if place is None:
        raise DecodeError(
            "a cell with an error does not say where it stands: save the workbook again",
            where=f"sheet {sheet}",
            code="not-xlsx",
        )
    why = (
        "the cell holds an error, as a formula that fails: mend it"
        if match["error"] is not None
        else "the formula has no stored value: open the workbook, let it calculate, and save it"
    )
    return place[0], place[1].decode(), int(place[2]), why


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The part of the archive that holds a sheet."""
    try:
        book = fromstring(archive.read("xl/workbook.xml"), forbid_dtd=True)
        links = fromstring(archive.read("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
    except (*_BROKEN, LookupError, ParseError, DefusedXmlException):
        raise DecodeError(
            "the workbook's own table of sheets cannot be read", where="the workbook", code="not-xlsx"
        ) from None
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for node in book.iter():
        if node.tag.endswith("}sheet") and node.get("name") == sheet:
            target = targets.get(node.get(_RELATION), "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            return path if path in archive.namelist() else None
    return None


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
