"""Which route answers at an address, without trying all of them one after the other.

A deployment has more than a hundred routes, and to ask each of them for its pattern took longer than to read
a record. They are told apart here by the fixed parts of their addresses first. The few that are left are
tried in their order, so that the route is the one that the whole list would have found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_DOOR = "scr.door"
_SHAPES = 4_096
"""Shapes of addresses that are remembered: there are some dozens, and nobody can make more than these."""


@dataclass(frozen=True, slots=True, eq=False)
class _Door:
    """A route: the parts of its address (empty for what stands for anything; None: of any length), how an
    address is read, and what answers there."""

    parts: tuple[str, ...] | None
    pattern: re.Pattern[str]
    convertors: Mapping[str, Any]
    methods: frozenset[str]
    route: BaseRoute
    endpoint: object
    app: ASGIApp
    template: str

    @classmethod
    def of(cls, context: RouteContext) -> _Door:
        """The door of a route, under the prefixes that it was included with."""
        written = str(context.path)
        anything = any(":path" in part for part in re.findall(r"{[^}]*}", written))
        parts = tuple("" if "{" in part else part for part in written.split("/"))
        return cls(
            None if anything else parts,
            context.path_regex,
            context.param_convertors,
            methods_of(context),
            context.original_route,
            context.endpoint,
            context.app,
            written,
        )

    def near(self, shape: tuple[str, ...]) -> bool:
        """Whether an address of this shape may be one of this route."""
        if self.parts is None:
            return True
        return len(self.parts) == len(shape) and all(
            not part or part == there for part, there in zip(self.parts, shape, strict=True)
        )


def template_of(scope: Scope) -> str:
    """The address of the route that a request came to, with the names of its parts; empty where none is."""
    door: _Door | None = scope.get(_DOOR)
    return "" if door is None else door.template


class Directory(BaseRoute):
    """The routes of an application as one: see ``settle``."""

    def __init__(self, routes: Iterable[RouteContext]) -> None:
        self.contexts = tuple(routes)
        self._doors = tuple(_Door.of(context) for context in self.contexts)
        self._fixed = frozenset(part for door in self._doors for part in door.parts or ())
        self._near = lru_cache(_SHAPES)(self._of_shape)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette asks each route: the first that answers here, or else the first of another method."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        shape = tuple(part if part in self._fixed else "" for part in path.split("/"))
        other: tuple[Match, Scope] = Match.NONE, {}
        for door in self._near(shape):
            found = door.pattern.match(path)
            if found is None:
                continue
            told = {name: door.convertors[name].convert(text) for name, text in found.groupdict().items()}
            child = {"endpoint": door.endpoint, "path_params": told, "route": door.route, _DOOR: door}
            if scope["method"] in door.methods:
                return Match.FULL, child
            if other[0] is Match.NONE:
                other = Match.PARTIAL, child
        return other

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request at the route that ``matches`` found. Raises HTTPException 405, as a route does."""
        door: _Door = scope[_DOOR]
        if scope["method"] not in door.methods:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(door.methods))})
        await door.app(scope, receive, send)

    def _of_shape(self, shape: tuple[str, ...]) -> tuple[_Door, ...]:
        return tuple(door for door in self._doors if door.near(shape))


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route of an application, settled or not."""
    found: list[RouteContext] = []
    for route in app.router.routes:
        found += route.contexts if isinstance(route, Directory) else iter_route_contexts([route])
    return found


def methods_of(context: RouteContext) -> frozenset[str]:
    """The methods that a route was given: to be included adds HEAD to those of a plain one."""
    return frozenset(getattr(context.original_route, "methods", None) or ())


def settle(app: FastAPI) -> None:
    """Put a directory in the place of an application's routes: when all of them are there.

    What is no route of an endpoint, such as a mounted application, is asked after it.
    """
    ours, others = [], []
    for context in iter_route_contexts(app.router.routes):
        if methods_of(context) and context.endpoint is not None:
            ours.append(context)
        else:
            others.append(context.original_route)
    app.router.routes[:] = [Directory(ours), *others]
