"""YAML with its lines: plain values as they look, and mistakes named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from scr.data import load_yaml
from scr.errors import Invalid


@pytest.mark.parametrize(
    ("text", "value"),
    [("01", "01"), ("no", "no"), ("2026-01-05", "2026-01-05"), ("1e5", "1e5"), ("1", 1), ("-1.5", -1.5),
     ("true", True), ("~", None), ("", None), ('"1"', "1")],
)  # fmt: skip
def test_a_plain_value_is_what_it_looks_like(tmp_path: Path, text: str, value: object) -> None:
    """Codes, dates and the words yes and no stay text; numbers and true are themselves."""
    path = tmp_path / "x.yaml"
    path.write_text(f"a: {text}\n", encoding="utf-8")
    assert load_yaml(path).value == {"a": value}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: {{ x }}\n", "line 2: a key is text: put {{ }} in quotes"),
        ("a: 1\na: 2\n", "line 2: the key 'a' stands twice"),
        ("a: [1\n", "not valid YAML"),
        ("a: \xff", "not UTF-8"),
        ("a: 1\nb: \x07\n", "a control character stands in it"),
        ("a: 1\nb: !secret x\n", "line 2: not valid YAML: could not determine a constructor"),
        ("a: 1\nb: !!python/name:os.system\n", "line 2: not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """One mistake in a file."""
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Invalid) as caught:
        load_yaml(path)
    assert says in str(caught.value)
    assert "x.yaml" in str(caught.value)


def test_the_line_of_a_key_that_is_not_there_is_that_of_what_is_around_it(tmp_path: Path) -> None:
    """A missing key is reported at its parent."""
    path = tmp_path / "x.yaml"
    path.write_text("a:\n  b: 1\n  c:\n    - d: 2\n", encoding="utf-8")
    document = load_yaml(path)
    assert document.line("a", "c", 0, "d") == 4
    assert document.line("a", "c", 0, "missing") == 4
    assert document.line("a", "missing") == 1


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    size: int = 1


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    parts: list[_Inner] = []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "name: x\nparts:\n  - colour: red\n    size: big\n",
            "line 4: parts.0.size: Input should be a valid",
        ),
        ("name: x\nparts:\n  - color: red\n", "line 3: parts.0.color: unknown key; did you mean 'colour'?"),
        ("name: x\nparts:\n  - size: 2\n", "line 3: parts.0.colour: Field required"),
        ("name: x\nzzz: 1\n", "line 2: zzz: unknown key; remove it"),
        ("parts: []\n", "line 1: name: Field required"),
        ("- a\n- b\n", "line 1: Input should be a valid dictionary"),
        ("", "line 1: Input should be a valid dictionary"),
    ],
)
def test_what_a_model_refuses_is_named_with_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    """The first thing that is wrong; a misspelt key is told as such, and not as one that is missing."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load_yaml(path).parse(_Outer)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
