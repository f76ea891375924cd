"""Compiled expressions give what JMESPath's own interpreter gives."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from scr.mapping.closures import Frame
from scr.mapping.expression import ExpressionError, compile_expression
from scr.mapping.functions import MappingFunctions
from scr.mapping.paths import Scope
from scr.terminology.conceptmap import ConceptMap, ConceptMaps, Target

MAPS = ConceptMaps({"sex": ConceptMap("sex", exact={("", "F"): Target("urn:s", "female", "Female")})})

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "20260131", "1.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
LITERALS = st.sampled_from(["`1`", "`true`", "`null`", "`[]`", "'a'", "''", '`{"a": 1}`'])


def _wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One step of the grammar around smaller expressions."""
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, st.integers(-2, 2)).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]})[*].{t[1]}"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]})[].{t[1]}"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]}).*.{t[1]}"),
        inner.map(lambda e: f"({e})[0:2]"),
        inner.map(lambda e: f"({e})[::-1]"),
        pair.map(lambda t: f"({t[0]})[?{t[1]}]"),
        st.tuples(pair, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "&&", "||", "|"])).map(
            lambda t: f"({t[0][0]}) {t[1]} ({t[0][1]})"
        ),
        inner.map(lambda e: f"!({e})"),
        pair.map(lambda t: f"[{t[0]}, {t[1]}]"),
        pair.map(lambda t: f"{{x: {t[0]}, y: {t[1]}}}"),
        st.tuples(
            st.sampled_from(["length", "to_string", "to_number", "not_null", "text", "lower"]), inner
        ).map(lambda t: f"{t[0]}({t[1]})"),
        pair.map(lambda t: f"map(&({t[0]}), to_array({t[1]}))"),
        pair.map(lambda t: f"if({t[0]}, {t[1]}, 'no')"),
    )


EXPRESSIONS = st.recursive(NAMES | LITERALS | st.just("@"), _wrap, max_leaves=8)


def _outcome(run: Any) -> Any:
    """A value, or the sort of error."""
    try:
        return ("value", run())
    except (JMESPathError, TypeError) as error:
        return ("error", type(error).__name__)


@given(EXPRESSIONS, VALUES)
@example("!a", {"a": 0})  # a number is true, zero as well
@example("a == `true`", {"a": 1})
@example("a == `1`", {"a": True})
@example("a < b", {"a": "x", "b": "y"})
@example("a < b", {"a": 1, "b": True})
@example("a[?b].c", {"a": [{"b": "", "c": 1}, {"b": 0, "c": 2}]})
@example("starts_with(a, 'x')", {"a": None})
@example("sort_by(a, &b)[].c", {"a": [{"b": 2, "c": 1}, {"b": 1, "c": 2}]})
def test_a_function_gives_what_the_interpreter_gives(text: str, value: Any) -> None:
    """Any expression of the grammar, over any value: the same result, or the same sort of error."""
    functions = MappingFunctions(MAPS)
    expected = _outcome(
        lambda: jmespath.compile(text).search(value, jmespath.Options(custom_functions=functions))
    )
    compiled = compile_expression(text, MAPS)
    assert _outcome(lambda: compiled.run(value, Frame(value, MappingFunctions(MAPS)))) == expected


@given(st.text(min_size=1), st.text())
@example("v'); raise SystemExit  #", "'\\n}{")
def test_any_name_and_any_text_stand_for_themselves(name: str, text: str) -> None:
    """What an adapter's author writes in quotes is a name or a text, whatever characters it has."""
    literal = text.replace("\\", "\\\\").replace("'", "\\'")
    expression = compile_expression(f"[{json.dumps(name)}, '{literal}', {{{json.dumps(name)}: @}}]", MAPS)
    scope = {name: "found"}
    expected = jmespath.search(expression.text, scope)
    assert expression.run(scope, Frame(scope, MappingFunctions(MAPS))) == expected
    assert expected[0] == "found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root.a", 1),
        ("item.b", 2),
        ("outer.c", 3),
        ("index", 7),
        ("[root.a, item.b]", [1, 2]),
        ("list[?@ == root.a]", [1]),
        ("@.root", "a field of that name"),
        ("inner.root", "inside"),
        ("inner | root", {"a": 1}),
    ],
)
def test_the_four_names_reach_out_of_the_scope_where_a_path_begins(text: str, expected: object) -> None:
    """`root`, `item`, `outer` and `index` at the head of a path; fields of those names elsewhere."""
    scope = {"root": "a field of that name", "inner": {"root": "inside"}, "list": [1, 2]}
    frame = Frame({"a": 1}, MappingFunctions(MAPS), item={"b": 2}, outer={"c": 3}, index=7)
    assert compile_expression(text, MAPS).run(scope, frame) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("a.b[", "column 5"),
        ("a ^ b", "column 3"),
        ("a b", "'b' is not expected there (column 3"),
        ("'open", "column 1"),
        ("hl7_dat(a)", "did you mean hl7_date()?"),
        ("xyzzy(a)", "docs/adapters.md"),
        ("postcode(a, b)", "postcode() takes 1 values, and is given 2"),
        ("stable_id('Task')", "at least 2"),
        ("translate('sexx', a)", "did you mean 'sex'?"),
        ("translate(a, b)", "map's name in single quotes"),
        ("date(a, 'dd/mm/yyyy')", "%d/%m/%Y"),
        ("date(a, '%Q')", "strptime"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_payload(text: str, says: str) -> None:
    """Syntax, functions, arguments, maps and date formats: the error says what and where."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, MAPS)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "scope", "expected"),
    [
        ("a", Scope(), {("a",)}),
        ("a.b[?c == 'x'].d", Scope(), {("a", "b", "c"), ("a", "b", "d")}),
        ("date(a.b, '%Y')", Scope(), {("a", "b")}),
        ("a || b", Scope(), {("a",), ("b",)}),
        ("x[0].y", Scope(("orders", "OBX")), {("orders", "OBX", "x", "y")}),
        ("root.a", Scope(("orders",)), {("a",)}),
        ("item.a", Scope(("orders",)), {("orders", "a")}),
        ("outer.a", Scope(("orders", "OBX"), ("orders",)), {("orders", "a")}),
        ("{x: a, y: 'text'}.x", Scope(), {("a",)}),
        ("'text'", Scope(), set()),
    ],
)
def test_the_fields_that_an_expression_reads_are_known(
    text: str, scope: Scope, expected: set[tuple[str, ...]]
) -> None:
    """Paths from the root of the unit, for the account of what nothing reads."""
    assert compile_expression(text, MAPS, scope).reads == expected
