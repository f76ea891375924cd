"""Numbers, comparators and ranges that stand in an OBX as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.hl7v2 import parse


def result(kind: str, value: str, written_range: str = "") -> Any:
    """One OBX of a type, a value and a range."""
    return parse(
        f"MSH|^~\\&|L|X|||2026||ORU^R01|1|P|2.4\rOBX|1|{kind}|a||{value}||{written_range}\r".encode()
    )["OBX"][0]


@pytest.mark.parametrize(
    ("kind", "value", "quantity", "text"),
    [
        ("NM", "5.2", {"value": "5.2"}, None),
        ("NM", "+5", {"value": "5"}, None),
        ("NM", "-1.50", {"value": "-1.50"}, None),
        ("NM", "<15", {"comparator": "<", "value": "15"}, None),
        ("NM", ">= 90", {"comparator": ">=", "value": "90"}, None),
        ("NM", "Haemolysed", None, "Haemolysed"),
        ("NM", "1,000", None, "1,000"),
        ("NM", "NaN", None, "NaN"),
        ("NM", "1e9", None, "1e9"),
        ("NM", "1~2", None, "1\n2"),
        ("", "7", {"value": "7"}, None),
        ("", "a^b", None, "a b"),
        ("ST", "7", None, "7"),
        ("TX", "one~~two", None, "one\ntwo"),
        ("SN", ">^200", {"comparator": ">", "value": "200"}, None),
        ("SN", "^5", {"value": "5"}, None),
        ("SN", "=^5", {"value": "5"}, None),
        ("SN", "^1^:^128", None, None),
        ("SN", "<>^5", None, None),
        ("CE", "A^Alpha", None, None),
        ("TS", "2026", None, None),
        ("NM", "140^mmol", None, "140 mmol"),
        ("NR", "1^5", None, "1 to 5"),
        ("NA", "1^2^3", None, "1, 2, 3"),
        ("TM", "1015", None, "1015"),
        ("NM", "", None, None),
        ("NM", '""', None, None),
    ],
)
def test_a_value_is_a_quantity_or_text_or_has_its_own_structure(
    kind: str, value: str, quantity: object, text: object
) -> None:
    """A number with its comparator; whatever is no number stays as it is written."""
    obx = result(kind, value)
    assert obx.get("quantity") == quantity
    assert obx.get("text_value") == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("ST", "5.2", "5.2 mmol/L"),
        ("NM", "1,000", "1,000 mmol/L"),
        ("ST", "4.1 - 4.3", "4.1 - 4.3 mmol/L"),
        ("ST", "Haemolysed", "Haemolysed"),
        ("ST", "5.2 mmol/L", "5.2 mmol/L"),
    ],
)
def test_digits_that_are_sent_as_text_keep_their_unit(kind: str, value: str, text: str) -> None:
    """A number that is read as text is not shown without what it counts; words stay as they are."""
    obx = parse(f"MSH|^~\\&|L|X|||2026||ORU^R01|1|P|2.4\rOBX|1|{kind}|a||{value}|mmol/L\r".encode())["OBX"][0]
    assert obx["text_value"] == text


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("mmol/L", "mmol/L"),
        ("mmol/L^millimoles per litre^UCUM", "millimoles per litre"),
        ("10^9/L", "10^9/L"),
        ("x10^12/L", "x10^12/L"),
        ("10^-3", "10^-3"),
        ("10\\S\\9/L", "10^9/L"),
        ("10*9/L", "10*9/L"),
        ("10^tenfold^L", "tenfold"),
        ("", None),
    ],
)
def test_a_power_of_ten_is_not_taken_for_a_code_and_its_text(written: str, unit: object) -> None:
    """``10^9/L`` that was not escaped keeps its power; what is a code with a text stays one."""
    obx = parse(f"MSH|^~\\&|L|X|||2026||ORU^R01|1|P|2.4\rOBX|1|NM|a^White cells||4.5|{written}\r".encode())[
        "OBX"
    ][0]
    assert obx.get("unit") == unit
    assert obx["shown"] == f"White cells: 4.5{f' {unit}' if unit else ''}"


@pytest.mark.parametrize(
    ("written", "low", "high", "text"),
    [
        ("4.0-11.0", "4.0", "11.0", "4.0-11.0"),
        ("49 - 92", "49", "92", "49 - 92"),
        ("40 to 160", "40", "160", "40 to 160"),
        ("[ 0.04 - 0.40 ]", "0.04", "0.40", "0.04 - 0.40"),
        ("-2 - 2", "-2", "2", "-2 - 2"),
        ("-5--1", "-5", "-1", "-5--1"),
        ("<48", None, "48", "<48"),
        ("[ > 1.5]", "1.5", None, "> 1.5"),
        ("11-4", None, None, "11-4"),
        ("1-2-3", None, None, "1-2-3"),
        ("Low risk: <200; high risk: >240", None, None, "Low risk: <200; high risk: >240"),
    ],
)
def test_a_reference_range_is_read_where_it_is_plain(
    written: str, low: object, high: object, text: str
) -> None:
    """Limits from the forms that laboratories write, the text always; a range upside down has no limits."""
    found = result("NM", "1", written)["range"]
    assert (found.get("low"), found.get("high"), found["text"]) == (low, high, text)


@pytest.mark.parametrize("written", ["", "[ ]", '""', "   "])
def test_an_empty_range_is_none(written: str) -> None:
    """Brackets alone say nothing."""
    assert result("NM", "1", written).get("range") is None


@given(st.decimals(min_value=-999, max_value=999, places=2), st.decimals(min_value=0, max_value=99, places=1))
def test_any_two_numbers_make_a_range(low: object, width: object) -> None:
    """Negative limits as well: the hyphen between is not taken for a sign."""
    high = low + width  # type: ignore[operator]
    found = result("NM", "1", f"{low}-{high}")["range"]
    assert (found.get("low"), found.get("high")) == (str(low), str(high))


@pytest.mark.parametrize(("kind", "value", "told"), [("NR", "1^5", "1 to 5 g/L"), ("NA", "1^2", "1, 2 g/L")])
def test_several_numbers_keep_their_unit(kind: str, value: str, told: str) -> None:
    """A range and an array are all of their numbers, and what those are numbers of."""
    raw = f"MSH|^~\\&|L|X|||2026||ORU^R01|1|P|2.4\rOBX|1|{kind}|a||{value}|g/L\r".encode()
    assert parse(raw)["OBX"][0].get("text_value") == told
