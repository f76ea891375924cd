"""A deployment whose process is killed, again and again, over a database that stays.

Each life is a fork of this process, which has everything loaded and neither a thread nor a loop: so a start
takes half a second, and what is killed is a process of its own with real sockets, files and database.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import yaml
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from sqlalchemy import Connection, select
from tests.functional.deployment import ADA, BASE, KEY, REGISTRATIONS, Neighbour, make_home, network_of
from tests.functional.online import UPSTREAM, citizen, show_unclassified
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer

from scr import faults
from scr.api.answering import answering
from scr.api.app import create_app, mount
from scr.api.fhir.carrying import Carrier
from scr.api.sealing import Sealer, open_sealer
from scr.api.services import Services, now_ms, open_keys, open_services
from scr.api.signin.kept import Keep, Visit
from scr.api.taking_in import file_drop, mllp_server, recover
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.identity.matching import load_matching
from scr.intake.file_unit import Desk
from scr.intake.mesh import Head, MeshPoller, NotThere
from scr.intake.mesh_routes import mailboxes
from scr.intake.receive import Intake
from scr.settings import Settings
from scr.sources.alerts import AlertPost, Delivery, ways_of
from scr.sources.http import open_client
from scr.sources.workflows import Workflows, open_workflows
from scr.store.alerts import OVERDUE, Alert, put, waiting
from scr.store.engine import Database
from scr.store.jobs import RUNNING
from scr.store.keys import random_id
from scr.store.rewrap import drop_former, put_first, rewrap, wrapped_by
from scr.store.tables import JOB
from scr.terminology.conceptmap import ConceptMaps

PACKAGE = str(Path(faults.__file__).parent)
_LOOK_SECONDS = 0.05
_LEASE_MS, _TAKEN_MS = 300, 2_000
_TOLD = "told.test"
_SECRET = b"a secret of thirty-two characters or more"
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG, of prctl(2)."""


@dataclass(frozen=True, slots=True)
class Blow:
    """How a life ends: at a place (``NAME:3``), at the n-th line of ours, after seconds, or not at all."""

    point: str = ""
    line: int = 0
    seconds: float = 0.0
    http: bool = True
    """Whether that life serves HTTP too: one that does not starts in a tenth of the time."""
    sends: bool = False
    """Whether that life sends what goes out of the house."""

    @property
    def kind(self) -> str:
        """The name that a report counts it under."""
        if self.point:
            return self.point.partition(":")[0]
        return "any line" if self.line else "any moment" if self.seconds else "none"


@dataclass(slots=True)
class House:
    """A deployment's home, its addresses, and who may come in."""

    home: Path
    database_url: str
    issuer: TestIssuer
    extra: dict[str, Any] = field(default_factory=dict)
    http_port: int = field(default_factory=free_port)
    mllp_port: int = field(default_factory=free_port)
    cookie: str = ""
    read: Services | None = None
    """The deployment as it was opened once: its configuration is not read again in a life without HTTP."""
    desk: Desk | None = None

    @property
    def inbox(self) -> Path:
        """The MESH mailbox, as a folder."""
        return self.home / "inbox"

    @property
    def told(self) -> Path:
        """What the receiver of alerts has: a file for each key, with the body of each try."""
        return self.home / "told"

    @property
    def drop(self) -> Path:
        """Where the practice's lists are dropped."""
        return self.home / "drop" / "A81001"

    def settings(self, blow: Blow = Blow()) -> Settings:
        """The settings of a life that ends so."""
        return Settings(
            home=self.home,
            database_url=self.database_url,
            base_url=BASE,
            http_port=self.http_port,
            mllp_port=self.mllp_port,
            issuers=(self.issuer.settings(),),
            upstreams=(UPSTREAM,),
            fault_point=blow.point,
            writers=1,
            alert_webhook=f"https://{_TOLD}/alerts",
            alert_folder="alerts",
            snapshot_seconds=1_000_000,
            **self.extra,
        )


