"""What an expression runs in (``Frame``), and the function that is made of its syntax tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from scr.mapping.functions import MappingFunctions
from scr.mapping.paths import Node
from scr.mapping.source import ExpressionWriter


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


def compile_node(node: Node, head: bool = True) -> Run:
    """The function of a node. ``head`` says that a path begins here, so that ``root`` means the unit.

    Raises SyntaxError where filters and projections stand in each other more than Python can nest.
    """
    writer = ExpressionWriter(expression_of)
    return writer.function(writer.write(node, "v", head))


class _Expression:
    """An expression handed to a function (``sort_by(list, &key)``); JMESPath knows the type by its name."""

    __slots__ = ("expression", "frame", "run")

    def __init__(self, run: Run, frame: Frame) -> None:
        self.run, self.frame, self.expression = run, frame, None

    def visit(self, _expression: None, value: Any) -> Any:
        return self.run(value, self.frame)


def expression_of(node: Node) -> Callable[..., _Expression]:
    """What makes an expression that a function can call; it is told what the four names reach."""
    run = compile_node(node)
    return lambda frame, **reached: _Expression(run, replace(frame, **reached))
