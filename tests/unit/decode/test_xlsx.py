"""XLSX: what is written into a sheet comes back as text, and what cannot be told is named by its cell."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from scr.decode import workbook as archive
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.decode.xlsx import SheetFormat, decode_xlsx, letters

SPEC = SheetFormat(("id", "value"))
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12).map(
    str.strip
)


def book(*rows: Sequence[object], sheet: str = "Data", at: int = 1, merged: str = "") -> bytes:
    """A workbook whose first sheet has the rows, from row ``at`` on."""
    made = Workbook()
    page = made.active
    assert page is not None
    page.title = sheet
    if merged:
        page["A1"] = "A title"
        page.merge_cells(merged)
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            page.cell(at + i, j + 1).value = value  # type: ignore[assignment]
            if isinstance(value, str) and not value.startswith(("=", "#")):
                page.cell(at + i, j + 1).data_type = "s"
    made.create_sheet("Other")["A1"] = "id"
    raw = io.BytesIO()
    made.save(raw)
    return raw.getvalue()


def units(raw: bytes, spec: SheetFormat = SPEC) -> list[Unit | BadUnit]:
    """All units of a payload."""
    return list(decode_xlsx(raw, spec))


@given(st.lists(st.tuples(TEXTS.filter(lambda text: text[:1] not in {"", "=", "#"}), TEXTS), max_size=5))
@settings(max_examples=25, deadline=None)
def test_what_is_written_comes_back(rows: list[tuple[str, str]]) -> None:
    """Any text, row by row with its number; each unit also decodes by itself."""
    rows = [(i, "" if v[:1] in {"=", "#"} else v) for i, v in rows]
    found = units(book(("id", "value"), *rows))
    assert [u.tree for u in found if isinstance(u, Unit)] == [{"id": i, "value": v} for i, v in rows]
    assert [u.place for u in found] == [f"sheet Data, row {n + 2}" for n in range(len(rows))]
    for unit in found:
        (again,) = units(unit.raw)
        assert isinstance(again, Unit)
        assert isinstance(unit, Unit)
        assert again.tree == unit.tree


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (9990001014, "9990001014"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.3"),
        (-3, "-3"),
        (dt.date(2026, 1, 31), "2026-01-31"),
        (dt.datetime(2026, 1, 31, 10, 5), "2026-01-31T10:05:00"),  # noqa: DTZ001 - a sheet knows no zone
        (dt.time(9, 30), "09:30:00"),
        (dt.timedelta(hours=26, minutes=1), "PT26H1M"),
        (True, "true"),
        (None, ""),
        ("  two  words ", "two  words"),
    ],
)
def test_a_cell_is_text_as_iso_writes_it(cell: object, text: str) -> None:
    """Numbers, dates, times, lengths of time and truth values, whatever the sheet shows them as."""
    (unit,) = units(book(("id", "value"), ("1", cell)))
    assert unit.tree["value"] == text if isinstance(unit, Unit) else False


def test_a_header_may_stand_below_titles_and_further_columns_are_kept() -> None:
    """Merged titles above ``header_row`` are passed over; blank rows are none; rows keep their numbers."""
    raw = book(("new", "value", "id"), ("x", "v", "1"), (), ("", "w", "2"), at=4, merged="A1:C1")
    found = units(raw, SheetFormat(("id", "value"), header_row=4))
    assert [(u.place, u.tree) for u in found if isinstance(u, Unit)] == [
        ("sheet Data, row 5", {"new": "x", "value": "v", "id": "1"}),
        ("sheet Data, row 7", {"new": "", "value": "w", "id": "2"}),
    ]


@pytest.mark.parametrize(
    ("cell", "column", "why"),
    [
        ("#REF!", "column B", "holds an error"),
        ("=1+1", "column B", "no stored value"),
        (12345678901234567890, "column B (value)", "more than 15 digits"),
    ],
)
def test_a_cell_without_a_value_is_named_and_the_other_rows_go_on(
    cell: object, column: str, why: str
) -> None:
    """Sheet, row and column, and what to do; nothing of the row is guessed."""
    bad, good = units(book(("id", "value"), ("1", cell), ("2", "v")))
    assert isinstance(bad, BadUnit)
    assert isinstance(good, Unit)
    assert str(bad.error).startswith(f"sheet Data, row 2: {column}")
    assert why in str(bad.error)
    assert good.tree == {"id": "2", "value": "v"}
    (again,) = units(bad.raw)
    assert isinstance(again, BadUnit)
    assert again.error.message == bad.error.message


def test_a_value_below_no_header_is_not_dropped() -> None:
    """A cell in a column without a name makes its row a bad one."""
    (bad,) = units(book(("id", "value"), ("1", "v", "stray")))
    assert isinstance(bad, BadUnit)
    assert "column C: a value stands below no header" in str(bad.error)


@pytest.mark.parametrize(
    ("raw", "spec", "code"),
    [
        (book(("id", "values")), SPEC, "no-column"),
        (book(("id", "value", "id")), SPEC, "column-twice"),
        (book(("id", "value")), SheetFormat(("id",), sheet="Dater"), "no-sheet"),
        (book(("id", "value")), SheetFormat(("id",), header_row=9), "no-header"),
        (book(("id", "value"))[:-40], SPEC, "not-xlsx"),
        (b"id,value\n1,v\n", SPEC, "not-xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SPEC, "not-xlsx"),
        (b"PK\x03\x04", SPEC, "not-xlsx"),
        (b"", SPEC, "not-xlsx"),
    ],
)
def test_what_is_no_such_workbook_is_refused_with_its_place(raw: bytes, spec: SheetFormat, code: str) -> None:
    """A renamed column, a missing sheet, half a file, a CSV by the wrong name, a password."""
    with pytest.raises(DecodeError) as refused:
        units(raw, spec)
    assert refused.value.code == code
    assert refused.value.where


def test_a_forged_part_is_found_before_it_is_read() -> None:
    """A part whose content is not what the archive says is a damaged file, not a crash."""
    raw = bytearray(book(("id", "value"), ("1", "v")))
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as parts:
        at = parts.getinfo("xl/worksheets/sheet1.xml").header_offset + 70
    raw[at] ^= 0xFF
    with pytest.raises(DecodeError) as refused:
        units(bytes(raw))
    assert refused.value.code == "not-xlsx"


def test_a_bomb_is_refused_and_one_that_lies_of_its_size_is_damaged() -> None:
    """Parts of more than the bound together are not unpacked; a part that is longer than it says is cut."""
    whole = book(("id", "value"), ("1", "v"))
    for size, code in ((archive.MAX_UNPACKED, "too-large"), (10, "not-xlsx")):
        raw = bytearray(whole)
        entry = raw.index(b"PK\x01\x02")
        raw[entry + 24 : entry + 28] = size.to_bytes(4, "little")
        with pytest.raises(DecodeError) as refused:
            archive.open_archive(bytes(raw))
        assert refused.value.code == code


@given(st.integers(0, 20_000))
def test_columns_are_named_as_a_spreadsheet_names_them(index: int) -> None:
    """A, Z, AA: each index has a name, and the name gives the index back."""
    value = 0
    for letter in letters(index):
        value = value * 26 + ord(letter) - ord("A") + 1
    assert value - 1 == index
