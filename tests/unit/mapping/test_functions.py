"""What the functions of the templates give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.dates import interval
from scr.mapping.closures import Frame
from scr.mapping.expression import compile_expression
from scr.mapping.functions import OWN, MappingFunctions, Notes, UnmappedCode, reference_table
from scr.terminology.conceptmap import ConceptMap, ConceptMaps, Target

MAPS = ConceptMaps(
    {
        "sex": ConceptMap(
            "sex",
            exact={("", "F"): Target("urn:s", "female", "Female"), ("", "U"): Target("", "", "")},
        )
    }
)


def call(text: str, **values: object) -> tuple[Any, Notes]:
    """The value of an expression, and what it noted."""
    notes = Notes()
    run = compile_expression(text, MAPS).run
    return run(values, Frame(values, MappingFunctions(MAPS, notes))), notes


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("date(v, '%d/%m/%Y')", "31/01/2026", "2026-01-31"),
        ("date(v, '%d/%m/%Y', '%Y-%m-%d')", "2026-01-31", "2026-01-31"),
        ("date(v, '%m/%Y')", "01/2026", "2026-01"),
        ("date(v, '%Y')", "2026", "2026"),
        ("date(v)", "2026-01", "2026-01"),
        ("date(v)", "2026-01-31T10:00:00", "2026-01-31"),
        ("datetime(v, '%d/%m/%Y %H:%M')", "31/01/2026 09:30", "2026-01-31T09:30:00+00:00"),
        ("datetime(v, '%d/%m/%Y %H:%M')", "31/07/2026 09:30", "2026-07-31T09:30:00+01:00"),
        ("datetime(v)", "2026-07-31T09:30:00Z", "2026-07-31T09:30:00+00:00"),
        ("datetime(v)", "2026-07-31", "2026-07-31"),
        ("hl7_date(v)", "19410705", "1941-07-05"),
        ("hl7_date(v)", "194107051230", "1941-07-05"),
        ("hl7_datetime(v)", "2026", "2026"),
        ("hl7_datetime(v)", "202607", "2026-07"),
        ("hl7_datetime(v)", "2026073109", "2026-07-31T09:00:00+01:00"),
        ("hl7_datetime(v)", "20260731093015.123", "2026-07-31T09:30:15+01:00"),
        ("hl7_datetime(v)", "20260731093015+0000", "2026-07-31T09:30:15+00:00"),
        ("translate('sex', v)", "F", "female"),
        ("translate('sex', v)", "U", None),
        ("translate_coding('sex', v)", "F", {"system": "urn:s", "code": "female", "display": "Female"}),
        ("stable_id('Task', v, 'x')", "a/b", "a%2Fb\x1fx"),
        ("stable_id('Task', v, '')", "a", None),
        ("reference('Task', v)", "a/b", "Task/a%2Fb"),
        ("nhs_number(v)", "999 000 1014", "9990001014"),
        ("postcode(v)", "sw1a1aa", "SW1A 1AA"),
        ("postcode(v)", "zz99", "zz99"),
        ("text(v)", 5, "5"),
        ("text(v)", " a ", "a"),
        ("text(v)", True, "true"),
        ("text(v)", '""', None),
        ("concat(v, ' ', missing, 'z')", "a", "a z"),
        ("join(', ', [v, missing, 'z'])", "a", "a, z"),
        ("join(', ', v)", [], None),
        ("lower(v)", "AbC", "abc"),
        ("upper(v)", "AbC", "ABC"),
        ("trim(v)", "  a   b ", "a b"),
        ("split(v, ',')", "a, ,b", ["a", "b"]),
        ("replace(v, 'a', 'o')", "cat", "cot"),
        ("slug(v)", "Home Support / Other", "home-support-other"),
        ("number(v)", "5", 5),
        ("number(v)", "5.25", 5.25),
        ("number(v)", 7, 7),
        ("boolean(v)", "Y", True),
        ("boolean(v)", "0", False),
        ("boolean(v)", True, True),
        ("if(v, 'yes', 'no')", "", "no"),
        ("if(v, 'yes', 'no')", 0, "yes"),
        ("starts_with(v, 'a')", None, None),
    ],
)
def test_a_function_gives(text: str, value: object, expected: object) -> None:
    """One call, and what it gives."""
    found, notes = call(text, v=value)
    assert found == expected
    assert notes == Notes()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("date(v, '%d/%m/%Y')", "31/13/2026"),
        ("date(v, '%d/%m/%Y')", "01/01/0026"),
        ("date(v)", "2026-13"),
        ("datetime(v)", "2026-07-31T25:00:00"),
        ("datetime(v, '%H:%M')", "later"),
        ("hl7_date(v)", "19901332"),
        ("hl7_datetime(v)", "yesterday"),
        ("hl7_datetime(v)", "00000000"),
        ("nhs_number(v)", "999 000 1015"),
        ("number(v)", "about 5"),
        ("number(v)", "nan"),
        ("boolean(v)", "perhaps"),
        ("text(v)", [1]),
        ("text(v)", {"a": 1}),
    ],
)
def test_what_cannot_be_read_is_null_and_counted(text: str, value: object) -> None:
    """An impossible value is no crash and no guess: null, and noted with its field and function."""
    found, notes = call(text, v=value)
    assert found is None
    assert notes.unread == [f"v: {text.partition('(')[0]}"]


def test_a_code_without_a_row_is_null_and_counted() -> None:
    """The map's name and the code are noted; a code that means nothing on purpose is not."""
    found, notes = call(
        "[translate('sex', v), translate_coding('sex', v), translate('sex', w)]", v="X", w="U"
    )
    assert found == [None, None, None]
    assert notes.unmapped == [UnmappedCode("sex", "X")] * 2


@pytest.mark.parametrize("name", sorted(OWN))
def test_null_gives_null_from_every_function(name: str) -> None:
    """No function fails for want of a value."""
    calls = {
        "translate": "'sex', v",
        "translate_coding": "'sex', v",
        "join": "', ', v",
        "split": "v, ','",
        "replace": "v, 'a', 'b'",
        "stable_id": "'Task', v",
        "reference": "'Task', v",
        "if": "v, 'yes', v",
    }
    found, notes = call(f"{name}({calls.get(name, 'v')})", v=None)
    assert found is None
    assert notes == Notes()


@given(st.text(max_size=30) | st.from_regex(r"\d{4,14}(\.\d{1,4})?([+-]\d{4})?", fullmatch=True))
def test_any_time_stamp_gives_a_fhir_date_or_nothing(text: str) -> None:
    """No text makes the date functions fail, and what they give can be read as a FHIR date."""
    for name in ("hl7_datetime", "hl7_date", "date", "datetime"):
        found, _ = call(f"{name}(v)", v=text)
        assert found is None or interval(found) is not None


def test_the_reference_names_every_function() -> None:
    """Each function has its line, made of its docstring."""
    table = reference_table()
    assert all(f"| `{name}(" in table for name in OWN)
    assert 20 <= len(OWN) <= 26


def test_the_documentation_has_the_reference() -> None:
    """docs/adapters.md holds the table as it is made from the docstrings."""
    page = (Path(__file__).parents[3] / "docs" / "adapters.md").read_text(encoding="utf-8")
    assert f"reference_table -->\n\n{reference_table()}\n<!-- end of functions -->" in page
