"""``scr serve``: the process that keeps the server, and the worker of it that serves."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from scr.api.logs import set_up_logs
from scr.cli.context import Context, Port, console, tell
from scr.cli.listening import http_server
from scr.cli.reloading import check_ports
from scr.errors import ScrError
from scr.settings import hand_down

_log = structlog.get_logger("scr")


def serve(
    context: typer.Context,
    http_port: Port = None,
    mllp_port: Port = None,
    intake: Annotated[
        bool | None,
        typer.Option(
            "--intake/--no-intake",
            help="Whether to take MLLP, the drop folder and MESH as well.",
            show_default="as the setting says",
        ),
    ] = None,
    outbound: Annotated[
        bool | None,
        typer.Option(
            "--outbound/--no-outbound",
            help="Whether to send what goes out of the house as well.",
            show_default="as the setting says",
        ),
    ] = None,
) -> None:
    """Serve the FHIR endpoint over HTTP, take HL7 v2 over MLLP, watch the drop folder, poll MESH."""
    found: Context = context.obj
    loaded = found.load(http_port=http_port, mllp_port=mllp_port, intake=intake, outbound=outbound)
    settings = loaded.settings
    check_ports(settings)
    set_up_logs(settings.log_level)
    mllp = f", MLLP at {settings.mllp_host}:{settings.mllp_port}" if settings.intake else ""
    server = http_server(settings)
    with tempfile.TemporaryDirectory(prefix="scr-") as scratch:
        server.load, server.begun = _served, Path(scratch) / "begun"
        server.welcome = lambda: console.print(f"FHIR at {settings.base_url}{mllp}.")
        hand_down(loaded, begun_file=str(server.begun))
        server.keep()


def _served(anew: bool) -> Any:
    """In the worker: what it serves. A mistake in it is told in one line, and is this process's end."""
    gc.disable()  # all that is loaded stays: from when it is there, the collector looks at the rest
    from scr.api.worker import application  # here alone: the process that keeps the server stays small

    try:
        return application()
    except ScrError as error:
        if anew:
            _log.error("reload.refused", why=error.message, where=error.where, code=error.code)
        else:
            tell(error)
        sys.exit(error.exit_code)
