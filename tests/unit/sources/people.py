"""The people of these tests. Their NHS Numbers are of the range that is kept for tests."""

from __future__ import annotations

from scr.fhir.identifiers import NHSNumber, is_nhs_number


def number_from(start: int) -> NHSNumber:
    """The first valid number of the 999 range from ``start`` on (nine digits)."""
    for first in range(start, start + 20):
        for check in range(10):
            if is_nhs_number(f"{first}{check}"):
                return NHSNumber(f"{first}{check}")
    raise AssertionError("twenty numbers in a row without a check digit")


MARGARET = number_from(999_410_000)
BEN = number_from(999_420_000)
BIRTH = "1948-03-02"