class FolderMailbox:
    """A mailbox whose messages are files: what is not acknowledged is there after a crash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def greet(self) -> None:
        """Nothing to do."""

    def waiting(self) -> list[str]:
        """The names of the files."""
        return sorted(one.name for one in self._folder.iterdir() if not one.name.startswith("."))

    @contextmanager
    def look(self, message: str, /) -> Iterator[_Waiting]:
        """One message."""
        yield _Waiting(self._folder / message)

    def acknowledge(self, message: str, /) -> None:
        """Delete it."""
        try:
            (self._folder / message).unlink()
        except FileNotFoundError:
            raise NotThere("it is gone", code="http-404") from None

    def stop(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    path: Path

    @property
    def head(self) -> Head:
        """Of the one workflow."""
        return Head("ADT", "RXXMAILBOX", report=False, status="", linked="")

    def take(self, max_bytes: int) -> bytes:
        """The whole file."""
        return self.path.read_bytes()[:max_bytes]


def make_house(
    home: Path, database_url: str, *, issuer: TestIssuer | None = None, mailbox: bool = True, **extra: Any
) -> House:
    """A deployment with a person in it who is signed in. What is loaded for it is there for every life."""
    home.mkdir()
    house = House(home, database_url, issuer or TestIssuer(KEY, audience=BASE), extra)
    show_unclassified(home)
    make_home(home)
    _let_it_send(home / "adapters/providers/RXX.yaml", mailbox=mailbox)
    faults.allow(home)
    (home / "keys" / "alerts.key").write_bytes(_SECRET)
    house.told.mkdir()
    if mailbox:
        house.inbox.mkdir()
    house.drop.mkdir(parents=True)
    house.cookie = asyncio.run(_furnish(house))
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    return house


def _let_it_send(file: Path, *, mailbox: bool) -> None:
    """The hospital sends by MLLP, over HTTP and by MESH."""
    hospital = yaml.safe_load(file.read_text("utf-8"))
    connections: dict[str, dict[str, object]] = {"mllp": {"kind": "mllp", "sending_facility": "RXX"}}
    if mailbox:
        connections["mesh"] = {
            "kind": "mesh", "url": "https://mesh.test", "mailbox": "ICS", "workflow_ids": ["ADT"],
            "password": "env:NONE", "shared_key": "env:NONE",
        }  # fmt: skip
    hospital["feeds"] += [
        {"name": name, "adapter": "pas-adt", "connection": how} for name, how in connections.items()
    ]
    file.write_text(yaml.safe_dump(hospital), "utf-8")


async def _furnish(house: House) -> str:
    async with _opened(house, Blow()) as services:
        await services.programme.declare_live(by="tests", evidence="a test")
        surgery = services.providers[OdsCode("A81001")]
        await services.intake.receive(surgery, surgery.feeds[0], REGISTRATIONS)
        keep = Keep(services.database, services.keys, now_ms)
        mount(create_app(services.settings, listen=False), services)
        maps, matching = ConceptMaps.load(services.files), load_matching(services.files)
        house.read = services
        house.desk = Desk(
            services.keys, maps, services.steps, matching, labels=services.policy.labels, sends=True
        )
        return await keep.put(Visit(citizen(ADA, "ada", "Ada O'Sample"), "id-token", "n" * 43))


@asynccontextmanager
async def _opened(house: House, blow: Blow) -> AsyncIterator[Services]:
    async with open_services(house.settings(blow), transport=_network(house)) as services:
        yield services


@asynccontextmanager
async def _reopened(house: House, blow: Blow) -> AsyncIterator[Services]:
    """What takes in and sends, over the configuration that was read before: no more than is needed for it."""
    assert house.read is not None
    assert house.desk is not None
    settings, was = house.settings(blow), house.read
    faults.arm(blow.point, house.home)
    keys, database = open_keys(settings), Database.open(house.database_url, 1, 2)
    intake = Intake(database, keys, replace(house.desk, keys=keys), was.adapters, was.providers, now_ms)
    async with open_client(_network(house)) as client:
        yield replace(was, settings=settings, database=database, keys=keys, client=client, intake=intake)
    database.close()


def _network(house: House) -> httpx.MockTransport:
    others = network_of(house.issuer, Neighbour())

    def network(request: httpx.Request) -> httpx.Response:
        return _take(house, request) if request.url.host == _TOLD else others(request)

    return httpx.MockTransport(network)


def _take(house: House, request: httpx.Request) -> httpx.Response:
    """The receiver of alerts: what it has taken is on its disk before it says so."""
    name = request.headers["Idempotency-Key"].strip('"')
    descriptor = os.open(house.told / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, request.content + b"\n")
    os.close(descriptor)
    return httpx.Response(204)


def forked(work: Callable[[], object]) -> int:
    """Do something in a process of its own; gives its id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        with suppress(OSError):
            os.setpgid(process, process)
        return process
    try:
        with suppress(OSError):  # whoever is first: it and what it starts are killed together
            os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # a run that is broken off leaves nothing
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a process that ends here must not go on as its parent
        traceback.print_exc()
        os._exit(1)


