"""The primitive types of FHIR, by what they take and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.fhir.primitives import PRIMITIVES

TAKEN: list[tuple[str, list[Any]]] = [
    ("base64Binary", ["", "YQ==", "YWJj\n YWJj"]),
    ("boolean", [True, False]),
    ("canonical", ["http://a.example/x|1"]),
    ("code", ["a", "final", "a b"]),
    ("date", ["2026", "2026-02", "2024-02-29"]),
    ("dateTime", ["2026", "2026-12-31", "2026-01-01T00:00:00Z", "2026-01-01T23:59:60.5+14:00"]),
    ("decimal", [0, -1, 1.5, 1e9]),
    ("id", ["a", "A.b-9", "x" * 64]),
    ("instant", ["2026-01-01T00:00:00.123-05:30"]),
    ("integer", [0, -2147483648, 2147483647]),
    ("markdown", ["*a*", " "]),
    ("oid", ["urn:oid:1.2.0"]),
    ("positiveInt", [1]),
    ("string", ["a", " a "]),
    ("time", ["23:59:59"]),
    ("unsignedInt", [0]),
    ("uri", ["urn:x", "relative/1"]),
    ("url", ["https://a.example"]),
    ("uuid", ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"]),
    ("xhtml", ["<div>a</div>"]),
]

REFUSED: list[tuple[str, list[Any]]] = [
    ("base64Binary", ["YQ=", "Y Q=", "é===", 1]),
    ("boolean", ["true", 0, 1]),
    ("canonical", ["", "a b"]),
    ("code", ["", " a", "a ", "a  b"]),
    ("date", ["0000", "26", "2026-13", "2026-02-29", "2026-2-1", "2026-01-01T00:00:00Z", "２０２６"]),
    ("dateTime", ["2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:00Z", "2026-04-31", 2026]),
    ("decimal", ["1", True, None]),
    ("id", ["", "a_b", "x" * 65, "a/b", "a\n"]),
    ("instant", ["2026-01-01", "2026-01-01T00:00:00"]),
    ("integer", [1.0, True, 2147483648, "1"]),
    ("markdown", [""]),
    ("oid", ["1.2", "urn:oid:9.2", "urn:oid:1.02"]),
    ("positiveInt", [0]),
    ("string", ["", None, 1, ["a"], {}]),
    ("time", ["24:00:00", "10:00", "10:00:00Z"]),
    ("unsignedInt", [-1]),
    ("uri", ["", " ", "a b"]),
    ("url", ["a\tb"]),
    ("uuid", ["c757873d-ec9a-4326-a141-556f43239520"]),
    ("xhtml", [""]),
]


@pytest.mark.parametrize(("kind", "values"), TAKEN)
def test_what_is_taken(kind: str, values: list[Any]) -> None:
    """Values of the type pass, its limits among them."""
    assert [value for value in values if not PRIMITIVES[kind](value)] == []


@pytest.mark.parametrize(("kind", "values"), REFUSED)
def test_what_is_refused(kind: str, values: list[Any]) -> None:
    """Values of another shape, and those one step beyond a limit, do not."""
    assert [value for value in values if PRIMITIVES[kind](value)] == []


def test_every_type_is_shown_both_ways() -> None:
    """No primitive type is without examples."""
    assert {kind for kind, _ in TAKEN} == {kind for kind, _ in REFUSED} == set(PRIMITIVES)


@given(
    kind=st.sampled_from(sorted(PRIMITIVES)),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({}),
)
def test_no_value_breaks_a_test(kind: str, value: object) -> None:
    """Each test answers yes or no to whatever JSON holds."""
    assert PRIMITIVES[kind](value) in (True, False)
