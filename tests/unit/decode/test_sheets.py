"""A workbook of several sheets: every row knows the row that it belongs to, and decodes again by itself."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from scr.decode.sheets import NamedSheet, decode_workbook
from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.decode.xlsx import SheetFormat

PEOPLE = NamedSheet("people", SheetFormat(("id", "name"), "People"), "id")
NOTES = NamedSheet("notes", SheetFormat(("of", "note"), "Notes"), "of", "people")
LOOSE = NamedSheet("loose", SheetFormat(("nhs",), "Loose"))
KEYS = st.sampled_from(["1", "2", "3", "A-1", ""])


def book(**sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook of sheets with these rows."""
    made = Workbook()
    assert made.active is not None
    made.remove(made.active)
    for title, rows in sheets.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(row)
    raw = io.BytesIO()
    made.save(raw)
    return raw.getvalue()


@given(st.lists(KEYS, max_size=5), st.lists(KEYS, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_row_is_with_the_one_row_of_its_key_or_refused(people: list[str], notes: list[str]) -> None:
    """Joined to the only row with its key; refused where there is none or several. No row is left out, and
    each comes out the same when it is decoded by itself."""
    raw = book(
        People=[("id", "name"), *((key, f"n{i}") for i, key in enumerate(people))],
        Notes=[("of", "note"), *((key, f"t{i}") for i, key in enumerate(notes))],
    )
    units = list(decode_workbook(raw, [PEOPLE, NOTES]))
    assert len(units) == len(people) + len(notes)
    for i, (key, unit) in enumerate(zip(people + notes, units, strict=True)):
        good = bool(key) and people.count(key) == 1
        assert isinstance(unit, Unit) is good
        if isinstance(unit, Unit):
            row = {"id": key, "name": f"n{people.index(key)}"}
            assert unit.tree["people"] == row
            assert unit.tree["sheet"] == ("people" if i < len(people) else "notes")
        (again,) = decode_workbook(unit.raw, [PEOPLE, NOTES])
        assert again.place == unit.place
        assert isinstance(again, type(unit))
        if isinstance(unit, Unit) and isinstance(again, Unit):
            assert again.tree == unit.tree
        if isinstance(unit, BadUnit) and isinstance(again, BadUnit):
            assert again.error.message == unit.error.message


def test_a_sheet_that_joins_none_stands_alone() -> None:
    """Its rows need no key, and may be in a workbook with sheets that join."""
    raw = book(People=[("id", "name")], Notes=[("of", "note")], Loose=[("nhs",), ("x",)])
    (unit,) = decode_workbook(raw, [PEOPLE, NOTES, LOOSE])
    assert isinstance(unit, Unit)
    assert unit.tree == {"sheet": "loose", "loose": {"nhs": "x"}}


def test_an_undeclared_sheet_is_told_once() -> None:
    """By its title, with the first row that can be read."""
    raw = book(People=[("id", "name"), ("", "x"), ("1", "y"), ("2", "z")], Incidents=[("id",)])
    found = [u.tree.get("others") for u in decode_workbook(raw, [PEOPLE]) if isinstance(u, Unit)]
    assert found == [["Incidents"], None, None]


@pytest.mark.parametrize(
    ("sheets", "code"),
    [
        ({"People": [("id", "name"), ("1", "x")]}, "no-sheet"),
        ({"People": [("id", "name"), ("1", "x")], "Notes": [("of", "nota")]}, "no-column"),
        ({"People": [("id", "name"), ("1", "x")], "Notes": []}, "no-header"),
    ],
)
def test_what_is_missing_is_found_before_any_row(
    sheets: dict[str, Sequence[Sequence[object]]], code: str
) -> None:
    """A later sheet that is not as declared refuses the workbook: no part of it is filed by half."""
    with pytest.raises(DecodeError) as error:
        decode_workbook(book(**sheets), [PEOPLE, NOTES])
    assert error.value.code == code


@pytest.mark.parametrize(
    "raw", [b'{"$sheet":"people"}', b'{"$sheet":"people","place":1,"tree":3}', b'{"$sheet":']
)
def test_a_damaged_row_is_refused(raw: bytes) -> None:
    """What begins as a kept row and is none has a reason."""
    with pytest.raises(DecodeError):
        list(decode_workbook(raw, [PEOPLE]))


@pytest.mark.parametrize(
    "raw", [b"\xef\xbb\xbfa,b\r\n1,2\r\n", b"\xef\xbb\xbf", b'\xef\xbb\xbf"MSH|^~', b"a,b\r\n"]
)
def test_a_table_in_the_place_of_a_workbook_is_refused(raw: bytes) -> None:
    """With a byte order mark too, as spreadsheets write it: its rows are of no sheet."""
    with pytest.raises(DecodeError, match="no XLSX workbook"):
        decode_workbook(raw, [PEOPLE])
