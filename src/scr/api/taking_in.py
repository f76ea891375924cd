"""What comes in beside HTTP: over MLLP, into the watched folder, by MESH; and what was left unfinished."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from scr.api.services import Services, now_ms
from scr.intake.certificates import server_tls
from scr.intake.file_drop import FileDrop
from scr.intake.hl7 import Hl7Intake
from scr.intake.mesh import MeshPoller
from scr.intake.mesh_routes import mailboxes
from scr.intake.mllp import MllpServer
from scr.intake.waiting import WaitingRoom
from scr.settings import Settings

_log = structlog.get_logger("scr")
_MLLP_IDLE_SECONDS = 300.0
_MLLP_CONNECTIONS = 256


@asynccontextmanager
async def listening(services: Services, *, shared: bool = False) -> AsyncIterator[None]:
    """MLLP, the watched folder and MESH, after what an earlier process left was finished.

    ``shared``: the former worker of the same server may still be there.
    """
    await recover(services)
    async with (
        waiting_room(services),
        mllp_server(services, shared=shared),
        watched_folder(services),
        mesh_polling(services),
    ):
        yield


async def recover(services: Services) -> None:
    """Finish what was kept, and not finished, when the last process ended."""
    recovered = await services.intake.recover()
    if recovered:
        _log.info("recovered", messages=recovered)


@asynccontextmanager
async def waiting_room(services: Services) -> AsyncIterator[None]:
    """What waits for the national register is tried again; without one nothing waits."""
    if services.pds is None:
        yield
        return
    stop = asyncio.Event()
    trying = asyncio.create_task(WaitingRoom(services.intake, now_ms).run(stop))
    try:
        yield
    finally:
        stop.set()
        await trying


@asynccontextmanager
async def mllp_server(services: Services, *, shared: bool = False) -> AsyncIterator[MllpServer]:
    """The MLLP server, running; ``shared`` as its ``start`` has it."""
    settings = services.settings
    server = MllpServer(
        Hl7Intake(services.intake, services.providers).handle,
        settings.mllp_host,
        settings.mllp_port,
        ssl=_mllp_tls(settings),
        max_bytes=settings.max_message_bytes,
        idle_seconds=_MLLP_IDLE_SECONDS,
        max_connections=_MLLP_CONNECTIONS,
    )
    await server.start(shared=shared)
    try:
        yield server
    finally:
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def watched_folder(services: Services) -> AsyncIterator[FileDrop]:
    """The drop folder, watched."""
    drop = file_drop(services)
    stop = asyncio.Event()
    watching = asyncio.create_task(drop.run(stop))
    try:
        yield drop
    finally:
        stop.set()
        await watching


def file_drop(services: Services) -> FileDrop:
    """The drop folder of a deployment."""
    settings = services.settings
    folder = settings.path(settings.drop_folder)
    return FileDrop(services.intake, services.providers, folder, max_bytes=settings.max_payload_bytes)


@asynccontextmanager
async def mesh_polling(services: Services) -> AsyncIterator[list[MeshPoller]]:
    """The MESH mailboxes, polled. Raises Invalid where a secret or a certificate of one is not there."""
    pollers = mesh_pollers(services)
    stop = asyncio.Event()
    polling = [asyncio.create_task(poller.run(stop)) for poller in pollers]
    try:
        yield pollers
    finally:
        stop.set()
        await asyncio.gather(*polling)


def mesh_pollers(services: Services) -> list[MeshPoller]:
    """A poller for each MESH mailbox of a deployment."""
    found = mailboxes(services.providers)
    if not found:
        return []
    from scr.intake.mesh_client import Mailbox  # loading it takes half a second, which few need

    pollers = []
    for routes in found:
        open_mailbox = partial(Mailbox, routes[0][2], services.settings)
        open_mailbox().close()  # a secret that is not there is told now, and not by a poll
        limit = services.settings.max_payload_bytes
        pollers.append(MeshPoller(services.intake, routes, open_mailbox, max_bytes=limit))
    return pollers


def _mllp_tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.mllp_certificate:
        return None
    client_ca = settings.path(settings.mllp_client_ca) if settings.mllp_client_ca else None
    return server_tls(settings.path(settings.mllp_certificate), settings.path(settings.mllp_key), client_ca)
