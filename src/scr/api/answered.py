"""JSON for programs, at the desk of a duty (https://www.rfc-editor.org/rfc/rfc9457 for errors)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from scr.api.auth import authorization_of
from scr.api.desk import Desk
from scr.consent.actor import Actor
from scr.errors import Invalid, ScrError
from scr.store.keys import random_id

Json = dict[str, object]
Body = TypeVar("Body", bound=msgspec.Struct)


async def answered(
    desk: Desk,
    request: Request,
    action: str,
    details: Mapping[str, str],
    work: Callable[[Actor], Awaitable[Json]],
) -> Response:
    """Do a piece of work for the bearer of the request's token, and answer with what it gives."""
    correlation = random_id()
    status, kind = 200, "application/json"
    try:
        body = await desk.call(
            authorization_of(request), action, work, details=details, correlation=correlation
        )
    except ScrError as error:
        status, kind = error.status, "application/problem+json"
        body = {"status": status, "title": error.default_code, "code": error.code, "detail": str(error)}
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Correlation-ID": correlation,
    }
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="scr"'
    return Response(orjson.dumps(body), status, headers=headers, media_type=kind)


def decoded(body: bytes, kind: type[Body]) -> Body:
    """A body as what is asked for. Raises Invalid."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the body is not what is asked for: {error}", code="bad-body") from None
