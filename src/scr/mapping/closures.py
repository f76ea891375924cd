"""JMESPath's syntax tree, compiled into Python closures.

The interpreter of ``jmespath`` walks the tree for every value; a closure does the same some four times
faster. The tests hold the two against each other. The meaning of each sort of node is that of
https://jmespath.org/specification.html.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scr.mapping.functions import MappingFunctions
from scr.mapping.paths import NAMES, Node, paths_read
from scr.mapping.values import is_true


@dataclass(slots=True)
class Frame:
    """What an expression can reach beside its scope."""

    root: Any
    functions: MappingFunctions
    item: Any = None
    outer: Any = None
    index: int | None = None
    seen: set[str] | None = None


Run = Callable[[Any, Frame], Any]

_NAMED: dict[str, Run] = {
    "root": lambda _value, frame: frame.root,
    "item": lambda _value, frame: frame.item,
    "outer": lambda _value, frame: frame.outer,
    "index": lambda _value, frame: frame.index,
}


def compile_node(node: Node, head: bool = True) -> Run:
    """The closure of a node. ``head`` says that a path begins here, so that ``root`` means the unit."""
    return _COMPILERS[node["type"]](node, head)


def _field(node: Node, head: bool) -> Run:
    name = node["value"]
    if head and name in NAMES:
        return _NAMED[name]

    def run(value: Any, _frame: Frame) -> Any:
        if type(value) is dict:
            return value.get(name)
        try:
            return value.get(name)
        except AttributeError:
            return None

    return run


def _path(node: Node, head: bool) -> Run:
    """Subexpression, index expression and pipe: each child on the value of the one before."""
    pipe = node["type"] == "pipe"
    runs = [compile_node(child, head if i == 0 else pipe) for i, child in enumerate(node["children"])]
    if len(runs) == 2:
        first, second = runs
        return lambda value, frame: second(first(value, frame), frame)

    def run(value: Any, frame: Frame) -> Any:
        for step in runs:
            value = step(value, frame)
        return value

    return run


def _same(_node: Node, _head: bool) -> Run:
    return lambda value, _frame: value


def _literal(node: Node, _head: bool) -> Run:
    constant = node["value"]
    return lambda _value, _frame: constant


def _index(node: Node, _head: bool) -> Run:
    place = node["value"]

    def run(value: Any, _frame: Frame) -> Any:
        if not isinstance(value, list):
            return None
        try:
            return value[place]
        except IndexError:
            return None

    return run


def _slice(node: Node, _head: bool) -> Run:
    cut = slice(*node["children"])
    return lambda value, _frame: value[cut] if isinstance(value, list) else None


def _flatten(node: Node, head: bool) -> Run:
    base = compile_node(node["children"][0], head)

    def run(value: Any, frame: Frame) -> Any:
        found = base(value, frame)
        if not isinstance(found, list):
            return None
        flat: list[Any] = []
        for element in found:
            if isinstance(element, list):
                flat.extend(element)
            else:
                flat.append(element)
        return flat

    return run


def _projection(node: Node, head: bool) -> Run:
    base, rest = compile_node(node["children"][0], head), compile_node(node["children"][1], False)

    def run(value: Any, frame: Frame) -> Any:
        found = base(value, frame)
        if not isinstance(found, list):
            return None
        results = [rest(element, frame) for element in found]
        return [result for result in results if result is not None]

    return run


def _value_projection(node: Node, head: bool) -> Run:
    base, rest = compile_node(node["children"][0], head), compile_node(node["children"][1], False)

    def run(value: Any, frame: Frame) -> Any:
        try:
            found = base(value, frame).values()
        except AttributeError:
            return None
        results = [rest(element, frame) for element in found]
        return [result for result in results if result is not None]

    return run


def _filter(node: Node, head: bool) -> Run:
    base, rest = compile_node(node["children"][0], head), compile_node(node["children"][1], False)
    condition = compile_node(node["children"][2], True)

    def run(value: Any, frame: Frame) -> Any:
        found = base(value, frame)
        if not isinstance(found, list):
            return None
        results = [rest(element, frame) for element in found if is_true(condition(element, frame))]
        return [result for result in results if result is not None]

    return run


def _multi_list(node: Node, _head: bool) -> Run:
    runs = [compile_node(child, True) for child in node["children"]]
    return lambda value, frame: None if value is None else [run(value, frame) for run in runs]


def _multi_dict(node: Node, _head: bool) -> Run:
    pairs = [(child["value"], compile_node(child["children"][0], True)) for child in node["children"]]
    return lambda value, frame: None if value is None else {key: run(value, frame) for key, run in pairs}


def _or(node: Node, head: bool) -> Run:
    left, right = (compile_node(child, head) for child in node["children"])

    def run(value: Any, frame: Frame) -> Any:
        found = left(value, frame)
        return found if is_true(found) else right(value, frame)

    return run


def _and(node: Node, head: bool) -> Run:
    left, right = (compile_node(child, head) for child in node["children"])

    def run(value: Any, frame: Frame) -> Any:
        found = left(value, frame)
        return right(value, frame) if is_true(found) else found

    return run


def _not(node: Node, head: bool) -> Run:
    inner = compile_node(node["children"][0], head)

    def run(value: Any, frame: Frame) -> bool:
        found = inner(value, frame)
        if _is_number(found):  # JMESPath: a number is true, zero as well
            return False
        return not found

    return run


_ORDER = {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}


def _comparator(node: Node, head: bool) -> Run:
    left, right = (compile_node(child, head) for child in node["children"])
    kind = node["value"]
    if kind == "eq":
        return lambda value, frame: _equal(left(value, frame), right(value, frame))
    if kind == "ne":
        return lambda value, frame: not _equal(left(value, frame), right(value, frame))
    compare = _ORDER[kind]

    def run(value: Any, frame: Frame) -> Any:
        a, b = left(value, frame), right(value, frame)
        return compare(a, b) if _is_ordered(a) and _is_ordered(b) else None

    return run


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_ordered(value: object) -> bool:
    return _is_number(value) or isinstance(value, str)


def _equal(a: Any, b: Any) -> bool:
    """JMESPath's equality: true is not 1, and false is not 0."""
    if (isinstance(a, bool) and _is_number(b)) or (isinstance(b, bool) and _is_number(a)):
        return False
    return bool(a == b)


class _Expression:
    """An expression handed to a function (``sort_by(list, &key)``); JMESPath knows the type by its name."""

    __slots__ = ("expression", "frame", "run")

    def __init__(self, run: Run, frame: Frame) -> None:
        self.run, self.frame, self.expression = run, frame, None

    def visit(self, _expression: None, value: Any) -> Any:
        return self.run(value, self.frame)


def _expref(node: Node, _head: bool) -> Run:
    inner = compile_node(node["children"][0], True)
    return lambda _value, frame: _Expression(inner, frame)


def _call(node: Node, _head: bool) -> Run:
    name = node["value"]
    runs = [compile_node(child, True) for child in node["children"]]
    at = ", ".join(sorted({".".join(path) for path in paths_read(node)}))

    def run(value: Any, frame: Frame) -> Any:
        return frame.functions.call_function(name, [step(value, frame) for step in runs], at)

    return run


_COMPILERS: dict[str, Callable[[Node, bool], Run]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _same,
    "expref": _expref,
    "field": _field,
    "filter_projection": _filter,
    "flatten": _flatten,
    "function_expression": _call,
    "identity": _same,
    "index": _index,
    "index_expression": _path,
    "literal": _literal,
    "multi_select_dict": _multi_dict,
    "multi_select_list": _multi_list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _path,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _path,
    "value_projection": _value_projection,
}
