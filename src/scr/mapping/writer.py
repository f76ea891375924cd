"""Source of Python functions, written statement by statement: blocks, variables, constants, paths.

What is written holds names, numbers and constants of a syntax tree only, never text of a payload; texts
stand in it as constants (``k1``), so that no supplier's file can write code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType
from typing import Any

from scr.mapping.paths import NAMES, Node

_PATHS = frozenset({"subexpression", "index_expression", "pipe"})

Kind = Callable[["Writer", Node, str, bool], str]
"""Writes a node over a variable (does a path begin there?), and gives the variable of its value."""


class Writer:
    """Writes one function, ``run(v, f)``: ``v`` the scope, ``f`` the frame.

    ``write`` puts the statements of a node and gives the variable that holds its value. ``names`` says
    how ``root``, ``item``, ``outer`` and ``index`` are reached. ``kinds`` write the nodes that are no
    path. ``_met`` knows which variable holds which step of a path, as far as the block that is being
    written has come by it. ``plain`` are the variables that hold a truth value, a text that is not blank, an
    object without empty parts, or null: what counts as true of them is Python's, and nothing is pruned.
    """

    def __init__(self, kinds: Mapping[str, Kind], constants: Mapping[str, Any]) -> None:
        self.kinds = kinds
        self.constants = dict(constants)
        self.names = {name: f"f.{name}" for name in NAMES}
        self._lines: list[str] = []
        self._depth = 1
        self._count = 0
        self._met: dict[tuple[str, str], str] = {}
        self.plain: set[str] = set()
        self._reached: dict[str, str] = {}

    def function(self, result: str) -> Callable[..., Any]:
        """The function that gives a variable. SyntaxError: more loops in each other than Python has."""
        made = dict(self.constants)
        exec(_compiled(self.source(result)), made)  # noqa: S102 - see the module
        run: Callable[..., Any] = made["run"]
        return run

    def source(self, result: str) -> str:
        """The text of the function that gives a variable."""
        reached = (f"    {name} = {text}" for text, name in self._reached.items())
        return "\n".join(["def run(v, f):", *reached, *self._lines, f"    return {result}", ""])

    def write(self, node: Node, value: str, head: bool) -> str:
        """The statements of a node over the variable ``value``; the variable of what it gives."""
        kind = node["type"]
        if kind == "field" or kind in _PATHS:
            return self._path(node, value, head)
        return self.kinds[kind](self, node, value, head)

    def constant(self, value: Any) -> str:
        """What a constant is called."""
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        if value is None or isinstance(value, bool) or (isinstance(value, str) and value.strip()):
            self.plain.add(name)
        return name

    def line(self, text: str) -> None:
        """One statement."""
        self._lines.append("    " * self._depth + text)

    def new(self) -> str:
        """A variable that nothing else uses."""
        self._count += 1
        return f"t{self._count}"

    @contextmanager
    def block(self, text: str) -> Iterator[None]:
        """Statements under a condition or a loop: what they come by is not known after them."""
        self.line(text)
        self._depth += 1
        before = self._met.copy()
        yield
        self._met = before
        self._depth -= 1

    # Paths

    def _path(self, node: Node, value: str, head: bool) -> str:
        """Subexpression, index expression and pipe: each step on the value of the one before."""
        steps: list[str] = []
        for part, begins in _flat(node, head):
            kind = part["type"]
            if kind == "field" and not (begins and part["value"] in NAMES):
                steps.append(f".get({part['value']!r})" if _is_plain(part["value"]) else self._get(part))
            elif kind == "index":
                steps.append(f"[{int(part['value'])}]")
            else:
                value = self._along(steps, value)
                steps = []
                value = self.names[part["value"]] if kind == "field" else self.write(part, value, begins)
        return self._along(steps, value)

    def _get(self, part: Node) -> str:
        return f".get({self.constant(part['value'])})"

    def _along(self, steps: list[str], value: str) -> str:
        """Follow plain steps; the variables of those that were followed before are used again."""
        if steps and value.startswith("f."):
            value = self.reached(value)
        while steps and (value, steps[0]) in self._met:
            value, steps = self._met[value, steps[0]], steps[1:]
        if not steps:
            return value
        made = [self.new() for _ in steps]
        self.line(" = ".join([*made, "None"]))
        self.line("try:")
        depth = self._depth
        for name, step in zip(made, steps, strict=True):
            self._depth += 1
            self.line(f"if {value} is not None:" if step[0] == "." else _is_place(value, int(step[1:-1])))
            self._met[value, step] = name
            self.line(f"    {name} = {value}{step}")
            value = name
        self._depth = depth
        self.line("except AttributeError:")
        self.line("    pass")
        return value

    def reached(self, text: str) -> str:
        """The variable of what is reached through the frame: it is there from the beginning."""
        known = self._reached.get(text)
        if known is None:
            known = self._reached[text] = self.new()
        return known


@lru_cache(maxsize=4096)
def _compiled(source: str) -> CodeType:
    """Many expressions come to the same text, and an adapter is read for several ends."""
    return compile(source, "<adapter>", "exec")


def _is_plain(name: str) -> bool:
    """Whether a name may stand in the source as it is."""
    return name.isascii() and name.replace("_", "a").isalnum()


def _is_place(value: str, place: int) -> str:
    least = place + 1 if place >= 0 else -place
    if least == 1:
        return f"if {value}.__class__ is list and {value}:"
    return f"if {value}.__class__ is list and len({value}) >= {least}:"


def _flat(node: Node, head: bool) -> Iterator[tuple[Node, bool]]:
    """The steps of a path, each with whether a path begins there."""
    if node["type"] not in _PATHS:
        yield node, head
        return
    for i, child in enumerate(node["children"]):
        yield from _flat(child, head if i == 0 else node["type"] == "pipe")
