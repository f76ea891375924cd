"""A request put to the application itself, as its server would put it: any method, any bytes of a path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
from starlette.types import ASGIApp, Message

Headers = Iterable[tuple[str, str]]


async def call(
    app: ASGIApp, method: str, target: str, headers: Headers = (), body: bytes | None = b""
) -> httpx.Response:
    """The answer. ``target`` is path and query as they stand in the request line, not made tidy.

    ``body`` is None where it breaks off.
    """
    path, _, query = target.partition("?")
    sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("utf-8"),
        "query_string": query.encode("utf-8"),
        "root_path": "",
        "headers": [(b"host", b"record.test"), *sent],
        "client": ("192.0.2.1", 1234),
        "server": ("record.test", 443),
        "state": {},
    }
    told: list[Message] = []
    given = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        told.append(message)

    try:
        await app(scope, receive, send)
    except Exception:  # the outermost layer raises again, after its answer went out
        if not told:
            raise
    start, *rest = told
    content = b"".join(message.get("body", b"") for message in rest)
    return httpx.Response(start["status"], headers=start["headers"], content=content)
