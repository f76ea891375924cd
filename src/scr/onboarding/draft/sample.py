"""What was sent, read without knowing its columns: the format, and for each column its values.

Rows of a CSV or XLSX file, records of a JSON, JSON Lines or XML file. A field in a list of records within
the record (a person's contacts) has the path of that list as its ``group``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from scr.decode import xml_tree
from scr.decode.plain_json import JsonFormat, decode_json
from scr.decode.plain_xml import XmlFormat, decode_xml
from scr.decode.rows import DELIMITERS, RowFormat, decode_csv
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.decode.xlsx import SheetFormat, decode_xlsx
from scr.errors import Invalid
from scr.onboarding.draft.shapes import is_nhs

Path = tuple[str, ...]
_XML = re.compile(rb"<[?!A-Za-z]")
_JSON = re.compile(rb'\{\s*["}]|\[\s*[{\]]')
MAX_RECORDS = 5000
"""So many records are looked at: what they do not show, more of the same would not."""
_LISTED = 12
"""How far down a header row is looked for below titles."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the records: its path, the path of the list that it is in, its values as text.

    At the level of the record there is a value for each record, "" where it is missing.
    """

    path: Path
    values: tuple[str, ...]
    group: Path = ()

    @property
    def name(self) -> str:
        """As people name it: the column's header, or the path with dots."""
        return ".".join(self.path)

    @property
    def filled(self) -> tuple[str, ...]:
        """The values that are there."""
        return tuple(value for value in self.values if value)


@dataclass(frozen=True, slots=True)
class Sample:
    """One or several files of one shape. ``decode`` is the adapter's key of that name; ``bad`` counts
    what could not be read; ``twice`` are headers that stand twice, and cannot be told apart."""

    decode: dict[str, Any]
    columns: tuple[Column, ...]
    records: int
    bad: int = 0
    twice: tuple[str, ...] = ()
    files: tuple[FilePath, ...] = field(default=(), compare=False)

    @property
    def format(self) -> str:
        """The wire format, as ``decode.format`` names it."""
        return str(self.decode["format"])


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
    group = next(c.group for c in found if c is not None)
    values = [
        c.values if c is not None else ("",) * (0 if group else s.records)
        for c, s in zip(found, samples, strict=True)
    ]
    return Column(path, tuple(value for part in values for value in part), group)


def _read(raw: bytes) -> Sample:
    kind = sniff(raw)
    if kind == "csv":
        return _csv(raw)
    if kind == "xlsx":
        return _xlsx(raw)
    if kind == "xml":
        return _xml(raw)
    if kind == "json":
        return _json(raw)
    raise Invalid(
        f"the files are of different formats ({kind} among them): draft an adapter for each",
        code="mixed-samples",
    )


def _csv(raw: bytes) -> Sample:
    encoding = _encoding(raw)
    spec = RowFormat((), encoding)
    units, bad = _units(decode_csv(raw, spec))
    decode: dict[str, Any] = {"format": "csv"}
    if encoding != "utf-8":
        decode["encoding"] = encoding
    header = _header(units[0].raw) if units else []
    return _of_rows(decode, units, bad, header)


def _encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}  # bytes that Windows-1252 has no character for
        return "iso-8859-1" if undefined.intersection(raw) else "cp1252"
    return "utf-8"


def _header(raw: bytes) -> list[str]:
    """The names of a row's own header, in order: the tree has each once only."""
    line = raw.decode("utf-8-sig", "surrogateescape").splitlines()[0]
    split = [next(csv.reader([line], delimiter=delimiter), []) for delimiter in DELIMITERS]
    return [name.strip() for name in max(split, key=len)]


def _of_rows(decode: dict[str, Any], units: list[Unit], bad: int, header: list[str]) -> Sample:
    if not units:
        raise DecodeError(
            "there is no row that can be read: a sample needs a header and rows", code="no-rows"
        )
    names = [str(name) for name in units[0].tree]
    twice = tuple(dict.fromkeys(name for name in header if header.count(name) > 1))
    told = [name for name in names if name and name not in twice]
    if not told:
        raise DecodeError(
            "no column has a name of its own: is there a header row?", code="no-header", where="row 1"
        )
    columns = tuple(Column((name,), tuple(str(unit.tree.get(name, "")) for unit in units)) for name in told)
    return Sample({**decode, "columns": told}, columns, len(units), bad, twice)


def _xlsx(raw: bytes) -> Sample:
    decode_errors: list[DecodeError] = []
    for sheet, row in _headers(raw):
        try:
            units, bad = _units(decode_xlsx(raw, SheetFormat((), sheet, row)))
        except DecodeError as error:
            decode_errors.append(error)
            continue
        decode: dict[str, Any] = {"format": "xlsx"} | ({"sheet": sheet} if sheet else {})
        decode |= {"header_row": row} if row > 1 else {}
        return _of_rows(decode, units, bad, [])
    raise decode_errors[0] if decode_errors else DecodeError("the workbook has no rows", code="no-rows")


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
        rows = [list(row) for _, row in zip(range(_LISTED), sheet.iter_rows(), strict=False)]
        filled = [sum(isinstance(cell, str) and cell.strip() != "" for cell in row) for row in rows]
        yield (name if name != book.sheet_names[0] else ""), (filled.index(max(filled)) + 1 if filled else 1)


