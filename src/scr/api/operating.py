"""The operators' own port: ``/metrics`` and the health of a process, also of one that serves no HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from scr.api.draining import Drain
from scr.api.health import Readiness, told
from scr.api.services import Services, now_ms
from scr.errors import Invalid


@asynccontextmanager
async def operating(services: Services, drain: Drain) -> AsyncIterator[int]:
    """Serve it where the settings name a port for it; gives the port, 0 where there is none.

    Raises Invalid where the address cannot be had: each process of a machine needs a port of its own.
    """
    settings, measures = services.settings, services.measures
    if measures is None:
        yield 0
        return
    from aiohttp import web  # loading it takes time, which few processes need

    readiness = Readiness(services.database, settings, now_ms, drain)

    async def metrics(_request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}
        return web.Response(body=await measures.exposition(), headers=headers)

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_request: web.Request) -> web.Response:
        answer = told(await readiness.problems())
        return web.Response(
            body=bytes(answer.body), status=answer.status_code, content_type="application/json"
        )

    app = web.Application()
    served: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
        "/metrics": metrics, "/health/live": live, "/health/ready": ready,
    }  # fmt: skip
    for path, handler in served.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            host, port = settings.metrics_host, settings.metrics_port
            await web.TCPSite(runner, host, port, reuse_port=drain.signalled or None).start()
        except OSError as error:
            raise Invalid(
                f"the operators' port {settings.metrics_port} cannot be had ({error.strerror}): each process "
                "of a machine needs one of its own",
                code="bad-setting",
                where="metrics_port",
            ) from None
        yield settings.metrics_port
    finally:
        await runner.cleanup()
