"""Addresses, and what answers at each: without the examination that FastAPI makes of every parameter.

Every endpoint here takes the request and parts of its address, as text, and answers with a response of its
own making: there is nothing to convert and to describe. To examine them all the same, twice for a router that
is included, was more than half of what a start of the server took.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from functools import wraps
from inspect import signature
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[..., Awaitable[Response]]
_PART = re.compile(r"{(\w+)")


class Router(APIRouter):
    """Routes that can be included in an application, or in another router, as any."""

    def add_api_route(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        methods: Collection[str] | None = None,
        include_in_schema: bool = True,
        **others: Any,
    ) -> None:
        """``endpoint`` answers at ``path``. It takes the request, and the parts of the address that it names.

        Raises TypeError for an option of FastAPI's that has no meaning here.
        """
        if others:
            raise TypeError(f"routes of this router have no {', '.join(sorted(others))}")
        whole = self.prefix + path
        told = list(methods or ("GET",))
        if not whole:  # the address of what it is included under: of Starlette's, each has a part of its own
            super().add_api_route(path, endpoint, methods=told, include_in_schema=include_in_schema)
            return
        self.add_route(whole, _by_name(endpoint, whole), methods=told, include_in_schema=include_in_schema)
        made = self.routes[-1]
        assert isinstance(made, Route)
        made.methods = set(told)  # Starlette adds HEAD to GET, which nothing here serves


def _by_name(endpoint: Endpoint, path: str) -> Callable[[Request], Awaitable[Response]]:
    """What calls an endpoint with the parts of the address that it has a name for."""
    parts = frozenset(_PART.findall(path))
    names = tuple(name for name in signature(endpoint).parameters if name in parts)

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        told = request.path_params
        return await endpoint(request, **{name: told[name] for name in names})

    return answer