def _json(raw: bytes) -> Sample:
    lines = False
    try:
        payload = json.loads(raw)
    except ValueError:
        lines, payload = True, None
    records = "@" if lines else _records_at(payload)
    units, bad = _units(decode_json(raw, JsonFormat(records, lines)))
    decode: dict[str, Any] = {"format": "json"}
    decode |= {"records": records} if records != "@" else {}
    decode |= {"lines": True} if lines else {}
    return _of_records(decode, units, bad)


def _xml(raw: bytes) -> Sample:
    whole = [unit for unit in decode_xml(raw, XmlFormat()) if isinstance(unit, Unit)]
    records = _records_at(whole[0].tree) if whole else "@"
    repeated = sorted(_repeated(raw))
    units, bad = _units(decode_xml(raw, XmlFormat(records, {}, frozenset(repeated))))
    decode: dict[str, Any] = {"format": "xml"}
    decode |= {"records": records} if records != "@" else {}
    decode |= {"lists": repeated} if repeated else {}
    return _of_records(decode, units, bad)


class _Repeats:
    """Notes which elements stand more than once in another."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._open: list[set[str]] = [set()]

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition("}")[2]
        if local in self._open[-1]:
            self.found.add(local)
        self._open[-1].add(local)
        self._open.append(set())

    def end(self, _name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        """Text is of no interest here."""

    def close(self) -> set[str]:
        return self.found


def _repeated(raw: bytes) -> set[str]:
    found: set[str] = xml_tree.parse(raw, _Repeats())
    return found


def _records_at(payload: object) -> str:
    """Where the records are: the list whose items name people, or else the longest list of objects.

    A payload that names its one person beside its lists is one record.
    """
    lists = list(_lists(payload, ""))
    naming = [(path, items) for path, items in lists if _has_number(items)]
    if naming:
        return max(naming, key=lambda each: len(each[1]))[0] or "@"
    if isinstance(payload, list):
        return "@"
    single = _unwrapped(payload)
    return (
        single
        if single != "@" or _has_number(payload) or not lists
        else max(lists, key=lambda e: len(e[1]))[0]
    )


def _lists(node: object, path: str) -> Iterator[tuple[str, list[object]]]:
    """Every list of objects that names alone lead to, four of them at most, with its path."""
    if isinstance(node, list):
        if node and all(isinstance(each, Mapping) for each in node):
            yield path, node
    elif isinstance(node, Mapping) and path.count(".") < 3:
        for key, value in node.items():
            yield from _lists(value, f"{path}.{quoted(str(key))}" if path else quoted(str(key)))


def _has_number(node: object) -> bool:
    """Whether an NHS Number stands anywhere in it."""
    if isinstance(node, Mapping):
        return any(map(_has_number, node.values()))
    if isinstance(node, list):
        return any(map(_has_number, node[:50]))
    return isinstance(node, str | int) and is_nhs(str(node))


def _unwrapped(payload: object) -> str:
    """The way through objects that hold nothing but one other object."""
    path, node = "", payload
    while isinstance(node, Mapping) and len(node) == 1:
        key, node = next(iter(node.items()))
        if not isinstance(node, Mapping):
            break
        path = f"{path}.{quoted(str(key))}" if path else quoted(str(key))
    return path or "@"


def _of_records(decode: dict[str, Any], units: list[Unit], bad: int) -> Sample:
    if not units:
        raise DecodeError("there is no record that can be read", code="no-rows")
    found: dict[tuple[Path, Path], dict[int, list[str]]] = {}
    for number, unit in enumerate(units):
        for path, group, value in _leaves(unit.tree, (), ()):
            found.setdefault((path, group), {}).setdefault(number, []).append(value)
    columns = []
    for (path, group), values in found.items():
        if group:
            told = tuple(value for each in values.values() for value in each)
        else:
            told = tuple(values.get(number, [""])[0] for number in range(len(units)))
        columns.append(Column(path, told, group))
    return Sample(decode, tuple(columns), len(units), bad)


def _leaves(node: object, at: Path, group: Path) -> Iterator[tuple[Path, Path, str]]:
    """Each scalar of a record: its path, the innermost list that it is in, its text."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, (*at, str(key)), group)
    elif isinstance(node, list):
        for item in node:
            yield from _leaves(item, at, at)
    elif node is not None:
        yield at, group, ("true" if node else "false") if isinstance(node, bool) else str(node).strip()


def _units(found: Iterator[Unit | BadUnit]) -> tuple[list[Unit], int]:
    good: list[Unit] = []
    bad = 0
    for unit in found:
        if isinstance(unit, BadUnit):
            bad += 1
        elif len(good) < MAX_RECORDS:
            good.append(unit)
        else:
            break
    return good, bad


def quoted(name: str) -> str:
    """A name as JMESPath writes it: in quotation marks where it is no plain identifier."""
    if name.isascii() and name.isidentifier():
        return name
    return json.dumps(name).replace("{", "\\u007b").replace("}", "\\u007d")
