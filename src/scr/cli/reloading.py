"""A server whose configuration is read anew at SIGHUP, without an answer being lost.

The server keeps a worker and serves nothing itself: it loads none of what a worker is made of, so that it
stays small. A worker reads and checks all that it begins with. At SIGHUP a new one begins beside the former.
Once it takes requests the former one is told to stop, as at any stop: it finishes what it has begun. One that
does not begin, because there is a mistake, takes nobody's place: everything goes on as it was.
"""

from __future__ import annotations

import math
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from granian.server import MPServer

from scr.errors import Invalid
from scr.settings import Settings

_log = structlog.get_logger("scr")
_STOPS = (signal.SIGINT, signal.SIGTERM)
_LONGEST_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_ACCEPTS_SECONDS = 0.5
"""From when a worker says that it has begun until it surely takes connections."""


class ReloadingServer(MPServer):
    """A server of one worker, which is replaced at SIGHUP.

    ``load`` is called in a worker, with whether a former one goes on meanwhile, and gives what it serves. It
    tells a mistake, and ends the process with its exit code. ``begun`` is the file that a worker makes once
    it has begun; ``welcome`` is called when the first has.
    """

    load: Callable[[bool], Any]
    begun: Path
    welcome: Callable[[], None]

    def keep(self) -> None:
        """Serve until told to stop. Raises SystemExit with the code of a first worker that did not begin."""
        self.serve(target_loader=partial(_alone, self.load, False), wrap_loader=False)

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        """Let the first worker begin, however long it takes: its tables may have to be made."""
        made = self._spawn_begun(spawn_target, target_loader, math.inf)
        self.wrks.append(made)
        if not made.interrupt_by_parent:
            self.welcome()
        elif not self.interrupt_signal:
            self.shutdown(max(made.inner.exitcode, 1))  # type: ignore[no-untyped-call]

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Let a new worker take the place of the only one, once it has begun."""
        former: Any = self.wrks[0]
        made = self._spawn_begun(spawn_target, partial(_alone, self.load, True), _LONGEST_SECONDS)
        if made.interrupt_by_parent:
            _log.error("reload.failed", why="the new worker did not begin; the former one goes on")
            made.kill()
            return
        time.sleep(_ACCEPTS_SECONDS)
        self.wrks[:] = [made]
        former.terminate()
        former.join()
        _log.info("reloaded")

    def _spawn_begun(self, spawn_target: Any, target_loader: Any, longest: float) -> Any:
        """A worker: its end is not the server's (``interrupt_by_parent``) until it has begun."""
        self.begun.unlink(missing_ok=True)
        made: Any = self._spawn_worker(idx=0, target=spawn_target, callback_loader=target_loader)
        made.interrupt_by_parent = True
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # it is born with them blocked, and so loses none
        made.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        until = time.monotonic() + longest
        while made.is_alive() and not self.interrupt_signal and time.monotonic() < until:
            if self.begun.exists():
                made.interrupt_by_parent = False
                break
            time.sleep(_LOOK_SECONDS)
        return made


def _alone(load: Callable[[bool], Any], anew: bool) -> Any:
    """In a worker: what it serves. Until it heeds signals itself, it ends at them, as any process does."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    return load(anew)


def check_ports(settings: Settings) -> None:
    """Raise Invalid where a port is taken already, since workers share theirs, and would share that one."""
    taken = {"http_port": (settings.http_host, settings.http_port)}
    if settings.intake:
        taken["mllp_port"] = (settings.mllp_host, settings.mllp_port)
    if settings.metrics_port:
        taken["metrics_port"] = (settings.metrics_host, settings.metrics_port)
    for name, (host, port) in taken.items():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError as error:
                raise Invalid(
                    f"port {port} of {host} cannot be had ({error.strerror}): stop what is there, or take "
                    "another",
                    code="bad-setting",
                    where=name,
                ) from None
