"""``scr listen``, ``scr watch``, ``scr poll``, ``scr work``."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from scr.api.alerting import alerting, sends_alerts
from scr.api.answering import answering_alone
from scr.api.catching_up import catching_up
from scr.api.draining import Drain
from scr.api.logs import set_up_logs
from scr.api.misusing import judging
from scr.api.opening import now_ms
from scr.api.operating import operating
from scr.api.sealing import open_sealer, sealing
from scr.api.services import open_services
from scr.api.taking_in import (
    file_drop,
    mesh_pollers,
    mesh_polling,
    mllp_server,
    recover,
    waiting_room,
    watched_folder,
)
from scr.cli.context import Context, Port, console
from scr.intake.mesh import MeshPoller
from scr.settings import Settings
from scr.sources.workflows import open_workflows


def listen(context: typer.Context, mllp_port: Port = None) -> None:
    """Take HL7 v2 over MLLP only."""
    found: Context = context.obj
    settings = found.load(mllp_port=mllp_port).settings
    set_up_logs(settings.log_level)
    asyncio.run(_listen(settings))


def watch(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Take what is there now, and end.")] = False,
) -> None:
    """Watch the drop folder only."""
    found: Context = context.obj
    settings = found.load().settings
    set_up_logs(settings.log_level)
    if once:
        console.print(f"{asyncio.run(_sweep(settings))} files taken.")
    else:
        asyncio.run(_watch(settings))


def poll(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Take what waits now, and end.")] = False,
) -> None:
    """Poll the MESH mailboxes only."""
    found: Context = context.obj
    settings = found.load().settings
    set_up_logs(settings.log_level)
    if once:
        console.print(f"{asyncio.run(_poll_once(settings))} messages taken and acknowledged.")
    else:
        asyncio.run(_poll(settings))


def work(context: typer.Context) -> None:
    """Send what goes out of the house, and do what a clock asks for: no HTTP, and nothing is taken in."""
    found: Context = context.obj
    settings = found.load().settings
    set_up_logs(settings.log_level)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    async with open_services(settings) as services:
        drain, sealer = Drain(), open_sealer(settings, services.database, now_ms)
        async with (
            operating(services, drain),
            open_workflows(settings.resolved_database_url, settings.home) as workflows,
            alerting(services, workflows),
            answering_alone(services, workflows),
            catching_up(services),
            sealing(sealer),
            judging(services),
        ):
            nowhere = "" if sends_alerts(settings) else " Nothing goes out: `alert_webhook` is not set."
            console.print(f"Working.{nowhere}")
            await _until_stopped(drain)


async def _listen(settings: Settings) -> None:
    async with open_services(settings) as services:
        await recover(services)
        drain = Drain()
        async with operating(services, drain), waiting_room(services), mllp_server(services) as server:
            console.print(f"MLLP at {settings.mllp_host}:{server.port}.")
            await _until_stopped(drain)


async def _watch(settings: Settings) -> None:
    async with open_services(settings) as services:
        await recover(services)
        drain = Drain()
        async with operating(services, drain), waiting_room(services), watched_folder(services):
            console.print(f"Watching {settings.path(settings.drop_folder)}.")
            await _until_stopped(drain)


async def _sweep(settings: Settings) -> int:
    async with open_services(settings) as services:
        await recover(services)
        return await file_drop(services).sweep()


async def _poll(settings: Settings) -> None:
    async with open_services(settings) as services:
        await recover(services)
        drain = Drain()
        async with operating(services, drain), waiting_room(services), mesh_polling(services) as pollers:
            console.print(f"Polling {_named(pollers)}.")
            await _until_stopped(drain)


async def _poll_once(settings: Settings) -> int:
    async with open_services(settings) as services:
        await recover(services)
        return sum([await poller.poll() for poller in mesh_pollers(services)])


def _named(pollers: list[MeshPoller]) -> str:
    return (
        ", ".join(f"mailbox {poller.mailbox}" for poller in pollers)
        or "no mailbox: no feed is of kind `mesh`"
    )


async def _until_stopped(drain: Drain) -> None:
    """Wait for a signal; from then on the process is not ready, while it finishes what it has begun."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, drain.begun.set)
    await drain.begun.wait()
