"""The paths of a parameter, compiled to a function that takes the values out of a candidate.

A value that is not shaped as FHIR has it is passed over: what a live source gives is anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scr.fhir.search.candidate import Candidate, Needs
from scr.fhir.structure import r4

Take = Callable[[Candidate], Sequence[Any]]
"""The values of a parameter in a candidate: JSON values, none of them a list or null."""
Below = Callable[[Any], list[Any]]
"""The same, below one node of a resource."""


def taker(kind: str, paths: Sequence[str], needs: Needs) -> Take:
    """Compile the paths of a parameter of a resource type; ``.`` is the whole resource."""
    if paths[0].startswith("?"):
        return _presence(taker(kind, (paths[0][1:], *paths[1:]), needs))
    singles = [_single(kind, path, needs) for path in paths]
    if len(singles) == 1:
        return singles[0]

    def take(one: Candidate) -> Sequence[Any]:
        found: list[Any] = []
        for single in singles:
            found += single(one)
        return found

    return take


def _presence(take: Take) -> Take:
    """Whether there is any value that is not false, as a boolean."""
    return lambda one: [any(value is not False for value in take(one))]


def _single(kind: str, path: str, needs: Needs) -> Take:
    root, _, rest = path.partition(".")
    root, kept = _filter(root)
    needs.add(kind, root)
    below = _below(rest)
    plain = kept is None and not rest

    def take(one: Candidate) -> Sequence[Any]:
        value = one.root(root)
        if value is None:
            return ()
        if plain and type(value) is not list:
            return (value,)
        values = value if type(value) is list else [value]
        if kept is not None:
            values = [one for one in values if type(one) is dict and one.get(kept[0]) == kept[1]]
        return below(values)

    return take


def _filter(step: str) -> tuple[str, tuple[str, str] | None]:
    """``telecom[system=phone]`` in its parts."""
    name, _, condition = step.partition("[")
    key, _, value = condition.rstrip("]").partition("=")
    return name, (key, value) if condition else None


def _below(path: str) -> Callable[[list[Any]], list[Any]]:
    steps = path.split(".") if path else []

    def go(values: list[Any]) -> list[Any]:
        for step in steps:
            found: list[Any] = []
            for value in values:
                if type(value) is dict and (inner := value.get(step)) is not None:
                    if type(inner) is list:
                        found += inner
                    else:
                        found.append(inner)
            values = found
        return [value for value in values if value is not None]

    return go


def below(paths: Sequence[str]) -> Below:
    """The values at paths below one node."""
    steps = [_below(path) for path in paths]
    return lambda node: [value for go in steps for value in go([node])]


def datatypes(kind: str, paths: Sequence[str]) -> frozenset[str]:
    """The FHIR types of what stands at the paths; a path that R4 does not have gives nothing."""
    found = set()
    for path in paths:
        at = kind
        for step in path.lstrip("?").split("."):
            element = r4().types.get(at, {}).get(_filter(step)[0])
            at = element.type if element is not None else ""
        found.add(at)
    return frozenset(found)
