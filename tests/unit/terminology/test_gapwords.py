"""What is written down of a code without a translation: nothing that could be a person's."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.store.samples import nhs_number

from scr.terminology.coding import Untranslated
from scr.terminology.gapwords import HIDDEN, PEOPLE, SharedTexts, code_told, system_told
from scr.terminology.systems import LEGACY, READ_V2

LOCAL, EGTON = "urn:example:local", "https://fhir.hl7.org.uk/Id/egton-codes"


@pytest.mark.parametrize(
    ("system", "code", "told"),
    [
        (LOCAL, "B3051", True),
        (LOCAL, "FBC+diff", True),
        (LOCAL, "99999", True),
        (LOCAL, "123456", False),
        (LOCAL, "MRN-1234567", False),
        (LOCAL, "12 34 56", False),
        (LOCAL, "tt-0003-01", True),
        (LOCAL, "05/07/1941", False),
        (LOCAL, "A5.7.41", False),
        (LOCAL, "999-000-0018", False),
        (LOCAL, "Known to J Smith", False),
        (LOCAL, "smith@example.org", False),
        (LOCAL, "x" * 21, False),
        (LOCAL, "Zoë", False),
        (READ_V2, "H33..", True),
        (READ_V2, "1371.", True),
        (EGTON, "246", True),
        (EGTON, "12345678", True),
        (EGTON, "9990000018", False),
        (EGTON, "EMISNQAL5-see notes", False),
        ("", "A1", True),
    ],
)
def test_a_code_is_told_where_it_looks_like_one(system: str, code: str, told: bool) -> None:
    """No free text, no number of six digits and more; a dictionary's number may be longer."""
    assert (code_told(system, code) == code) == told
    assert code_told(system, code) in (code, HIDDEN)


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("urn:oid:2.16.840.1.113883.2.1.3.2.4.14", True),
        ("urn:hl7v2:cav:local", True),
        ("", True),
        ("Smith, John", False),
        ("urn:hl7v2:9990000018:local", False),
        ("urn:x:" + "a" * 201, False),
    ],
)
def test_a_system_is_told_where_it_looks_like_an_address(system: str, told: bool) -> None:
    """An address without a long number; an OID is one."""
    assert system_told(system) == (system if told else HIDDEN)


_around = st.text(alphabet=string.ascii_letters + "-./: ", max_size=6)


@given(
    serial=st.integers(0, 40),
    before=_around,
    after=_around,
    gap=st.sampled_from(["", " ", "-"]),
    system=st.sampled_from([LOCAL, *LEGACY]),
    place=st.sampled_from(["system", "code", "display"]),
)
def test_no_nhs_number_is_ever_told(
    serial: int, before: str, after: str, gap: str, system: str, place: str
) -> None:
    """In whatever place, spaced or not, with text around it, and however many people brought it."""
    digits = nhs_number(serial).value
    words = before + gap.join((digits[:3], digits[3:6], digits[6:])) + after
    told = {"system": system, "code": "A1", "display": "text", place: words}
    found = Untranslated(told["system"], told["code"], told["display"])
    texts = SharedTexts()
    for person in range(PEOPLE + 1):
        met = texts.met(found, f"p{person}")
        assert digits not in re.sub(r"[ -]", "", " ".join(met))


def test_a_text_is_told_once_several_people_brought_it() -> None:
    """Of a local code: not for one person, however often. Of a dictionary's code: at once."""
    texts = SharedTexts()
    local, read = Untranslated(LOCAL, "B1", "HbA1c"), Untranslated(READ_V2, "H33..", "Asthma")
    assert [texts.met(local, who).text for who in ("p1", "p1", "p2", "p2", "p1", "p3", "p1")] == [
        "", "", "", "", "", "HbA1c", "HbA1c",
    ]  # fmt: skip
    assert texts.met(local._replace(display="something else"), "p4").text == ""
    assert texts.met(read, "p1").text == "Asthma"


@pytest.mark.parametrize("text", ["x" * 121, "line\nbreak", "tel 020 7946 0000", ""])
def test_some_texts_are_never_told(text: str) -> None:
    """Too long, of several lines, with a long number, or none at all; of a dictionary's code too."""
    assert SharedTexts().met(Untranslated(READ_V2, "H33..", text), "p1").text == ""
