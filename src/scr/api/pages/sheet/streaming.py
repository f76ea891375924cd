"""A page that fills as the sources of a record answer, without a script.

The frame of the page goes out first, with a template in which a browser puts later parts into the places of
earlier ones (slots of a declarative shadow root: the last that has come is shown, and a place without one
shows what came before). The last part is the whole record, and takes the place of all of them.
https://html.spec.whatwg.org/multipage/scripting.html#attr-template-shadowrootmode
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace

import structlog
from starlette.responses import Response

from scr.api.look import Clock, Look, audit_row, told_of
from scr.api.pages.sheet.opening import Coming, Part
from scr.api.streams import Stream, Streaming
from scr.consent.policy import Policy
from scr.errors import ScrError
from scr.store.engine import Database
from scr.store.trail import append

_log = structlog.get_logger("scr.api.pages")

Whole = Callable[[], Awaitable[str]]
"""The record when all sources have answered, as HTML."""
Early = Callable[[Part, int], str]
"""One part as HTML; the number counts them."""


class PageFrame:
    """A page that was made with a mark in the place of what comes later: its head, and its end."""

    def __init__(self, make: Callable[[str], Response]) -> None:
        """``make`` gives the page with a text that stands where the parts are to go."""
        mark = f"parts-{secrets.token_hex(16)}"
        self.page = make(mark)
        head, found, tail = bytes(self.page.body).partition(mark.encode())
        if not found:
            raise ValueError("the page has no place for its parts")
        self.head, self.tail = head, tail


def places(last: int) -> Sequence[int]:
    """The numbers of the ledgers that a page may get, the last first: those of its parts, of the whole, and
    of what is said where it broke."""
    return range(last + 2, -1, -1)


async def _written(frame: PageFrame, coming: Coming, early: Early, whole: Whole) -> AsyncGenerator[bytes]:
    yield frame.head
    try:
        number = 0
        async for part in coming.parts():
            yield early(part, number).encode()
            number += 1
        yield (await whole()).encode()
        yield frame.tail
    finally:
        coming.stop()


def streamed(
    frame: PageFrame,
    coming: Coming,
    early: Early,
    whole: Whole,
    broken: str,
    *,
    look: Look,
    database: Database,
    policy: Policy,
    clock: Clock,
    seconds: float,
) -> Streaming:
    """The page, part by part, for ``seconds`` at most; ``broken`` is what is said where it cannot go on.

    The audit has the look before the first byte; a closing row with the same id says how it ended.
    """

    async def close(ended: str, error: ScrError | None) -> None:
        look.details["stream"] = ended
        row = replace(audit_row(look, error, policy.hash), person=None, at=clock())
        try:
            await database.write(lambda connection: append(connection, row))
        except ScrError as failed:
            _log.error("stream.unclosed", kind=failed.code, correlation=look.correlation)

    look.details["stream"] = "begun"
    end = broken.encode() + frame.tail
    stream = Stream(_written(frame, coming, early, whole), "text/html", seconds, lambda _told: end)
    headers = {
        name: value
        for name, value in frame.page.headers.items()
        if name not in {"content-length", "content-type"}
    }
    headers["X-Accel-Buffering"] = "no"  # a proxy in front may not wait until it has all of it
    return Streaming(stream, headers, close, lambda failed: told_of(look, failed))
