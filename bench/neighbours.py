"""``python -m bench.neighbours``: FHIR R4 servers that answer with records of one size, after a delay.

Reads ``{"ports": [...], "delays": [...], "bytes": n}`` as JSON from the first argument.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web

from bench.payloads import patient_search, sized_record

_JSON = "application/fhir+json"


def application(name: str, delay: float, octets: int) -> web.Application:
    """One server: ``POST Patient/_search`` at once, ``Patient/[id]/$everything`` after ``delay`` seconds."""
    found, everything = patient_search(name), sized_record(octets, source=name)

    async def search(_request: web.Request) -> web.Response:
        return web.Response(body=found, content_type=_JSON)

    async def answer(_request: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.Response(body=everything, content_type=_JSON)

    app = web.Application()
    app.router.add_post("/fhir/Patient/_search", search)
    app.router.add_get("/fhir/Patient/{id}/$everything", answer)
    app.router.add_get("/health", search)
    return app


async def serve(ports: list[int], delays: list[float], octets: int) -> None:
    """Run them all until ended; the last one that is up tells that all are."""
    for number, (port, delay) in enumerate(zip(ports, delays, strict=True)):
        runner = web.AppRunner(application(f"n{number}", delay, octets), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asyncio.run(serve(asked["ports"], asked["delays"], asked["bytes"]))
