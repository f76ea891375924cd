"""Small mistakes that somebody could make in a module, one at a time: the mutants of its syntax tree.

Left alone are words for people (a text with a space in it), docstrings, annotations, decorators, and what
only types are made of.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_LEFT_OUT = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
_UNTOUCHED = frozenset({"annotation", "returns", "decorator_list", "bases"})
_NO_RULE = frozenset({"frozen", "slots", "init", "repr", "compare", "strict"})
"""Keyword arguments that change no answer, or that a type checker holds."""
_TYPES = frozenset({"tuple", "list", "dict", "set", "frozenset"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: the lines of the statement where it is made, what it is, and what makes it in the tree."""

    first: int
    last: int
    what: str
    make: Callable[[], None]


def mutants_of(tree: ast.Module) -> list[Mutant]:
    """Every mutant of the functions of a module, in their order. Only one of them is to be made in a tree."""
    bodies = [ast.Module(each.body, []) for each in _functions(tree.body)]
    return [mutant for body in bodies for mutant in _in_node(body, (1, 1))]


def _functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of a module and of its classes; what stands within them is theirs."""
    for each in body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each
        elif isinstance(each, ast.ClassDef):
            yield from _functions(each.body)


def _in_node(node: ast.AST, lines: tuple[int, int]) -> Iterator[Mutant]:
    for held, name, place, child in list(_children(node)):
        if _is_type(child):
            continue
        at = _lines(child) if isinstance(child, ast.stmt) else lines
        for what, other in _instead(child, node, name):
            number = getattr(child, "lineno", at[0])
            yield Mutant(*at, f"line {number}: {what}", _put(held, name, place, other))
        if isinstance(child, ast.Compare):
            yield from _compared(child, at)
        if not isinstance(child, ast.Constant):
            yield from _in_node(child, at)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST | list[Any], str, int, ast.AST]]:
    """Each child: what holds it, under which name or (in a list) at which place."""
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED:
            continue
        if isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, ast.AST) and not _is_passed_over(each):
                    yield value, name, place, each
        elif isinstance(value, ast.AST):
            yield node, name, -1, value


def _put(held: ast.AST | list[Any], name: str, place: int, other: ast.AST) -> Callable[[], None]:
    def make() -> None:
        ast.fix_missing_locations(other)
        if isinstance(held, list):
            held[place] = other
        else:
            setattr(held, name, other)

    return make


def _instead(child: ast.AST, parent: ast.AST, name: str) -> Iterator[tuple[str, ast.AST]]:
    """What can stand in the place of a child, with what it is called."""
    if isinstance(child, _LEFT_OUT):
        yield f"without {_text(child)}", ast.copy_location(ast.Pass(), child)
    elif isinstance(child, ast.Return) and child.value is not None and not _is_none(child.value):
        yield f"none for {_text(child)}", ast.copy_location(ast.Return(ast.Constant(None)), child)
    elif isinstance(child, ast.Constant) and not isinstance(parent, ast.JoinedStr | ast.FormattedValue):
        other = _constant(child.value)
        if other is not None:
            yield f"{other!r} for {child.value!r}", ast.copy_location(ast.Constant(other), child)
    elif isinstance(child, ast.expr):
        yield from _expression(child)
        if name in ("test", "ifs") and not isinstance(child, ast.Compare | ast.UnaryOp):
            yield f"not {_text(child)}", ast.copy_location(ast.UnaryOp(ast.Not(), child), child)


def _expression(child: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(child, ast.BoolOp):
        for place, each in enumerate(child.values):
            rest = child.values[:place] + child.values[place + 1 :]
            other = rest[0] if len(rest) == 1 else ast.BoolOp(child.op, rest)
            yield f"without {_text(each)} in {_text(child)}", ast.copy_location(other, child)
    made: ast.expr | None = None
    match child:
        case ast.BoolOp(op=ast.And()):
            made = ast.BoolOp(ast.Or(), child.values)
        case ast.BoolOp(op=ast.Or()):
            made = ast.BoolOp(ast.And(), child.values)
        case ast.UnaryOp(op=ast.Not()):
            made = child.operand
        case ast.BinOp() if type(child.op) in _COUNTED:
            made = ast.BinOp(child.left, _COUNTED[type(child.op)](), child.right)
        case ast.Call(func=ast.Name(id=called)) if called in _CALLED:
            made = ast.Call(ast.Name(_CALLED[called], ast.Load()), child.args, child.keywords)
    if made is not None:
        yield f"{_text(made)} for {_text(child)}", ast.copy_location(made, child)


def _compared(child: ast.Compare, at: tuple[int, int]) -> Iterator[Mutant]:
    for place, found in enumerate(child.ops):
        other = _COMPARED[type(found)]()
        what = f"line {child.lineno}: {type(other).__name__} for {type(found).__name__} in {_text(child)}"
        yield Mutant(*at, what, _put(child.ops, "", place, other))


def _constant(value: object) -> bool | float | str | None:
    """Another constant; None where this one is left alone."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str) and " " not in value:
        return f"{value}x"
    return None


def _is_type(node: ast.AST) -> bool:
    """Whether it is made for a type checker: ``Literal[...]``, ``tuple[str, ...]``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return False
    name = node.value.id
    return name in _TYPES or (name[:1].isupper() and not name.isupper())


def _is_passed_over(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.keyword) and node.arg in _NO_RULE:
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _lines(node: ast.stmt) -> tuple[int, int]:
    """Those of a statement; of one that holds others, those of its head."""
    body = getattr(node, "body", None)
    last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno
    return node.lineno, max(node.lineno, last or node.lineno)


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else f"{text[:67]}..."
