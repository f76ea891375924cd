"""NHS Numbers, ODS codes and opaque ids."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nhs_number.validate import calculate_checksum

from scr.fhir.identifiers import NHSNumber, OdsCode, is_nhs_number, opaque_id


@given(st.from_regex(r"[0-9]{10}", fullmatch=True))
def test_check_digit_agrees_with_an_independent_library(digits: str) -> None:
    """Any ten digits are valid exactly where the check digit of the `nhs-number` package is the last."""
    assume(digits != "0000000000")
    assert is_nhs_number(digits) == (calculate_checksum(digits[:9]) == int(digits[9]))


def test_ten_zeros_are_no_number() -> None:
    """What systems send for 'unknown' passes the arithmetic and is refused all the same."""
    assert not is_nhs_number("0000000000")


@pytest.mark.parametrize("text", ["999 000 0018", "999-000-0018", "9990000018", " 999 000 0018 "])
def test_reads_the_ways_people_write_a_number(text: str) -> None:
    """Spaces and dashes are read; the value is ten digits."""
    assert NHSNumber.parse(text).value == "9990000018"


@given(st.text())
def test_cannot_hold_an_invalid_number(text: str) -> None:
    """Whatever is not a valid number is refused, and the refusal does not repeat it."""
    assume(not is_nhs_number(text.replace(" ", "").replace("-", "")))
    with pytest.raises(ValueError, match="modulus 11") as refused:
        NHSNumber.parse(text)
    assert len(text) < 9 or text not in str(refused.value)


def test_never_prints_itself() -> None:
    """Neither str nor repr nor a format of a number holds its digits."""
    number = NHSNumber("9990000018")
    assert "9990000018" not in f"{number} {number!r} {[number]}"


@pytest.mark.parametrize("text", ["", "a1", "RCB 1", "ABCDEFGHIJKLM", "RCB\n"])
def test_refuses_what_is_no_ods_code(text: str) -> None:
    """Length and letters are checked; only white space around is forgiven."""
    if text.strip() == "RCB":
        assert OdsCode.parse(text).value == "RCB"
    else:
        with pytest.raises(ValueError, match="ODS"):
            OdsCode.parse(text)


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_opaque_ids_are_stable_and_distinct(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """The same place gives the same id, another place another, and an id fits FHIR's id type."""
    key = b"k" * 32
    assert opaque_id(key, *one) == opaque_id(key, *one)
    assert (opaque_id(key, *one) == opaque_id(key, *other)) == (one == other)
    assert len(opaque_id(key, *one)) == 26
    assert opaque_id(key, *one).isalnum()
    assert opaque_id(b"j" * 32, *one) != opaque_id(key, *one)
