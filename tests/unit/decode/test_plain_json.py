"""Plain JSON: each record is a unit, a bad one leaves the others, and nothing is dropped in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.decode.plain_json import MAX_DEPTH, JsonFormat, decode_json
from scr.decode.tree import BadUnit, DecodeError, Unit

PEOPLE = JsonFormat("people")
LINES = JsonFormat(lines=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.lists(
    st.dictionaries(TEXTS, VALUES, max_size=4),
    max_size=4,
)


def units(raw: bytes, spec: JsonFormat = PEOPLE) -> list[Unit | BadUnit]:
    """All units of a payload."""
    return list(decode_json(raw, spec))


@given(RECORDS, st.booleans(), st.booleans())
def test_what_is_written_comes_back(records: list[dict[str, Any]], lines: bool, marked: bool) -> None:
    """Any objects, as a list or as lines, with a byte order mark or without; each also by itself."""
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps({"people": records, "n": 1})
    raw = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
    if lines and not records:
        return
    spec = LINES if lines else PEOPLE
    found = units(raw, spec)
    assert [unit.tree for unit in found if isinstance(unit, Unit)] == records
    word = "line" if lines else "record"
    assert [unit.place for unit in found] == [f"{word} {number + 1}" for number in range(len(records))]
    for unit in found:
        (again,) = units(unit.raw, spec)
        assert isinstance(again, Unit)
        assert isinstance(unit, Unit)
        assert again.tree == unit.tree


def nested(depth: int) -> str:
    """An object of so many levels."""
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("3", "no object"),
        ("[1]", "no object"),
        ("null", "no object"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"b": [{"a": 1, "a": 1}]}', "stands twice"),
        (nested(MAX_DEPTH + 1), "deeper"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"a": 123456789012345678901234567890}', "64 bits"),
    ],
)
def test_a_bad_record_leaves_the_others_and_keeps_its_bytes(record: str, why: str) -> None:
    """It is named by its number; its bytes say all that it said, so that a second try fails as well."""
    good, bad, last = units(f'{{"people": [{{"id": 1}}, {record}, {{"id": 2}}]}}'.encode())
    assert isinstance(good, Unit)
    assert isinstance(last, Unit)
    assert isinstance(bad, BadUnit)
    assert bad.place == "record 2"
    assert why in bad.error.message
    (again,) = units(bad.raw)
    assert isinstance(again, BadUnit)
    assert again.error.message == bad.error.message


def test_records_may_be_nested_at_the_bound() -> None:
    """The deepest record that is taken is taken."""
    (unit,) = units(nested(MAX_DEPTH).encode(), JsonFormat())
    assert isinstance(unit, Unit)


def test_a_bad_line_leaves_the_others() -> None:
    """In JSON Lines half a line, and one without records, quarantine themselves; blank lines are none."""
    found = units(b'{"p":[{"id":1},{"id":2}]}\r\n\n{"p":[{"id"\n{"q":1}\n', JsonFormat("p", lines=True))
    assert [unit.place for unit in found] == ["line 1, record 1", "line 1, record 2", "line 3", "line 4"]
    assert [isinstance(unit, BadUnit) for unit in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("raw", "code", "where"),
    [
        (b"", "empty", "byte 0"),
        (b"<html>", "not-json", "byte 0"),
        (b'{"people": [{"id": 1}', "not-json", "line 1, column 22"),
        (b'{"people": NaN}', "not-json", "the payload"),
        (b'{"people": [{"a": 1e999}]}', "not-json", "the payload"),
        ('{"people": [{"a": "é"}]}'.encode("cp1252"), "not-utf8", "byte 19"),
        ('{"people": []}'.encode("utf-16"), "not-utf8", "byte 0"),
        (b'{"persons": []}', "no-records", "the payload"),
        (b'{"people": [{"id": 1}], "people": []}', "name-twice", "the payload"),
        (b"[" * 100_000, "too-deep", "the payload"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_with_its_place(raw: bytes, code: str, where: str) -> None:
    """Not JSON, another encoding, cut short, too deep, half of its records under a name said twice."""
    with pytest.raises(DecodeError) as refused:
        units(raw)
    assert (refused.value.code, refused.value.where) == (code, where)


def test_an_extract_of_a_quiet_day_has_no_units() -> None:
    """No records is not the same as nothing where they should be."""
    assert units(b'{"people": []}') == []
