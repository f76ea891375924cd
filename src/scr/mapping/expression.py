"""JMESPath, parsed once by ``jmespath`` and compiled into Python closures.

The interpreter of ``jmespath`` walks the syntax tree for every value; a closure does the same some
four times faster. The tests hold the two against each other.

Four names stand for things outside of the current scope wherever a path begins with them:

    root    the whole unit (message, row, bundle)
    item    the current item of the nearest ``for_each``
    outer   the item of the ``for_each`` around that one
    index   the place of the current item, from 0

A field of the source that happens to have one of these names is reached as ``@.root``.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jmespath import exceptions, parser

from scr.mapping.functions import MappingFunctions, is_true
from scr.mapping.times import check_format
from scr.terminology.conceptmap import ConceptMaps

Node = Mapping[str, Any]


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

NAMES: dict[str, Run] = {
    "root": lambda _value, frame: frame.root,
    "item": lambda _value, frame: frame.item,
    "outer": lambda _value, frame: frame.outer,
    "index": lambda _value, frame: frame.index,
}


class ExpressionError(ValueError):
    """An expression that cannot be compiled: what is wrong, and at which column of it (from 1)."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message if column is None else f"{message} (column {column} of the expression)")


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. ``run(scope, frame)`` gives its value; it does no I/O and ends.

    ``reads`` are the paths of the unit that it looks at, places within lists left out.
    """

    text: str
    run: Run = field(repr=False, compare=False)
    reads: frozenset[tuple[str, ...]] = field(repr=False, compare=False)
    node: Node = field(repr=False, compare=False)


def compile_expression(text: str, maps: ConceptMaps, scope: Scope | None = None) -> Expression:
    """Compile one expression. Raises ExpressionError for syntax, functions and maps that are not there."""
    if not text.strip():
        raise ExpressionError("the expression is empty: write one between {{ and }}")
    try:
        node: Node = parser.Parser().parse(text).parsed
    except exceptions.ParseError as error:
        raise ExpressionError(_syntax(error), int(error.lex_position) + 1) from None
    except exceptions.JMESPathError as error:
        raise ExpressionError(str(error)) from None
    for call in _calls(node):
        _check_call(call, maps)
    return Expression(text.strip(), _compile(node, True), paths_read(node, scope), node)


Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the unit an expression's scope is: the path of its item, and of the item around it."""

    at: Path = ()
    outer: Path = ()

    def named(self, name: str) -> Path:
        """The path that one of the four names stands for."""
        return {"root": (), "outer": self.outer}.get(name, self.at)


_MADE = "{}"
"""Where a path begins that is of no field of the unit: an object or list that the expression makes."""


def paths_read(node: Node, scope: Scope | None = None) -> frozenset[Path]:
    """Every path of field names, from the root of the unit, that an expression looks at."""
    found: set[Path] = set()
    end = _follow(node, (scope or Scope()).at, True, scope or Scope(), found)
    return frozenset(path for path in {*found, end} if path and path[0] != _MADE)


def end_path(node: Node, scope: Scope) -> Path:
    """The path of what an expression gives: the scope that a ``for_each`` over it makes."""
    return _follow(node, scope.at, True, scope, set())


_STEPS = frozenset({"subexpression", "index_expression", "pipe", "projection", "value_projection", "flatten"})


