"""JMESPath, parsed once by ``jmespath`` and made into Python functions (``scr.mapping.source``).

Four names stand for things outside of the current scope wherever a path begins with them:

    root    the whole unit (message, row, bundle)
    item    the current item of the nearest ``for_each``
    outer   the item of the ``for_each`` around that one
    index   the place of the current item, from 0

A field of the source that happens to have one of these names is reached as ``@.root``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from jmespath import exceptions, parser

from scr.mapping.closures import Run, compile_node
from scr.mapping.functions import MappingFunctions
from scr.mapping.paths import Node, Path, Scope, paths_read
from scr.mapping.times import check_format
from scr.terminology.conceptmap import ConceptMaps


class ExpressionError(ValueError):
    """An expression that cannot be compiled: what is wrong, and at which column of it (from 1)."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message if column is None else f"{message} (column {column} of the expression)")


@dataclass(frozen=True)
class Expression:
    """A compiled expression. ``reads`` are the paths of the unit that it looks at, places within lists
    left out.
    """

    text: str
    reads: frozenset[Path] = field(repr=False, compare=False)
    node: Node = field(repr=False, compare=False)

    @cached_property
    def run(self) -> Run:
        """``run(scope, frame)`` gives its value; it does no I/O and ends."""
        return compile_node(self.node)


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
    return Expression(text.strip(), paths_read(node, scope), node)


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
