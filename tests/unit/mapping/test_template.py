"""Templates: types kept, missing parts dropped, control words, pruning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import Document
from scr.errors import Invalid
from scr.mapping.closures import Frame
from scr.mapping.functions import MappingFunctions
from scr.mapping.template import Compiler, MappingError, compile_template
from scr.terminology.conceptmap import ConceptMaps

MAPS = ConceptMaps()
UNIT: dict[str, Any] = {
    "name": "Ada",
    "blank": "",
    "none": None,
    "n": 0,
    "yes": True,
    "no": False,
    "ids": [{"v": "1", "t": "A"}, {"v": "", "t": "B"}, {"v": "3", "t": "A"}],
    "groups": [{"g": "x", "items": [{"i": 1}, {"i": 2}]}, {"g": "y", "items": []}],
    "one": {"v": "9"},
}


def render(template: object, unit: Any = None) -> Any:
    """What a template gives over a unit."""
    compiler = Compiler(Document(Path("adapter.yaml"), None, {}), MAPS)
    unit = UNIT if unit is None else unit
    return compile_template(template, (), compiler).run(unit, Frame(unit, MappingFunctions(MAPS)))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("{{ name }}", "Ada"),
        ("{{ n }}", 0),
        ("{{ no }}", False),
        ("{{ ids[0] }}", {"v": "1", "t": "A"}),
        ("{{ ids[1] }}", {"t": "B"}),
        ("Dr {{ name }}", "Dr Ada"),
        ("{{ name }}-{{ n }}-{{ yes }}", "Ada-0-true"),
        ("Dr {{ none }}", None),
        ("Dr {{ blank }}", None),
        ("{{ concat('Dr ', none) }}", "Dr"),
        ({"a": {"b": {"c": "{{ none }}"}}}, None),
        ({"a": "{{ blank }}", "b": [], "c": {}, "d": "{{ name }}"}, {"d": "Ada"}),
        ({"system": "urn:x", "value": "{{ none }}"}, None),
        ({"system": "urn:x", "value": "{{ name }}"}, {"system": "urn:x", "value": "Ada"}),
        ({"system": "urn:x", "code": "1"}, {"system": "urn:x", "code": "1"}),
        (["{{ none }}", "{{ name }}", "x"], ["Ada", "x"]),
        (["{{ ids[].v }}"], ["1", "3"]),
        ("{{ {a: {b: name}} }}", {"a": {"b": "Ada"}}),
    ],
)
def test_a_template_gives(template: object, expected: object) -> None:
    """One template over the unit, and what is left of it."""
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ([{"for_each": "{{ ids }}", "v": "{{ v }}"}], [{"v": "1"}, {"v": "3"}]),
        ([{"for_each": "{{ ids }}", "when": "{{ t == 'A' }}", "v": "{{ v }}"}, "z"],
         [{"v": "1"}, {"v": "3"}, "z"]),
        ({"list": {"for_each": "{{ ids }}", "t": "{{ t }}"}}, {"list": [{"t": "A"}, {"t": "B"}, {"t": "A"}]}),
        ([{"for_each": "{{ one }}", "v": "{{ v }}"}], [{"v": "9"}]),
        ([{"for_each": "{{ none }}", "v": "{{ v }}"}], None),
        ({"a": {"when": "{{ no }}", "b": "x"}, "c": "{{ name }}"}, {"c": "Ada"}),
        ({"a": {"when": "{{ n == `0` }}", "b": "x"}}, {"a": {"b": "x"}}),
        ([{"for_each": "{{ ids }}", "who": "{{ root.name }}", "at": "{{ index }}"}],
         [{"who": "Ada", "at": 0}, {"who": "Ada", "at": 1}, {"who": "Ada", "at": 2}]),
        ([{"for_each": "{{ groups }}", "g": "{{ g }}",
           "items": {"for_each": "{{ items }}", "i": "{{ item.i }}", "of": "{{ outer.g }}"}}],
         [{"g": "x", "items": [{"i": 1, "of": "x"}, {"i": 2, "of": "x"}]}, {"g": "y"}]),
    ],
)  # fmt: skip
def test_control_words(template: object, expected: object) -> None:
    """`for_each` and `when` on any mapping, nested, with the names that reach out of the scope."""
    assert render(template) == expected


SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from(["", " ", "a", "b c"])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=20,
)


@given(TREES, TREES)
def test_nothing_empty_is_ever_left(template: object, unit: object) -> None:
    """Whatever the template and the unit: no null, blank, empty list or object anywhere in the result."""
    shape = {"made": template, "taken": "{{ @ }}", "listed": ["{{ @ }}"]}
    stack = [render(shape, {"x": unit})]
    if stack == [None]:
        return
    while stack:
        at = stack.pop()
        assert at is not None
        assert at not in ("", [], {})
        assert not (isinstance(at, str) and at.isspace())
        stack.extend(at.values() if isinstance(at, dict) else at if isinstance(at, list) else ())


@given(TREES)
def test_a_value_is_cleaned_once_and_kept_with_its_type(value: object) -> None:
    """What has gone through one `{{ }}` goes through the next unchanged."""
    once = render("{{ @ }}", {"x": value})
    assert once is None or render("{{ @ }}", once) == once


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ({"a": "{{ name"}, "a: {{ and }} do not pair up"),
        ({"a": "x {{ name }} y }}"}, "a: {{ and }} do not pair up"),
        ({"a": {"for_each": "ids"}}, "a.for_each: write one expression in quotes"),
        ({"a": {"when": True}}, "a.when: write one expression in quotes"),
        ({"a": ["x", {"b": "{{ nam( }}"}]}, "a.1.b: "),
        ({"a": f"{{{{ {'a[?' * 25}b{']' * 25} }}}}"}, "take them apart"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_its_key(template: object, says: str) -> None:
    """The error names the key path in the file."""
    with pytest.raises(Invalid) as caught:
        render(template)
    assert says in str(caught.value)


def test_a_function_given_the_wrong_sort_of_value_names_the_place_and_no_value() -> None:
    """JMESPath's own message would hold the value: ours holds the place and the expression."""
    with pytest.raises(MappingError) as caught:
        render({"a": "{{ starts_with(one, 'x') }}"}, {"one": ["secret"]})
    assert "a: {{ starts_with(one, 'x') }}" in str(caught.value)
    assert "secret" not in str(caught.value)
