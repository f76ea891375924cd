"""A worksheet of an XLSX workbook → one unit a row.

ECMA-376 (Office Open XML), as spreadsheets and reporting tools write it. Every cell becomes text: a
date ``2026-01-31``, a date with a time ``2026-01-31T10:05:00``, a duration ``PT26H``, a number without
trailing zeros, a truth value ``true`` or ``false``, a formula the value that was stored for it. Rows are
numbered as the spreadsheet shows them. What stands above the header row (titles, merged cells) is passed
over. A row with a cell that cannot be told (an error such as ``#N/A``, a formula without a value, a
number longer than a spreadsheet can hold) is a ``BadUnit`` that names sheet, row and column.
"""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, WorksheetNotFound

from scr.decode.rows import RowFormat, decode_csv, told_apart
from scr.decode.tree import BadUnit, DecodeError, NoColumn, Unit
from scr.decode.workbook import open_archive, unreadable_cells

_BOM = b"\xef\xbb\xbf"
PROBLEM = "(problem)"
"""The column that is put to a bad row when it is kept, with what is wrong."""
_MOST_DIGITS = 1e15
"""From here on a spreadsheet has dropped digits of a whole number."""

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


@dataclass(frozen=True, slots=True)
class SheetFormat:
    """Which sheet, and how it is laid out. ``sheet`` empty: the first one. ``header_row`` counts from 1."""

    columns: tuple[str, ...]
    sheet: str = ""
    header_row: int = 1


def decode_xlsx(raw: bytes, spec: SheetFormat) -> Iterator[Unit | BadUnit]:
    """Each row below the header as ``{column: text}``, cells stripped, empty cells as empty text.

    Columns beyond those of ``spec`` are kept in the tree. A unit's ``raw`` is the header and the row as
    CSV with a byte order mark, which this decodes again by itself; a bad row stays one. Raises
    DecodeError where nothing can be read: no workbook, one with a password, no such sheet, a header
    without a declared column.
    """
    if raw.startswith(_BOM):
        return map(_as_kept, decode_csv(raw, RowFormat(spec.columns, delimiter=",")))
    archive = open_archive(raw)
    return rows_of(open_workbook(raw), archive, spec)


def rows_of(
    workbook: CalamineWorkbook, archive: zipfile.ZipFile, spec: SheetFormat
) -> Iterator[Unit | BadUnit]:
    """The rows of one sheet. Raises DecodeError, for a header not before the first row is asked for."""
    name, sheet = _sheet(workbook, spec.sheet)
    return _rows(sheet, name, spec, unreadable_cells(archive, name))


def open_workbook(raw: bytes) -> CalamineWorkbook:
    """The workbook of an archive that was looked at. Raises DecodeError where it is none."""
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(raw))
    except CalamineError:
        raise _unreadable() from None


def _as_kept(unit: Unit | BadUnit) -> Unit | BadUnit:
    """A row that was kept by itself: what was wrong with it still is."""
    problem = unit.tree.get(PROBLEM) if isinstance(unit, Unit) else None
    if not problem:
        return unit
    return BadUnit(unit.place, unit.raw, DecodeError(problem, where=unit.place, code="bad-row"))


def _sheet(workbook: CalamineWorkbook, wanted: str) -> tuple[str, CalamineSheet]:
    names = workbook.sheet_names
    if not names:
        raise DecodeError("there is no sheet in it", code="no-sheet", where="the workbook")
    name = wanted or names[0]
    try:
        return name, workbook.get_sheet_by_name(name)
    except WorksheetNotFound:
        near = difflib.get_close_matches(wanted, names, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise DecodeError(
            f"there is no sheet {wanted!r}{hint}", code="no-sheet", where="the workbook"
        ) from None
    except CalamineError:
        raise _unreadable() from None


def _unreadable() -> DecodeError:
    return DecodeError("it cannot be read: save it again as .xlsx", code="not-xlsx", where="the workbook")


def _rows(
    sheet: CalamineSheet, name: str, spec: SheetFormat, unreadable: dict[int, list[tuple[str, str]]]
) -> Iterator[Unit | BadUnit]:
    before = sheet.start[1] if sheet.start else 0
    header: list[str] = []
    for number, cells in enumerate(sheet.iter_rows() if sheet.start else (), start=1):
        if number < spec.header_row:
            continue
        place = f"sheet {name}, row {number}"
        if number == spec.header_row:
            header = [_text(cell) for cell in cells]
            _check_header(header, spec, place)
            header = told_apart(header)
            continue
        if not any(cell != "" for cell in cells) and number not in unreadable:
            continue
        yield _unit(header, cells, place, before, unreadable.get(number, []))
    if not header:
        raise DecodeError(
            "there is no header row: the sheet ends before it, or is empty",
            where=f"sheet {name}, row {spec.header_row}",
            code="no-header",
        )


def _unit(
    header: list[str],
    cells: list[Cell],
    place: str,
    before: int,
    unreadable: list[tuple[str, str]],
) -> Unit | BadUnit:
    texts = [_text(cell) for cell in cells]
    kept = [(column, text) for column, text in zip(header, texts, strict=True) if column]
    problem = next((f"column {column}: {what}" for column, what in unreadable), "")
    for i, (column, text) in enumerate(zip(header, texts, strict=True)):
        if problem:
            break
        if not column and text:
            problem = f"column {letters(before + i)}: a value stands below no header: give the column a name"
        elif _is_too_long(cells[i]):
            problem = (
                f"column {letters(before + i)} ({column}): a number of more than 15 digits has lost some: "
                "format the column as text"
            )
    if problem:
        raw = _as_csv([*kept, (PROBLEM, problem)])
        return BadUnit(place, raw, DecodeError(problem, where=place, code="bad-row"))
    return Unit(dict(kept), place, _as_csv(kept))


def _text(cell: Cell) -> str:
    """A cell as text, dates and times in ISO 8601."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return f"{cell:.15g}"
    if isinstance(cell, dt.timedelta):
        return _duration(cell)
    if isinstance(cell, dt.datetime | dt.time):
        return cell.isoformat(timespec="seconds")
    return cell.isoformat()


def _duration(length: dt.timedelta) -> str:
    """Hours, minutes and seconds of ISO 8601."""
    sign, seconds = ("-" if length < dt.timedelta() else ""), abs(round(length.total_seconds()))
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    return f"{sign}PT" + ("".join(f"{value}{unit}" for value, unit in parts if value) or "0S")


def _is_too_long(cell: Cell) -> bool:
    return isinstance(cell, float) and cell.is_integer() and abs(cell) >= _MOST_DIGITS


def _check_header(header: list[str], spec: SheetFormat, place: str) -> None:
    for column in spec.columns:
        count = header.count(column)
        if count == 0:
            raise NoColumn(column, header, where=place, table="sheet", otherwise="; is header_row right?")
        if count > 1:
            raise DecodeError(f"the column {column!r} stands twice", where=place, code="column-twice")


def _as_csv(row: list[tuple[str, str]]) -> bytes:
    """The header and the row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(zip(*row, strict=True))
    return _BOM + text.getvalue().encode("utf-8", "surrogateescape")


def letters(index: int) -> str:
    """The name of a column as the spreadsheet shows it: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
