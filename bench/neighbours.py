"""``python -m bench.neighbours``: FHIR R4 servers that answer with records of one size, after a delay.

Reads ``{"ports": [...], "delays": [...], "bytes": n}`` as JSON from the first argument.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web

from bench.payloads import SUBJECTS, patient_search, sized_record, told_of

_JSON = "application/fhir+json"


def application(name: str, delay: float, octets: int) -> web.Application:
    """One server: ``POST Patient/_search`` at once, ``Patient/[id]/$everything`` after ``delay`` seconds."""
    numbers = range(len(SUBJECTS))
    found = [told_of(number, patient_search(name), source=name) for number in numbers]
    whole = sized_record(octets, source=name)
    everything = [told_of(number, whole, source=name) for number in numbers]

    async def search(request: web.Request) -> web.Response:
        asked = await request.text()
        number = next((number for number in numbers if SUBJECTS[number] in asked), 0)
        return web.Response(body=found[number], content_type=_JSON)

    async def answer(request: web.Request) -> web.Response:
        number = _whose(request.match_info["id"])
        await asyncio.sleep(delay)
        return web.Response(body=everything[number], content_type=_JSON)

    app = web.Application()
    app.router.add_post("/fhir/Patient/_search", search)
    app.router.add_get("/fhir/Patient/{id}/$everything", answer)
    app.router.add_get("/health", search)
    return app


def _whose(logical: str) -> int:
    """Which of the people a Patient is: ``n0p3-patient`` the fourth, ``n0-patient`` the first."""
    _, there, number = logical.partition("-")[0].partition("p")
    return int(number) if there else 0


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