def ended(process: int) -> int:
    """Wait for a process; its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def rotate(house: House, blow: Blow) -> None:
    """A new encryption key: put first, everything wrapped by it, the former ones let go."""
    settings = house.settings(blow)
    faults.arm(blow.point, house.home)
    path = house.home / "keys" / "encryption.key"
    put_first(path)
    database, keys = Database.open(house.database_url, 1, 1), open_keys(settings)
    rewrap(database, keys)
    found = wrapped_by(database, keys)
    assert not any(found[name] for name in keys.wrapping[1:])
    drop_former(path)
    database.close()


def live(house: House, blow: Blow) -> None:
    """One life of the deployment: HTTP, MLLP, folder, MESH, seals, until it is killed."""
    asyncio.run(_live(house, blow))


async def _live(house: House, blow: Blow) -> None:
    strike = Strike(blow)
    async with AsyncExitStack() as stack:
        opened = _opened if blow.http else _reopened
        services = await stack.enter_async_context(opened(house, blow))
        settings = services.settings
        sealer = open_sealer(settings, services.database, now_ms)
        assert sealer is not None
        strike.begin()
        await recover(services)
        both = [asyncio.create_task(_rounds(services, sealer, house))]
        flows = await stack.enter_async_context(_flows(services))
        if blow.sends:
            both.append(asyncio.create_task(_send(services, _post(services).by(flows))))
        if blow.http:
            app = create_app(settings, listen=False)
            mount(app, services)
            await stack.enter_async_context(answering(_carrier(app), flows))
            server = Server(
                app, address="127.0.0.1", port=house.http_port, interface=Interfaces.ASGINL,
                log_level=LogLevels.error, websockets=False,
            )  # fmt: skip
            both.append(asyncio.create_task(server.serve()))
        await stack.enter_async_context(mllp_server(services))
        await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
        for one in both:
            one.result()


def deliver_all(house: House) -> None:
    """Send what is left to be sent, make the answers that are left, and end what is left of workflows."""

    async def work() -> None:
        async with _reopened(house, Blow()) as services, _flows(services) as flows:
            delivery = _post(services).by(flows)
            left = bool(await services.database.read(waiting))
            while await services.database.read(waiting):
                if not await delivery.deliver():
                    await asyncio.sleep(_LOOK_SECONDS)
            if left:
                await delivery.sweep()
            left = await services.database.read(_to_be_made)
        if left:
            await _make_all(house)

    asyncio.run(work())


async def _make_all(house: House) -> None:
    async with _opened(house, Blow()) as services, _flows(services) as flows:
        app = create_app(services.settings, listen=False)
        mount(app, services)
        async with answering(_carrier(app), flows):
            while await services.database.read(_to_be_made):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(_LOOK_SECONDS)


def _to_be_made(connection: Connection) -> bool:
    return connection.execute(select(JOB.c.id).where(JOB.c.state == RUNNING)).first() is not None


def _carrier(app: FastAPI) -> Carrier:
    """What takes up answers: what a process that died had taken waits a moment, and not a minute."""
    carrier: Carrier = app.state.jobs.carrier
    carrier.lease, carrier.pause = _TAKEN_MS, _LOOK_SECONDS
    return carrier


def _flows(services: Services) -> AbstractAsyncContextManager[Workflows]:
    settings = services.settings
    return open_workflows(settings.resolved_database_url, settings.home)


async def _send(services: Services, delivery: Delivery) -> None:
    """Something to send, and what sends it."""
    for _ in range(2):
        made = Alert(random_id(), OVERDUE, now_ms(), now_ms())
        await services.database.write(partial(put, alert=made))
    while True:
        while await delivery.deliver():
            pass
        await delivery.sweep()
        await asyncio.sleep(_LOOK_SECONDS)


def _post(services: Services) -> AlertPost:
    """What sends: what a process that died had claimed waits a moment, and not a minute."""
    settings = services.settings
    return AlertPost(
        services.database, ways_of(settings, services.client, now_ms), settings.base_url, now_ms,
        lease=_LEASE_MS,
    )  # fmt: skip


async def _rounds(services: Services, sealer: Sealer, house: House) -> None:
    """The folder, the mailbox and the seals, without a pause in which nothing could go wrong."""
    drop = file_drop(services)
    [routes] = mailboxes(services.providers)
    poller = MeshPoller(services.intake, routes, lambda: FolderMailbox(house.inbox), max_bytes=1_000_000)

    async def sweeps() -> None:
        while True:
            await drop.sweep()
            await asyncio.sleep(_LOOK_SECONDS)

    async def rest() -> None:
        while True:
            with suppress(ScrError):
                await poller.poll()
            await sealer.seal()
            await asyncio.sleep(_LOOK_SECONDS)

    async with asyncio.TaskGroup() as group:
        group.create_task(sweeps())
        group.create_task(rest())


class Strike:
    """Ends the process at a moment or at a line of the package, once ``begin`` was called. Lines are counted
    over every thread that starts after this was made."""

    def __init__(self, blow: Blow) -> None:
        self._blow, self._left = blow, blow.line or sys.maxsize
        if blow.line:
            threading.settrace(self._traced)
            sys.settrace(self._traced)

    def begin(self) -> None:
        """Count from now on."""
        self._begun = True
        if self._blow.seconds:
            timer = threading.Timer(self._blow.seconds, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()

    _begun = False

    def _traced(self, frame: FrameType, event: str, _arg: object) -> Any:
        if event == "call":
            return self._traced if frame.f_code.co_filename.startswith(PACKAGE) else None
        self._left -= self._begun
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._traced
