"""Routes without FastAPI's examination answer as its own do."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from scr.api.directory import methods_of, routes_of, settle
from scr.api.routing import Router

_CALLS = [
    ("GET", "/fhir"),
    ("HEAD", "/fhir"),
    ("GET", "/fhir/Observation/a%20b"),
    ("GET", "/fhir/Observation/a%2Fb"),
    ("POST", "/fhir/Observation/a?kind=Flag"),
    ("HEAD", "/fhir/Observation/a"),
    ("PUT", "/fhir/Observation/a"),
    ("GET", "/fhir/Observation"),
    ("GET", "/fhir/in/Flag"),
    ("POST", "/fhir/in/Flag"),
]


async def _whole(_request: Request) -> Response:
    """The base itself."""
    return PlainTextResponse("whole")


async def _one(request: Request, logical: str, kind: str, number: str = "none") -> Response:
    """One of a type."""
    return PlainTextResponse(f"{request.method} {kind} {logical!r} {number}")


async def _some(request: Request) -> Response:
    """Whatever the type."""
    return PlainTextResponse(str(request.path_params))


def _app(kind: type[APIRouter]) -> FastAPI:
    app, outer, inner = FastAPI(openapi_url=None), kind(), kind(prefix="/in", include_in_schema=False)
    outer.add_api_route("", _whole, methods=["GET"])
    outer.add_api_route("/{kind}/{logical}", _one, methods=["GET", "POST"])
    inner.add_api_route("/{kind}", _some)
    outer.include_router(inner)
    app.include_router(outer, prefix="/fhir")
    settle(app)
    return app


def _answers(app: FastAPI) -> list[tuple[int, str, str | None]]:
    async def ask() -> list[httpx.Response]:
        there = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://there.example")
        async with there as client:
            return [await client.request(method, address) for method, address in _CALLS]

    return [(said.status_code, said.text, said.headers.get("allow")) for said in asyncio.run(ask())]


def test_a_plain_route_answers_as_one_of_fastapis() -> None:
    """By address, prefix, method, and name of a part; with what is said of the routes."""
    theirs, ours = _app(APIRouter), _app(Router)
    assert _answers(ours) == _answers(theirs)
    told, expected = ([(one.path, methods_of(one)) for one in routes_of(app)] for app in (ours, theirs))
    assert told == expected
    assert [one.endpoint and one.endpoint.__doc__ for one in routes_of(ours)] == [
        "The base itself.",
        "One of a type.",
        "Whatever the type.",
    ]


def test_an_option_that_would_do_nothing_is_refused() -> None:
    """Nobody is left to think that an answer is checked or described."""
    with pytest.raises(TypeError, match="response_model"):
        Router().add_api_route("/there", _whole, response_model=dict)
