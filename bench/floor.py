"""``python -m bench.floor PORT BYTES``: the same framework, giving bytes that it has, to anybody.

What a request costs before anything is looked up, decided, opened or told.
"""

from __future__ import annotations

import os
import sys

from fastapi import FastAPI, Request
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from starlette.responses import Response

_SIZE = "BENCH_FLOOR_BYTES"


def application() -> FastAPI:
    """An application with one route."""
    body = os.urandom(int(os.environ[_SIZE]))
    app = FastAPI(openapi_url=None)

    async def stored(_request: Request) -> Response:
        return Response(body, media_type="application/fhir+json")

    app.add_api_route("/stored", stored, methods=["GET"])
    return app


def main() -> None:
    """Serve, as ``scr serve`` does."""
    os.environ[_SIZE] = sys.argv[2]
    Granian(
        "bench.floor:application",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        loop=Loops.asyncio,
        log_level=LogLevels.warning,
        log_access=False,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
