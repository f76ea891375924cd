"""A search that PDS would not take, or that would find nobody for a slip of the pen, is not sent."""

from __future__ import annotations

import pytest

from scr.errors import Invalid
from scr.identity.pds.search import Search


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (Search("Sample"), "a family name and a birth date"),
        (Search("", birth_date="1941-07-05"), "a family name and a birth date"),
        (Search("Sample", birth_date="05/07/1941"), "the birth date is no date"),
        (Search("Sample", birth_date="1941-13-05"), "the birth date is no date"),
        (Search("Sample", birth_date="19410705"), "the birth date is no date"),
        (Search("Sample", birth_date="1941-07-05", gender="F"), "the gender is one of male, female"),
        (Search("Sample", birth_date="1941-07-05", exact=True, fuzzy=True), "not both"),
        (Search("Samp*", birth_date="1941-07-05", exact=True), "neither exact nor fuzzy"),
        (Search("", ("Ada",), "1941-07-05", fuzzy=True), "two of"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(search: Search, told: str) -> None:
    """It says what is wrong: nobody is to think that PDS knows no such person."""
    with pytest.raises(Invalid, match=told):
        search.parameters()


def test_what_is_told_is_asked() -> None:
    """A birth date is exact, and no more than one person is wanted."""
    asked = Search("Sample", ("Ada",), "1941-07-05", "female").parameters()
    assert asked == {
        "_max-results": "1",
        "family": "Sample",
        "given": ("Ada",),
        "birthdate": "eq1941-07-05",
        "gender": "female",
    }
