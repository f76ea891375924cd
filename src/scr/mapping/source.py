"""JMESPath's syntax tree, written as the source of one Python function.

A walk over the tree costs a call for each node and value; one function of plain statements does the
same some times faster, and a path that is named twice is followed once. The tests hold it against
``jmespath`` itself. The meaning of each sort of node is that of https://jmespath.org/specification.html.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from scr.mapping.functions import OWN, MappingFunctions
from scr.mapping.paths import NAMES, Node, paths_read
from scr.mapping.times import Unreadable
from scr.mapping.values import is_true
from scr.mapping.writer import Kind, Writer

_ORDER = {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}

Expref = Callable[[Node], Any]
"""Makes what is handed to a function as an expression (``sort_by(list, &key)``)."""


class ExpressionWriter(Writer):
    """Writes JMESPath."""

    def __init__(self, expref: Expref) -> None:
        super().__init__(_KINDS, _CONSTANTS)
        self.expref = expref


def is_number(value: object) -> bool:
    """JMESPath's number: true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(a: Any, b: Any) -> bool:
    """JMESPath's equality: true is not 1, and false is not 0."""
    if (isinstance(a, bool) and is_number(b)) or (isinstance(b, bool) and is_number(a)):
        return False
    return bool(a == b)


def negated(value: Any) -> bool:
    """JMESPath's ``!``: a number is true, zero as well."""
    return False if is_number(value) else not value


def _ordering(kind: str) -> Callable[[Any, Any], bool | None]:
    compare = _ORDER[kind]

    def ordered(a: Any, b: Any) -> bool | None:
        if not all(is_number(value) or isinstance(value, str) for value in (a, b)):
            return None
        return bool(compare(a, b))

    return ordered


def is_so(writer: Writer, value: str) -> str:
    """The condition that a variable's value counts as true; most are text, null or a truth value."""
    if value in writer.plain:
        return f"if {value}:"
    return f"if {value} is not None and ({value} if {value}.__class__ is str else true({value})):"


def is_not_so(writer: Writer, value: str) -> str:
    """The condition that it does not."""
    return f"if not {is_so(writer, value)[3:-1].join('()')}:"


def _same(_writer: Writer, _node: Node, value: str, _head: bool) -> str:
    return value


def _literal(writer: Writer, node: Node, _value: str, _head: bool) -> str:
    return writer.constant(node["value"])


def _slice(writer: Writer, node: Node, value: str, _head: bool) -> str:
    made, cut = writer.new(), writer.constant(slice(*node["children"]))
    writer.line(f"{made} = {value}[{cut}] if isinstance({value}, list) else None")
    return made


def _index(writer: Writer, node: Node, value: str, _head: bool) -> str:
    return writer.write({"type": "pipe", "children": [node], "value": None}, value, False)


def _flatten(writer: Writer, node: Node, value: str, head: bool) -> str:
    base, made, element = writer.write(node["children"][0], value, head), writer.new(), writer.new()
    writer.line(f"{made} = None")
    with writer.block(f"if isinstance({base}, list):"):
        writer.line(f"{made} = []")
        with writer.block(f"for {element} in {base}:"):
            writer.line(f"if isinstance({element}, list): {made}.extend({element})")
            writer.line(f"else: {made}.append({element})")
    return made


def _projection(writer: Writer, node: Node, value: str, head: bool) -> str:
    """Projection and filter: the rest of the path on each element (for which the condition holds)."""
    base, made, element = writer.write(node["children"][0], value, head), writer.new(), writer.new()
    writer.line(f"{made} = None")
    with writer.block(f"if isinstance({base}, list):"):
        writer.line(f"{made} = []")
        with writer.block(f"for {element} in {base}:"):
            if node["type"] == "filter_projection":
                holds = writer.write(node["children"][2], element, True)
                writer.line(f"{is_not_so(writer, holds)} continue")
            rest = writer.write(node["children"][1], element, False)
            writer.line(f"if {rest} is not None: {made}.append({rest})")
    return made


def _value_projection(writer: Writer, node: Node, value: str, head: bool) -> str:
    base, made, element = writer.write(node["children"][0], value, head), writer.new(), writer.new()
    values = writer.new()
    writer.line(f"try: {values} = {base}.values()")
    writer.line(f"except AttributeError: {values} = None")
    writer.line(f"{made} = None")
    with writer.block(f"if {values} is not None:"):
        writer.line(f"{made} = []")
        with writer.block(f"for {element} in {values}:"):
            rest = writer.write(node["children"][1], element, False)
            writer.line(f"if {rest} is not None: {made}.append({rest})")
    return made


def _multi(writer: Writer, node: Node, value: str, _head: bool) -> str:
    """A list or an object of expressions."""
    made = writer.new()
    writer.line(f"{made} = None")
    with writer.block(f"if {value} is not None:"):
        if node["type"] == "multi_select_list":
            parts = ", ".join(writer.write(child, value, True) for child in node["children"])
            writer.line(f"{made} = [{parts}]")
        else:
            pairs = [
                (writer.constant(child["value"]), writer.write(child["children"][0], value, True))
                for child in node["children"]
            ]
            writer.line(f"{made} = {{{', '.join(f'{key}: {part}' for key, part in pairs)}}}")
    return made


def _or(writer: Writer, node: Node, value: str, head: bool) -> str:
    return _either(writer, node, value, head, is_not_so)


def _and(writer: Writer, node: Node, value: str, head: bool) -> str:
    return _either(writer, node, value, head, is_so)


