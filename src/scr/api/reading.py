"""The body of a request: so long at most, and within so much time.

Whoever sends a byte now and then holds a place that others need. A body has some seconds to begin with, and
more for what has come of it, at a rate that any line has: a large payload is not cut off for its size. The
server itself bounds how long the head of a request may take, and how large it may be (``scr.cli.listening``).
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scr.api.look import refused, respond
from scr.errors import Invalid, TooLarge, TooSlow
from scr.store.keys import random_id

MAX_BODY = 65_536
LEAST_A_SECOND = 16_384
"""Bytes a second, on the whole, that a body comes at."""
_BODILESS = frozenset({"GET", "HEAD"})


async def read_body(request: Request, most: int = MAX_BODY) -> bytes:
    """The body of a request. Raises TooLarge over so many bytes, Invalid where it broke off, TooSlow."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise TooLarge(f"the body is over {most} bytes", code="too-large")
    except ClientDisconnect:
        raise Invalid("the body broke off: send it again", code="cut-off") from None
    return bytes(body)


class InTime:
    """Stands around the application: what reads a body raises TooSlow where it does not come in time.

    The clock runs from when the body is asked for, so that nobody is cut off who waited for us.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, _Timely(receive, self._seconds), noted)
        except TooSlow as error:  # it was read where nothing makes an answer of a refusal
            if begun:
                raise
            await respond(refused(error), random_id())(scope, receive, send)


class _Timely:
    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._seconds = receive, seconds
        self._until: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        """The next piece. What comes after the last one, that the client has gone, has all the time."""
        if self._whole:
            return await self._receive()
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow("the body did not come in time: send it again, more quickly") from None
        self._until += len(message.get("body", b"")) / LEAST_A_SECOND
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message
