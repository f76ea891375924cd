"""What was sent, read without knowing its columns: the format, and for each column its values.

Rows of a CSV or XLSX file, records of a JSON, JSON Lines or XML file. A field in a list of records within
the record (a person's contacts) has the path of that list as its ``group``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from scr.decode.rows import DELIMITERS, RowFormat, decode_csv
from scr.decode.tree import DecodeError, Unit
from scr.decode.xlsx import SheetFormat, decode_xlsx
from scr.errors import Invalid
from scr.onboarding.draft.columns import Column, Path, Sample, of_rows, taken
from scr.onboarding.draft.records import of_json, of_xml
from scr.onboarding.draft.sheets import header_row, of_workbook

_XML = re.compile(rb"<[?!A-Za-z]")
_JSON = re.compile(rb'\{\s*["}]|\[\s*[{\]]')
_HALF = 0.5


def sniff(raw: bytes) -> str:
    """The wire format of a payload, by its first bytes: the names of ``decode.format``, and ``edifact``."""
    head = raw[:4000].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x0b\x1c")
    if head.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    if head.startswith((b"MSH", b"FHS", b"BHS")):
        return "hl7v2"
    if head.startswith((b"UNA", b"UNB", b"UNH")):
        return "edifact"
    if _XML.match(head):
        return "fhir-xml" if b"http://hl7.org/fhir" in head else "xml"
    if _JSON.match(head):
        return "fhir-json" if b'"resourceType"' in head[:300].replace(b" ", b"") else "json"
    return "csv"


def read_samples(files: list[FilePath]) -> Sample:
    """Read files of one shape in rows or records. Raises Invalid or DecodeError with the file named."""
    samples = []
    for file in files:
        try:
            samples.append(_read(file.read_bytes()))
        except DecodeError as error:
            raise DecodeError(
                error.message, code=error.code, where=f"{file.name}: {error.where or 'file'}"
            ) from None
    first = samples[0]
    for file, other in zip(files, samples, strict=True):
        if other.decode != first.decode:
            raise Invalid(
                f"{file.name} is not of the shape of {files[0].name} (format, columns or where the records "
                "are): draft an adapter for each shape",
                code="mixed-samples",
            )
    merged = [_merged(samples, path) for path in _paths(samples)]
    records, bad = sum(s.records for s in samples), sum(s.bad for s in samples)
    return replace(first, columns=tuple(merged), records=records, bad=bad, files=tuple(files))


def _paths(samples: list[Sample]) -> list[Path]:
    return list(dict.fromkeys(column.path for sample in samples for column in sample.columns))


def _merged(samples: list[Sample], path: Path) -> Column:
    """A column over all files; where a file does not have it, it is missing in each of its records."""
    found = [next((c for c in s.columns if c.path == path), None) for s in samples]
    group, around = next((c.group, c.around) for c in found if c is not None)
    values = [
        c.values if c is not None else ("",) * (0 if group else s.records)
        for c, s in zip(found, samples, strict=True)
    ]
    return Column(path, tuple(value for part in values for value in part), group, around)


def _read(raw: bytes) -> Sample:
    kind = sniff(raw)
    if kind == "csv":
        return _csv(raw)
    if kind == "xlsx":
        return _xlsx(raw)
    if kind == "xml":
        return of_xml(raw)
    if kind == "json":
        return of_json(raw)
    raise Invalid(
        f"the files are of different formats ({kind} among them): draft an adapter for each",
        code="mixed-samples",
    )


def _csv(raw: bytes) -> Sample:
    encoding = _encoding(raw)
    tried = [(*_cut(raw, RowFormat((), encoding, delimiter)), delimiter) for delimiter in DELIMITERS]
    units, bad, delimiter = max(tried, key=lambda each: _fit(each[0], each[1]))
    decode: dict[str, Any] = {"format": "csv"}
    if encoding != "utf-8":
        decode["encoding"] = encoding
    header = _header(units[0].raw, delimiter) if units else []
    return of_rows(decode, units, bad, header)


def _cut(raw: bytes, spec: RowFormat) -> tuple[list[Unit], int]:
    """The rows under one delimiter; none where the header cannot be cut by it."""
    try:
        return taken(decode_csv(raw, spec))
    except DecodeError:
        if spec.delimiter == DELIMITERS[-1]:
            raise
        return [], 0


def _fit(units: list[Unit], bad: int) -> tuple[int, float]:
    """How well a delimiter fits: how many columns it gives, if most rows have them, and how many rows do."""
    share = len(units) / (len(units) + bad) if units else 0.0
    return (len(units[0].tree) if share >= _HALF else 0, share)


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}  # bytes that Windows-1252 has no character for
        return "iso-8859-1" if undefined.intersection(raw) else "cp1252"
    return "utf-8"


def _header(raw: bytes, delimiter: str) -> list[str]:
    """The names of a row's own header, in order: the tree has each once only."""
    line = raw.decode("utf-8-sig", "surrogateescape").splitlines()[0]
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _xlsx(raw: bytes) -> Sample:
    several = of_workbook(raw)
    if several is not None:
        return several
    decode_errors: list[DecodeError] = []
    for sheet, row in _headers(raw):
        try:
            units, bad = taken(decode_xlsx(raw, SheetFormat((), sheet, row)))
        except DecodeError as error:
            decode_errors.append(error)
            continue
        decode: dict[str, Any] = {"format": "xlsx"} | ({"sheet": sheet} if sheet else {})
        decode |= {"header_row": row} if row > 1 else {}
        return replace(of_rows(decode, units, bad, []), sheets=_other_sheets(raw, sheet))
    raise decode_errors[0] if decode_errors else DecodeError("the workbook has no rows", code="no-rows")


def _other_sheets(raw: bytes, drafted: str) -> tuple[str, ...]:
    """The sheets with rows below a header, beside the one that is drafted (empty: the first)."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
    others = [name for name in book.sheet_names if name != (drafted or book.sheet_names[0])]
    return tuple(name for name in others if book.get_sheet_by_name(name).height > 1)


def _headers(raw: bytes) -> Iterator[tuple[str, int]]:
    """The sheet with the most rows, and the row of it that has the most texts below any titles."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
    except (CalamineError, ValueError):
        yield "", 1
        return
    name, sheet = max(sheets, key=lambda each: each[1].height, default=("", None))
    if sheet is not None:
        yield (name if name != book.sheet_names[0] else ""), header_row(sheet)