def _either(
    writer: Writer, node: Node, value: str, head: bool, condition: Callable[[Writer, str], str]
) -> str:
    """The value of the left, or where the condition holds of it, of the right."""
    left, right = node["children"]
    made, first = writer.new(), writer.write(left, value, head)
    writer.line(f"{made} = {first}")
    with writer.block(condition(writer, first)):
        second = writer.write(right, value, head)
        writer.line(f"{made} = {second}")
    if {first, second} <= writer.plain:
        writer.plain.add(made)
    return made


def _not(writer: Writer, node: Node, value: str, head: bool) -> str:
    inner, made = writer.write(node["children"][0], value, head), writer.new()
    if inner in writer.plain:
        writer.line(f"{made} = not {inner}")
    else:
        writer.line(f"{made} = {inner} is None or negated({inner})")
    writer.plain.add(made)
    return made


def _comparator(writer: Writer, node: Node, value: str, head: bool) -> str:
    left, right = (writer.write(child, value, head) for child in node["children"])
    made, kind = writer.new(), node["value"]
    if kind not in {"eq", "ne"}:
        writer.line(f"{made} = {writer.constant(_ordering(kind))}({left}, {right})")
    elif any(child["type"] == "literal" and isinstance(child["value"], str) for child in node["children"]):
        writer.line(f"{made} = {left} {'==' if kind == 'eq' else '!='} {right}")  # text is never a number
    else:
        writer.line(f"{made} = {'not ' if kind == 'ne' else ''}equal({left}, {right})")
    writer.plain.add(made)
    return made


def _expref(writer: Writer, node: Node, _value: str, _head: bool) -> str:
    assert isinstance(writer, ExpressionWriter)
    made = writer.new()
    reached = ", ".join(f"{name}={writer.names[name]}" for name in sorted(NAMES))
    writer.line(f"{made} = {writer.constant(writer.expref(node['children'][0]))}(f, {reached})")
    return made


def _call(writer: Writer, node: Node, value: str, _head: bool) -> str:
    name, children, made = node["value"], node["children"], writer.new()
    if name == "contains" and _are_texts(children[0]):
        texts = writer.constant(tuple(child["value"] for child in children[0]["children"]))
        sought = writer.write(children[1], value, True)
        writer.line(f"{made} = None if {value} is None else {sought} in {texts}")
        writer.plain.add(made)
        return made
    given = [writer.write(child, value, True) for child in children]
    if name == "if":
        condition, then, otherwise = given
        writer.line(f"{made} = {then} {is_so(writer, condition)[:-1]} else {otherwise}")
        if {then, otherwise} <= writer.plain:
            writer.plain.add(made)
        return made
    arguments = ", ".join(given)
    at = ", ".join(sorted({".".join(path) for path in paths_read(node)}))
    if name in OWN:  # takes anything: no types to check
        function = writer.constant(MappingFunctions.FUNCTION_TABLE[name]["function"])
        note = writer.constant(f"{at}: {name}" if at else name)
        called = f"{function}(f.functions, {arguments})"
        if name in _NULL_OF_NULL:
            called = f"None if {given[_NULL_OF_NULL[name]]} is None else {called}"
        writer.line(f"try: {made} = {called}")
        writer.line(f"except Unreadable: {made} = f.functions.notes.unread.append({note})")
        if name in _GIVES_PLAIN:
            writer.plain.add(made)
    else:
        quick = _QUICK[name].format(*given) if name in _QUICK else ""
        called, place = writer.constant(name), writer.constant(at)
        writer.line(f"{made} = {quick}f.functions.call_function({called}, [{arguments}], {place})")
    return made


_NULL_OF_NULL = {
    **dict.fromkeys(("date", "datetime", "hl7_date", "hl7_datetime", "nhs_number", "postcode"), 0),
    **dict.fromkeys(("boolean", "lower", "narrative", "number", "slug", "text", "trim", "upper"), 0),
    **dict.fromkeys(("replace", "split"), 0),
    **dict.fromkeys(("translate", "translate_coding"), 1),
}
"""Our functions that give null where one of their values (from 0) is: most fields of a message are absent."""

_GIVES_PLAIN = frozenset(
    {
        *("boolean", "concat", "date", "datetime", "hl7_date", "hl7_datetime", "join", "lower", "nhs_number"),
        *("narrative", "postcode", "reference", "slug", "stable_id", "text", "translate", "translate_coding"),
        *("trim", "upper"),
    }
)
"""Our functions that give a truth value, a text that is not blank, an object without empty parts, or null."""

_QUICK = {
    "contains": "{1} in {0} if {0}.__class__ is list else ",
    "length": "len({0}) if {0}.__class__ is list else ",
}
"""JMESPath's own functions where their value has the type that they are mostly given: no type to check."""


def _are_texts(node: Node) -> bool:
    """Whether a node is a list of plain texts."""
    return node["type"] == "multi_select_list" and all(
        child["type"] == "literal" and isinstance(child["value"], str) for child in node["children"]
    )


_KINDS: dict[str, Kind] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _same,
    "expref": _expref,
    "filter_projection": _projection,
    "flatten": _flatten,
    "function_expression": _call,
    "identity": _same,
    "index": _index,
    "literal": _literal,
    "multi_select_dict": _multi,
    "multi_select_list": _multi,
    "not_expression": _not,
    "or_expression": _or,
    "projection": _projection,
    "slice": _slice,
    "value_projection": _value_projection,
}

_CONSTANTS = {"true": is_true, "equal": equal, "negated": negated, "Unreadable": Unreadable}
