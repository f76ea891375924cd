"""The body of a request: how long it may take to come, on a clock that leaps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from scr.api.reading import LEAST_A_SECOND, InTime, read_body
from scr.errors import Invalid, ScrError, TooLarge

pytestmark = pytest.mark.leaping
_SECONDS = 30.0
Pieces = Sequence[tuple[float, int]]
"""Of each piece: seconds before it comes, and bytes."""


async def _status(pieces: Pieces, *, catches: bool = True, method: str = "POST", ends: bool = True) -> int:
    """What whoever sends a body in these pieces is answered."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request, status = Request(scope, receive), 200
        try:
            await read_body(request, 1 << 20)
        except ScrError as error:
            if not catches:
                raise
            status = error.status
        await PlainTextResponse("", status)(scope, receive, send)

    left = list(pieces)

    async def receive() -> Message:
        if not left:
            await asyncio.sleep(10_000)
            return {"type": "http.disconnect"}
        seconds, size = left.pop(0)
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": b"a" * size, "more_body": bool(left) or not ends}

    told: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": []}
    await InTime(app, _SECONDS)(scope, receive, send)
    [status] = told
    return status


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        pytest.param([(29, 10)], 200, id="just in time"),
        pytest.param([(31, 10)], 408, id="too late"),
        pytest.param([(1, 1)] * 29, 200, id="a byte a second, for as long as it has"),
        pytest.param([(1, 1)] * 40, 408, id="a byte a second"),
        pytest.param([(20, 10 * LEAST_A_SECOND), (18, 1)], 200, id="more time for what has come"),
        pytest.param([(20, 10 * LEAST_A_SECOND), (21, 1)], 408, id="and no more than that"),
        pytest.param([(0, 1 << 20), (0, 1)], 413, id="too large"),
    ],
)
async def test_a_body_has_so_much_time(pieces: Pieces, status: int) -> None:
    """From when it is asked for, and a second more for each 16 KiB that have come."""
    assert await _status(pieces) == status


async def test_it_is_told_where_nobody_makes_an_answer_of_it() -> None:
    """What reads a body outside of every boundary is answered for; a body that is not read has no time."""
    assert await _status([(31, 1)], catches=False) == 408
    assert await _status([(31, 1)], method="GET") == 200


async def test_a_body_that_breaks_off_is_refused() -> None:
    """And is not taken for a whole one."""

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(Invalid) as caught:
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, gone))
    assert caught.value.code == "cut-off"
    assert not isinstance(caught.value, TooLarge)
