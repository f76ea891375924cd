"""The description of the access API."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI

from scr.api.access import openapi
from scr.api.access.desk_routes import DeskRoutes
from scr.api.access.openapi import GIVES, TAKES, document
from scr.api.access.people_routes import PeopleRoutes
from scr.api.access.proof_routes import ProofRoutes
from scr.api.access.record_routes import RecordRoutes


def _app() -> FastAPI:
    app, nothing = FastAPI(openapi_url=None), cast(Any, SimpleNamespace())
    app.include_router(PeopleRoutes(nothing, nothing, nothing).router())
    app.include_router(ProofRoutes(nothing, nothing).router())
    app.include_router(RecordRoutes(nothing, nothing, "", "").router())
    app.include_router(DeskRoutes(nothing, nothing, nothing, nothing).router())
    openapi.mount_openapi(app)
    return app


def test_every_route_is_in_it_and_nothing_else_is() -> None:
    """Each with what it is for; every body and answer that is described is of a route that there is."""
    made = document(_app())
    told = {f"{method.upper()} {path}" for path, each in made["paths"].items() for method in each}
    assert len(told) == 26
    assert {*TAKES, *GIVES} <= told
    assert all(each["summary"] for one in made["paths"].values()
               for each in one.values())  # fmt: skip


def test_its_references_lead_somewhere() -> None:
    """Every schema that is referred to stands in it."""
    text = str(document(_app()))
    named = set(document(_app())["components"]["schemas"])
    referred = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= named
    assert {"Invitation", "ShownMe"} <= named
