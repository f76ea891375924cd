"""The directory of routes finds what the list of them finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product

import httpx
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match

from scr.api.directory import settle

_PART = ("fhir", "Patient", "{kind}", "{logical}", "$everything", "{name}.css", "{rest:path}")
_ASKED = ("", "fhir", "Patient", "$everything", "nhs.css", "{kind}", "x y", "a.b")
_ROUTE = st.tuples(
    st.lists(st.sampled_from(_PART), min_size=1, max_size=4, unique=True),
    st.sampled_from([("GET",), ("POST",), ("GET", "POST")]),
    st.booleans(),
)
_CALL = st.tuples(st.lists(st.sampled_from(_ASKED), max_size=4), st.sampled_from(["GET", "POST", "PUT"]))


def _app(routes: list[tuple[list[str], tuple[str, ...], bool]]) -> FastAPI:
    """An application with these routes, each answering with its number; some under a prefix."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for number, (parts, methods, prefixed) in enumerate(routes):

        async def answer(request: Request, number: int = number) -> Response:
            return PlainTextResponse(f"{number} {sorted(request.path_params.items())}")

        router = APIRouter()
        router.add_route("/" + "/".join(parts), answer, methods=list(methods))
        app.include_router(router, prefix="/fhir" if prefixed else "")
    return app


@given(st.lists(_ROUTE, min_size=1, max_size=6), st.lists(_CALL, min_size=1, max_size=6))
def test_an_address_is_answered_by_the_route_that_the_list_would_have_found(
    routes: list[tuple[list[str], tuple[str, ...], bool]], calls: list[tuple[list[str], str]]
) -> None:
    """Whatever routes there are, in whatever order and under whatever prefix."""
    plain, settled = _app(routes), _app(routes)
    settle(settled)
    asked = [(method, "/" + "/".join(parts)) for parts, method in calls]
    for was, found in zip(_answers(plain, asked), _answers(settled, asked), strict=True):
        assert (found.status_code, found.text) == (was.status_code, was.text)
        assert _methods(found) == _methods(was)


def _methods(answer: httpx.Response) -> set[str]:
    """The methods that a refusal names."""
    return set(answer.headers.get("allow", "").replace(" ", "").split(","))


def _answers(app: FastAPI, calls: Sequence[tuple[str, str]]) -> list[httpx.Response]:
    """What an application answers to each of these calls, by method and address."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            return [
                await client.request(method, f"http://there.example{address}") for method, address in calls
            ]

    return asyncio.run(ask())


def test_what_asks_for_its_parts_by_name_is_told_them() -> None:
    """An endpoint of FastAPI's, under a prefix, gets the parts of its address as they stand there."""

    async def told(kind: str, logical: str) -> dict[str, str]:
        return {"kind": kind, "logical": logical}

    app, router = FastAPI(openapi_url=None), APIRouter()
    router.add_api_route("/{kind}/{logical}", told, methods=["GET"])
    app.include_router(router, prefix="/fhir")
    settle(app)
    there = "/fhir/Observation/a-1"
    read, refused, none = _answers(app, [("GET", there), ("POST", there), ("GET", "/fhir/Observation")])
    assert read.json() == {"kind": "Observation", "logical": "a-1"}
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert none.status_code == 404


def test_the_shapes_that_are_remembered_are_those_of_the_routes() -> None:
    """Whoever asks for many addresses that are not there fills no memory."""
    app = _app([(["{kind}", "{logical}"], ("GET",), True)])
    settle(app)
    directory = app.router.routes[0]
    for one, two in product(range(30), range(30)):
        scope = {"type": "http", "method": "GET", "path": f"/fhir/k{one}/l{two}"}
        assert directory.matches(scope)[0] is Match.FULL
    assert directory._near.cache_info().currsize == 1  # type: ignore[attr-defined]
