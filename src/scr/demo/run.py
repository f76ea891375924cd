"""The demonstration: everything is started, explained, and stopped again.

``run`` makes a new deployment in a folder (``.demo``), starts the token issuer, PDS, the four suppliers and
scr itself, each in a process of its own, says what to open, and waits to be interrupted. Whatever becomes of
it, nothing that it started stays behind (see ``leash``).
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from rich.console import Console

from scr.demo import control
from scr.demo.deploy import (
    HOST,
    NEIGHBOUR_TOKEN,
    PDS_PUBLIC_KEYS,
    SIGN_IN_PUBLIC_KEYS,
    Ports,
    free_ports,
    write_home,
)
from scr.demo.people import DEMO_SEED, DEMO_SIZE
from scr.demo.stories import tell_stories
from scr.demo.supervisor import Service, Supervisor
from scr.demo.welcome import print_welcome
from scr.errors import Conflict, ScrError
from scr.onboarding.register import declare_home_live

MARK = "demo.txt"
SCR_COMMAND = ("-m", "scr", "--home", "{home}", "serve")
"""How scr itself is started: HTTP, MLLP and the watched folder in one process."""


def plan(folder: Path, ports: Ports, *, seed: int = DEMO_SEED, size: int = DEMO_SIZE) -> tuple[Service, ...]:
    """The processes of a demonstration whose deployment is ``home`` in the folder, in starting order."""
    home = folder / "home"

    def supplier(name: str, what: str, *more: str, port: int = 0, ready: str = "") -> Service:
        command = (
            "-m", "scr.demo.supplier", name, "--folder", str(folder), "--drop", str(home / "drop"),
            "--port", str(port), "--seed", str(seed), "--size", str(size), *more,
        )  # fmt: skip
        return Service(name, command, what, ready, can_be_busy=name == "pds")

    def health(port: int) -> str:
        return f"http://{HOST}:{port}/health"

    token = str(home / NEIGHBOUR_TOKEN)
    pds = supplier(
        "pds", "the Personal Demographics Service: whose a number is", "--keys", str(home / PDS_PUBLIC_KEYS),
        port=ports.pds, ready=health(ports.pds),
    )  # fmt: skip
    return (
        supplier(
            "issuer", "who signs in: staff and citizens (OpenID Connect)", "--audience", ports.base_url,
            "--keys", str(home / SIGN_IN_PUBLIC_KEYS), port=ports.issuer, ready=health(ports.issuer),
        ),
        pds,
        Service(
            "scr", tuple(part.format(home=home) for part in SCR_COMMAND), "the shared care record",
            f"{ports.base_url}/metadata", supplier=False,
        ),
        supplier(
            "gp", "two practices: GP Connect (STU3), registration lists", port=ports.gp,
            ready=health(ports.gp),
        ),
        supplier(
            "neighbour", "another shared care record: FHIR R4, slow", "--token", token, port=ports.neighbour,
            ready=health(ports.neighbour),
        ),
        supplier("council", "adult social care: a nightly CSV"),
        supplier("hospital", "HL7 v2.4 over MLLP: ADT and ORU", port=ports.mllp),
    )  # fmt: skip


def prepare(folder: Path, ports: Ports) -> Ports:
    """Make the folder new, write the deployment, let its providers be live; gives the ports that were free.

    Raises Conflict where a demonstration runs there, or the folder holds something else.
    """
    if folder.exists():
        if control.running(folder):
            raise Conflict("a demonstration runs in this folder already", where=str(folder), code="running")
        if any(folder.iterdir()) and not (folder / MARK).is_file():
            raise Conflict(
                "this folder holds something else: name another for the demonstration",
                where=str(folder),
                code="not-ours",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARK).write_text("Made by `scr demo`, and made new at each start.\n", encoding="utf-8")
    found = free_ports(ports)
    home = folder / "home"
    write_home(home, found)
    declare_home_live(home, by="scr demo", evidence="demonstration", now=time.time_ns() // 1_000_000)
    return found


def run(folder: Path, ports: Ports | None = None, *, seed: int = DEMO_SEED, size: int = DEMO_SIZE) -> None:
    """Run the demonstration until it is interrupted (Ctrl-C) or ended.

    Raises Conflict for a folder that is taken, Unavailable where a process does not come up.
    """
    folder = folder.absolute()
    console = Console(highlight=False)
    found = prepare(folder, ports or Ports())
    services = plan(folder, found, seed=seed, size=size)
    with suppress(KeyboardInterrupt), terminable(), started(folder, services) as supervisor:
        with console.status("Starting …"):
            for service in services:
                supervisor.wait_until_ready(service.name)
        stories = threading.Thread(target=_tell, args=(console, folder, found, seed, size), daemon=True)
        stories.start()
        print_welcome(console, folder, found, services, seed=seed, size=size)
        _watch(console, supervisor)


def _tell(console: Console, folder: Path, ports: Ports, seed: int, size: int) -> None:
    """Beside the rest: the people of the stories have to be known first."""
    try:
        tell_stories(folder / "home", ports, seed=seed, size=size)
    except (ScrError, httpx.HTTPError) as error:
        console.print(f"[bold red]some of what should have happened did not:[/] {error}", soft_wrap=True)


@contextmanager
def started(folder: Path, services: tuple[Service, ...]) -> Iterator[Supervisor]:
    """The processes, and the door for commands, until the end of the block."""
    supervisor = Supervisor(folder, services)
    with control.ControlServer(supervisor):
        try:
            for service in services:
                supervisor.start(service.name)
            yield supervisor
        finally:
            supervisor.stop_all()


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM is taken as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(console: Console, supervisor: Supervisor) -> None:
    """Until interrupted; tells of a process that ends by itself."""
    told: set[str] = set()
    while True:
        time.sleep(0.5)
        for name in set(supervisor.ended()) - told:
            told.add(name)
            console.print(f"[bold red]{name} ended by itself:[/] see {supervisor.log(name)}", soft_wrap=True)
