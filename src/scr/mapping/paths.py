"""Which fields of a unit an expression reads: known when it is loaded, for the account of what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
"""A node as ``jmespath.parser`` makes it: ``type``, ``children`` and, for some, ``value``."""

NAMES = frozenset({"root", "item", "outer", "index"})
"""The names that reach out of the scope wherever a path begins (see ``scr.mapping.expression``)."""

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


def makes_things(node: Node) -> bool:
    """Whether an expression makes an object or a list of its own."""
    if node["type"].startswith("multi_select"):
        return True
    return any(isinstance(child, dict) and makes_things(child) for child in node["children"])


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
