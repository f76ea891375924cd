"""``/health/live`` and ``/health/ready``: whether this process runs, and whether it should be asked.

Neither says anything of anybody: a status, and for a process that is not ready the names of the checks that
failed. What is looked up is remembered for a moment, so that being asked often costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import orjson
from fastapi import FastAPI
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from scr.api.draining import Drain
from scr.errors import ScrError
from scr.settings import Settings
from scr.store.audit.seals import waiting_since
from scr.store.engine import Database
from scr.store.migrations import revision_of, serves

_REMEMBERED_SECONDS = 2.0
_LONGEST_SECONDS = 5.0
LATE_MS = 15 * 60_000
"""Milliseconds after which a row of the audit that is under no seal says that nothing seals."""


class Readiness:
    """Whether a process should be asked. ``now`` gives ms UTC, ``clock`` seconds that never go back.

    Its policy and its providers are read before it serves at all: without them there is no process.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        now: Callable[[], int],
        drain: Drain,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._settings, self._now = database, settings, now
        self._drain, self._clock = drain, clock
        self._gate = asyncio.Lock()
        self._until = float("-inf")
        self._found: tuple[str, ...] = ()

    async def problems(self) -> tuple[str, ...]:
        """What is against it: ``draining``, ``database``, ``migrations``, ``seals``; mostly nothing."""
        if self._drain.begun.is_set():
            return ("draining",)
        async with self._gate:
            if self._clock() >= self._until:
                self._found = await self._look()
                self._until = self._clock() + _REMEMBERED_SECONDS
            return self._found

    async def _look(self) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                serving, since = await self._database.read(_state)
        except (ScrError, TimeoutError):
            return ("database",)
        found = []
        if not serving:
            found.append("migrations")
        if since is not None and self._now() - since > LATE_MS and has_secret(self._settings):
            found.append("seals")
        return tuple(found)


def has_secret(settings: Settings) -> bool:
    """Whether the deployment has a key to seal with; without one nothing is sealed, and nothing late."""
    try:
        return bool(settings.secret(settings.audit_key))
    except ScrError:
        return False


def _state(connection: Connection) -> tuple[bool, int | None]:
    return serves(connection, revision_of(connection)), waiting_since(connection)


def add_health(app: FastAPI) -> None:
    """Put both addresses on an application; ``mount`` sets its ``app.state.readiness``."""
    app.add_api_route("/health/live", _live, methods=["GET"], response_model=None)
    app.add_api_route("/health/ready", _ready, methods=["GET"], response_model=None)


async def _live() -> Response:
    return Response(b'{"status":"alive"}', media_type="application/json")


async def _ready(request: Request) -> Response:
    readiness: Readiness = request.app.state.readiness
    return told(await readiness.problems())


def told(problems: tuple[str, ...]) -> Response:
    """The answer to whoever asks whether a process is ready."""
    body: dict[str, object] = (
        {"status": "not-ready", "why": list(problems)} if problems else {"status": "ready"}
    )
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    status = 503 if problems else 200
    return Response(orjson.dumps(body), status, headers=headers, media_type="application/json")
