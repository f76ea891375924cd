"""Rows: what is written comes back, in every encoding and delimiter, and bad rows leave the others."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.rows import RowFormat, decode_csv
from scr.decode.tree import BadUnit, DecodeError, NoColumn, Unit

SPEC = RowFormat(("id", "name"))
CELLS = st.text(st.characters(codec="cp1252", exclude_characters="\x00\r"), max_size=12).map(str.strip)


def units(raw: bytes, spec: RowFormat = SPEC) -> list[Unit | BadUnit]:
    """All units of a payload."""
    return list(decode_csv(raw, spec))


def trees(raw: bytes, spec: RowFormat = SPEC) -> list[dict[str, str]]:
    """The rows of a payload that must all be good."""
    found = units(raw, spec)
    assert all(isinstance(unit, Unit) for unit in found)
    return [dict(unit.tree) for unit in found if isinstance(unit, Unit)]


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS), max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["\r\n", "\n"]),
)
def test_what_is_written_comes_back(
    rows: list[tuple[str, str]], delimiter: str, encoding: str, end: str
) -> None:
    """Any cells, quotes, delimiters and line breaks in them, in every encoding; each row also by itself."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(("id", "name"))
    writer.writerows(rows)
    declared = "cp1252" if encoding == "cp1252" else "utf-8"
    spec = RowFormat(("id", "name"), declared)
    found = units(text.getvalue().encode(encoding), spec)
    assert [unit.tree for unit in found if isinstance(unit, Unit)] == [{"id": i, "name": n} for i, n in rows]
    assert [unit.place for unit in found] == [f"row {number + 2}" for number in range(len(rows))]
    for unit in found:
        (again,) = units(unit.raw, spec)
        assert isinstance(again, Unit)
        assert isinstance(unit, Unit)
        assert again.tree == unit.tree


def test_columns_beyond_the_declared_ones_are_kept_and_blank_rows_are_none() -> None:
    """A supplier's new column does no harm; a line of delimiters is no row."""
    assert trees(b"new,id,name\n x ,1,Ada\n,,\n\n,2,\n") == [
        {"new": "x", "id": "1", "name": "Ada"},
        {"new": "", "id": "2", "name": ""},
    ]


def test_a_cell_may_hold_line_breaks_and_the_row_numbers_are_the_spreadsheets() -> None:
    """A quoted note of three lines is one row."""
    found = units(b'id,name\n1,"a\r\nb\nc"\n2,d\n')
    assert [(unit.place, unit.tree) for unit in found if isinstance(unit, Unit)] == [
        ("row 2", {"id": "1", "name": "a\r\nb\nc"}),
        ("row 3", {"id": "2", "name": "d"}),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"9", "1 cells where the header has 2"),
        (b"9,a,b", "3 cells where the header has 2"),
        (b'9,"a"b', "quotation marks do not pair up"),
        (b'9,"never closed', "quotation marks do not pair up"),
        (b"9,a\x00b", "NUL byte"),
        (b"9,caf\xe9", "is not utf-8"),
        (b'9,"' + b"x" * 200_000 + b'"', "field larger than field limit"),
    ],
)
def test_a_bad_row_is_given_up_alone(row: bytes, says: str) -> None:
    """The rows before and after it are read; the error names its row, and its bytes are kept."""
    found = units(b"id,name\n1,a\n" + row + b"\n2,b\n3,c\n")
    assert [unit.tree["id"] for unit in found if isinstance(unit, Unit)] == ["1", "2", "3"]
    (bad,) = [unit for unit in found if isinstance(unit, BadUnit)]
    assert bad.place == "row 3"
    assert says in str(bad.error)
    assert row in bad.raw


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "there is no header row"),
        (b"\n\n", "there is no header row"),
        (
            b"id,nane\n1,a\n",
            "row 1: the column 'name' is not in the header; the nearest in the file is 'nane'",
        ),
        (b"id,name,id\n1,a,1\n", "row 1: the column 'id' stands twice"),
        ("id,name\n".encode("utf-16-le"), "NUL bytes at the beginning"),
        (b"\xff\xfei\x00d", "the byte order mark says UTF-16"),
        (b"<html><body>Sign in</body></html>", "the column 'id' is not in the header"),
    ],
)
def test_a_payload_that_is_none_is_refused_with_its_place(raw: bytes, says: str) -> None:
    """Where nothing can be read, one error says what to change."""
    with pytest.raises(DecodeError) as caught:
        units(raw)
    assert says in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_give_units_or_a_decode_error(noise: bytes) -> None:
    """Nothing that is sent makes the decoder fail in another way."""
    for raw in (noise, b"id,name\n" + noise):
        try:
            found = units(raw)
        except DecodeError:
            continue
        assert all(isinstance(unit, Unit | BadUnit) for unit in found)


@pytest.mark.long
def test_a_hundred_thousand_rows_are_read_in_bounded_memory() -> None:
    """Beside the payload itself, less than a megabyte at any time."""
    raw = b"id,name\n" + b"12345,somebody with a longer name\n" * 100_000
    tracemalloc.start()
    try:
        tracemalloc.clear_traces()
        count = sum(1 for _ in decode_csv(raw, SPEC))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 1_000_000


def test_two_columns_of_one_name_are_both_kept() -> None:
    """Of columns that nothing reads none is lost: the second is told apart, and so is one without a name."""
    [unit] = units(b"id,name,Notes,Notes,\n1,a,first,second,third\n")
    assert isinstance(unit, Unit)
    assert unit.tree == {
        "id": "1",
        "name": "a",
        "Notes": "first",
        "Notes (2)": "second",
        "(column 5)": "third",
    }


def test_a_column_in_another_case_is_the_nearest() -> None:
    """Its message names what differs in case and marks only."""
    with pytest.raises(NoColumn) as caught:
        units(b"id,NA_ME\n1,a\n")
    assert (caught.value.column, caught.value.nearest) == ("name", "NA_ME")