def _follow(node: Node, at: Path, head: bool, scope: Scope, found: set[Path]) -> Path:
    """The path at which a node ends; the paths read on the way are put into ``found``."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return scope.named(node["value"]) if head and node["value"] in NAMES else (*at, node["value"])
    if kind in {"identity", "current", "index", "slice"}:
        return at
    if kind in _STEPS:
        for i, child in enumerate(children):
            at = _follow(child, at, head if i == 0 else kind == "pipe", scope, found)
        return at
    if kind == "filter_projection":
        base = _follow(children[0], at, head, scope, found)
        found.add(_follow(children[2], base, True, scope, found))
        return _follow(children[1], base, False, scope, found)
    ends = [_follow(child, at, True, scope, found) for child in children]
    found.update(ends)
    return ends[0] if kind in {"or_expression", "and_expression"} else (_MADE,)


def _syntax(error: exceptions.ParseError) -> str:
    if isinstance(error, exceptions.IncompleteExpressionError):
        return "the JMESPath expression stops too early"
    return f"not a JMESPath expression: {str(error.token_value or error.msg)!r} is not expected there"


def _calls(node: Node) -> Iterator[Node]:
    if node["type"] == "function_expression":
        yield node
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls(child)


def _check_call(call: Node, maps: ConceptMaps) -> None:
    """A call's name, number of arguments, map and date formats are known before the first payload."""
    name, arguments = call["value"], call["children"]
    spec = MappingFunctions.FUNCTION_TABLE.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, MappingFunctions.FUNCTION_TABLE, n=1)
        known = f"did you mean {near[0]}()?" if near else "docs/adapters.md lists the functions"
        raise ExpressionError(f"there is no function {name}(); {known}")
    wanted, variadic = (
        len(spec["signature"]),
        bool(spec["signature"]) and spec["signature"][-1].get("variadic"),
    )
    if len(arguments) < wanted or (len(arguments) > wanted and not variadic):
        least = "at least " if variadic else ""
        raise ExpressionError(f"{name}() takes {least}{wanted} values, and is given {len(arguments)}")
    if name in {"translate", "translate_coding"}:
        if arguments[0]["type"] != "literal" or not isinstance(arguments[0]["value"], str):
            raise ExpressionError(f"the first value of {name}() is a map's name in single quotes")
        if arguments[0]["value"] not in maps:
            raise ExpressionError(maps.missing(arguments[0]["value"]))
    if name in {"date", "datetime"}:
        for argument in arguments[1:]:
            problem = check_format(str(argument["value"])) if argument["type"] == "literal" else ""
            if problem:
                raise ExpressionError(problem)


def _compile(node: Node, head: bool) -> Run:
    """The closure of a node. ``head`` says that a path begins here, so that ``root`` means the unit."""
    return _COMPILERS[node["type"]](node, head)


def _field(node: Node, head: bool) -> Run:
    name = node["value"]
    if head and name in NAMES:
        return NAMES[name]

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
    runs = [_compile(child, head if i == 0 else pipe) for i, child in enumerate(node["children"])]
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
    base = _compile(node["children"][0], head)

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
    base, rest = _compile(node["children"][0], head), _compile(node["children"][1], False)

    def run(value: Any, frame: Frame) -> Any:
        found = base(value, frame)
        if not isinstance(found, list):
            return None
        results = [rest(element, frame) for element in found]
        return [result for result in results if result is not None]

    return run


def _value_projection(node: Node, head: bool) -> Run:
    base, rest = _compile(node["children"][0], head), _compile(node["children"][1], False)

    def run(value: Any, frame: Frame) -> Any:
        try:
            found = base(value, frame).values()
        except AttributeError:
            return None
        results = [rest(element, frame) for element in found]
        return [result for result in results if result is not None]

    return run


def _filter(node: Node, head: bool) -> Run:
    base, rest = _compile(node["children"][0], head), _compile(node["children"][1], False)
    condition = _compile(node["children"][2], True)

    def run(value: Any, frame: Frame) -> Any:
        found = base(value, frame)
        if not isinstance(found, list):
            return None
        results = [rest(element, frame) for element in found if is_true(condition(element, frame))]
        return [result for result in results if result is not None]

    return run


def _multi_list(node: Node, _head: bool) -> Run:
    runs = [_compile(child, True) for child in node["children"]]
    return lambda value, frame: None if value is None else [run(value, frame) for run in runs]


def _multi_dict(node: Node, _head: bool) -> Run:
    pairs = [(child["value"], _compile(child["children"][0], True)) for child in node["children"]]
    return lambda value, frame: None if value is None else {key: run(value, frame) for key, run in pairs}


def _or(node: Node, head: bool) -> Run:
    left, right = (_compile(child, head) for child in node["children"])

    def run(value: Any, frame: Frame) -> Any:
        found = left(value, frame)
        return found if is_true(found) else right(value, frame)

    return run


def _and(node: Node, head: bool) -> Run:
    left, right = (_compile(child, head) for child in node["children"])

    def run(value: Any, frame: Frame) -> Any:
        found = left(value, frame)
        return right(value, frame) if is_true(found) else found

    return run


def _not(node: Node, head: bool) -> Run:
    inner = _compile(node["children"][0], head)

    def run(value: Any, frame: Frame) -> bool:
        found = inner(value, frame)
        if _is_number(found):  # JMESPath: a number is true, zero as well
            return False
        return not found

    return run


_ORDER = {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}


def _comparator(node: Node, head: bool) -> Run:
    left, right = (_compile(child, head) for child in node["children"])
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
    inner = _compile(node["children"][0], True)
    return lambda _value, frame: _Expression(inner, frame)


def _call(node: Node, _head: bool) -> Run:
    name = node["value"]
    runs = [_compile(child, True) for child in node["children"]]
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
