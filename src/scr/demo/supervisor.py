"""Starts the demonstration's processes, watches them, stops them, and starts them again when asked."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from scr.demo.suppliers.process import busy_file, delay_file, whole_write
from scr.errors import Invalid, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Service:
    """One process. ``command`` follows the Python interpreter; ``ready`` is an address that answers with
    less than 500 once it is up, or empty where being alive is all that can be asked."""

    name: str
    command: tuple[str, ...]
    what: str
    ready: str = ""
    supplier: bool = True
    can_be_busy: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How a process is: ``up``, ``stopped`` (by request) or ``ended`` (by itself)."""

    name: str
    state: str
    pid: int
    delay: float
    counts: dict[str, object]


class Supervisor:
    """The processes of one demonstration, each on a leash and with a log of its own."""

    def __init__(self, folder: Path, services: Sequence[Service]) -> None:
        """Nothing is started yet."""
        self.folder = folder
        self.services = {service.name: service for service in services}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped: set[str] = set()
        self._lock = threading.RLock()

    def start(self, name: str) -> None:
        """Start one, unless it is running. Raises NotFound for a name that is none of these."""
        service = self._service(name)
        with self._lock:
            if self._alive(name):
                return
            log = self.log(name)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                self._running[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                    [sys.executable, "-m", "scr.demo.leash", sys.executable, *service.command],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._stopped.discard(name)

    def stop(self, name: str, seconds: float = 10.0) -> None:
        """Stop one and wait until it is gone. Raises NotFound for a name that is none of these."""
        self._service(name)
        with self._lock:
            self._stopped.add(name)
            process = self._running.pop(name, None)
            if process is None:
                return
            self._let_go(process)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop_all(self) -> None:
        """Stop all, at once."""
        with self._lock:
            for process in self._running.values():
                self._let_go(process)
            for name in list(self._running):
                self.stop(name)

    def slow(self, name: str, seconds: float) -> None:
        """Make one slow, or normal again with 0. Raises Invalid for what is not a delay."""
        if not self._service(name).supplier:
            raise Invalid(f"{name} cannot be slowed, only the suppliers can", code="bad-name")
        if not 0 <= seconds <= 600:
            raise Invalid("a delay is between 0 and 600 seconds", code="bad-delay")
        whole_write(delay_file(self.folder, name), str(seconds).encode())

    def busy(self, name: str, seconds: float) -> None:
        """Let one refuse as too busy, asking for that pause, or answer again with 0. Raises Invalid."""
        if not self._service(name).can_be_busy:
            raise Invalid(f"{name} is never too busy, only pds is", code="bad-name")
        if not 0 <= seconds <= 600:
            raise Invalid("a pause is between 0 and 600 seconds", code="bad-delay")
        whole_write(busy_file(self.folder, name), str(seconds).encode())

    def status(self) -> list[State]:
        """How each is."""
        with self._lock:
            return [self._state(name) for name in self.services]

    def wait_until_ready(self, name: str, seconds: float = 60.0) -> None:
        """Wait until one is up. Raises Unavailable, naming its log, if it ends or is late."""
        service = self._service(name)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if not self._alive(name):
                raise Unavailable(f"{name} ended as it was started", where=str(self.log(name)), code="ended")
            if not service.ready or _answers(service.ready):
                return
            time.sleep(0.1)
        raise Unavailable(f"{name} is not up after {seconds:g} s", where=str(self.log(name)), code="late")

    def log(self, name: str) -> Path:
        """The log of one."""
        return self.folder / "logs" / f"{name}.log"

    def ended(self) -> list[str]:
        """Those that ended by themselves."""
        return [state.name for state in self.status() if state.state == "ended"]

    def _service(self, name: str) -> Service:
        service = self.services.get(name)
        if service is None:
            known = ", ".join(self.services)
            raise NotFound(f"no process is called {name!r}; there are {known}", code="bad-name")
        return service

    def _alive(self, name: str) -> bool:
        process = self._running.get(name)
        return process is not None and process.poll() is None

    def _state(self, name: str) -> State:
        alive = self._alive(name)
        state = "up" if alive else "stopped" if name in self._stopped else "ended"
        delay = 0.0
        with contextlib.suppress(OSError, ValueError):
            delay = float(delay_file(self.folder, name).read_text(encoding="ascii"))
        counts: dict[str, object] = {}
        with contextlib.suppress(OSError, ValueError):
            counts = dict(json.loads((self.folder / f"{name}.status.json").read_bytes()))
        return State(name, state, self._running[name].pid if alive else 0, delay, counts)

    @staticmethod
    def _let_go(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
