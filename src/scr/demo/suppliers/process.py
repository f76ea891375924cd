"""What every supplier's process has in common: its arguments, its delay, its web server, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from scr.demo.history import LONDON

Resource = dict[str, object]
"""FHIR JSON that is being made here; it is never read back."""

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Arguments:
    """How a supplier was started. ``folder`` is the demonstration's, ``port`` its own or scr's MLLP port.

    ``keys`` is the JWKS of those who may sign in.
    """

    name: str
    folder: Path
    port: int
    seed: int
    size: int
    drop: Path
    delay: float
    every: float
    token: str = ""
    audience: str = ""
    keys: str = ""
    host: str = "127.0.0.1"

    def current_delay(self) -> float:
        """Seconds to wait before an answer: what ``scr demo slow`` asked for, or as it was started."""
        asked = _number_in(delay_file(self.folder, self.name))
        return self.delay if asked is None else asked

    async def pause(self) -> None:
        """Be as slow as was asked for."""
        if delay := self.current_delay():
            await asyncio.sleep(delay)

    def report(self, **counts: int | str) -> None:
        """Leave a line for ``scr demo status``; no person's data goes there."""
        file = self.folder / f"{self.name}.status.json"
        whole_write(file, json.dumps({"at": now().isoformat(timespec="seconds"), **counts}).encode())


def delay_file(folder: Path, name: str) -> Path:
    """Where the delay of a supplier is set while it runs."""
    return folder / f"{name}.delay"


def busy_file(folder: Path, name: str) -> Path:
    """Where the pause is set that a supplier which is too busy asks for."""
    return folder / f"{name}.busy"


def busy_seconds(folder: Path, name: str) -> float:
    """The pause that a supplier asks for which is too busy, as ``scr demo busy`` set it; 0: it is not."""
    return _number_in(busy_file(folder, name)) or 0.0


def _number_in(file: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        return max(0.0, float(file.read_text(encoding="ascii")))
    return None


def now() -> datetime:
    """The time in London, where all these suppliers are."""
    return datetime.now(LONDON)


def whole_write(file: Path, content: bytes) -> None:
    """Write a file so that a reader meets all of it or none: under another name first, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)


def fhir_response(resource: Resource, status: int = 200) -> web.Response:
    """A resource as an HTTP answer."""
    return web.Response(
        status=status, body=json.dumps(resource).encode(), content_type=FHIR_JSON, charset="utf-8"
    )


async def healthy(request: web.Request) -> web.Response:
    """Says that the process is there; it is never delayed."""
    return web.json_response({"status": "up"})


async def serve(app: web.Application, arguments: Arguments) -> None:
    """Serve until asked to end (SIGTERM or SIGINT)."""
    app.router.add_get("/health", healthy)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, arguments.host, arguments.port).start()
    try:
        await asked_to_end()
    finally:
        await runner.cleanup()


async def asked_to_end() -> None:
    """Wait for SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
