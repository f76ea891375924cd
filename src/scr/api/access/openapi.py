"""``/access/openapi.json``: what there is below ``/access``, made of the routes themselves.

https://spec.openapis.org/oas/v3.1.0. It tells nothing of anybody, so whoever asks may have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import orjson
from fastapi import FastAPI
from fastapi.routing import RouteContext
from starlette.requests import Request
from starlette.responses import Response

from scr.api.access import bodies, shown
from scr.api.directory import methods_of, routes_of
from scr.api.routing import Router
from scr.store.audit.proof import Proof

ADDRESS = "/access/openapi.json"
_ROOT = "/access/"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_PEOPLE = "/access/people/{whose}"
_DESK = "/access/desk"

TAKES: Mapping[str, type[msgspec.Struct]] = {
    "POST /access/invitations/look": bodies.Code,
    "POST /access/invitations/accept": bodies.Code,
    f"POST {_PEOPLE}/carers": bodies.Invitation,
    f"POST {_PEOPLE}/looks/{{which}}/question": bodies.Text,
    f"POST {_PEOPLE}/choices": bodies.SentChoice,
    f"POST {_PEOPLE}/choices/{{choice}}/withdraw": bodies.Withdrawal,
    f"POST {_PEOPLE}/preview": bodies.WhoWould,
    f"POST {_DESK}/proxies": bodies.Recorded,
    f"POST {_DESK}/proxies/list": bodies.Whose,
    f"POST {_DESK}/proxies/{{proxy}}/suspend": bodies.Resting,
    f"POST {_DESK}/proxies/{{proxy}}/review": bodies.Reviewed,
    f"POST {_DESK}/capacity": bodies.Assessment,
    f"POST {_DESK}/questions/{{question}}/answer": bodies.Text,
}
"""What the body of a call is, where it is JSON of ours."""
GIVES: Mapping[str, type[msgspec.Struct]] = {
    "GET /access/me": shown.ShownMe,
    f"GET {_PEOPLE}": shown.ShownPerson,
    f"GET {_PEOPLE}/looks/proof": Proof,
    "POST /access/invitations/look": shown.ShownInvitation,
    f"POST {_PEOPLE}/carers": shown.ShownAccess,
    f"POST {_PEOPLE}/carers/{{carer}}/end": shown.ShownAccess,
    f"POST {_PEOPLE}/looks/{{which}}/question": shown.ShownQuestion,
    f"POST {_DESK}/proxies": shown.ShownAccess,
    f"POST {_DESK}/proxies/{{proxy}}/end": shown.ShownAccess,
    f"POST {_DESK}/proxies/{{proxy}}/suspend": shown.ShownAccess,
    f"POST {_DESK}/proxies/{{proxy}}/review": shown.ShownAccess,
    f"POST {_DESK}/questions/{{question}}/answer": shown.ShownQuestion,
}
"""What is answered, where it is one of these."""
_FHIR = frozenset({f"GET {_PEOPLE}/record", f"GET {_PEOPLE}/summary", f"GET {_PEOPLE}/AuditEvent"})
_PROBLEM = {
    "description": "Refused: https://www.rfc-editor.org/rfc/rfc9457",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "status": {"type": "integer"},
                    "title": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
_OUTCOME = {
    "description": "Refused: an OperationOutcome",
    "content": {"application/fhir+json": {"schema": {"type": "object"}}},
}


def mount_openapi(app: FastAPI) -> None:
    """Serve it. What is put on the application later is in it too."""

    async def answer(_request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(orjson.dumps(document(app)), headers=headers, media_type="application/json")

    router = Router(include_in_schema=False)
    router.add_api_route(ADDRESS, answer, methods=["GET"])
    app.include_router(router)


def document(app: FastAPI) -> dict[str, Any]:
    """The document, of all routes that there are."""
    types = list(dict.fromkeys([*TAKES.values(), *GIVES.values()]))
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route, written, method in _routes(app):
        path = _PARAMETER.sub(r"{\1}", written)
        paths.setdefault(path, {})[method.lower()] = _operation(route, written, f"{method} {path}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Access for citizens and carers",
            "version": "1",
            "description": "docs/access.md says what each means.",
        },
        "security": [{"bearer": []}, {"session": [], "form": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-scr_visit"},
                "form": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _routes(app: FastAPI) -> Iterator[tuple[RouteContext, str, str]]:
    for context in routes_of(app):
        path = context.path or ""
        if path.startswith(_ROOT) and path != ADDRESS:
            for method in sorted(methods_of(context)):
                yield context, path, method


def _operation(route: RouteContext, written: str, key: str) -> dict[str, Any]:
    summary = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    made: dict[str, Any] = {
        "summary": summary,
        "responses": {"2XX": _answer(key), "4XX": _OUTCOME if key in _FHIR else _PROBLEM},
        "parameters": list(_parameters(_PARAMETER.findall(written))),
    }
    if key in TAKES:
        made["requestBody"] = {"required": True, "content": {"application/json": _schema(TAKES[key])}}
    return made


def _parameters(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        about = "The logical id of a Patient, or `me`." if name == "whose" else "An id that was told."
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": {"type": "string"},
        }


def _answer(key: str) -> dict[str, Any]:
    if key in _FHIR:
        return {"description": "A FHIR R4 Bundle", "content": {"application/fhir+json": {"schema": {}}}}
    content = _schema(GIVES[key]) if key in GIVES else {"schema": {}}
    return {"description": "Done", "content": {"application/json": content}}


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}
