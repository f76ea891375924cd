"""A server whose configuration is read anew at SIGHUP, without an answer being lost.

What is there now is checked first: where it has a mistake, that is logged with file and line, and everything
goes on as it was. Else a new worker begins with it. Once it takes requests the former one is told to stop, as
at any stop: it finishes what it has begun. One that does not begin takes nobody's place.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from granian.server import MPServer

from scr.errors import Invalid, ScrError
from scr.settings import Settings

_log = structlog.get_logger("scr")
_LONGEST_SECONDS = 120.0
_LOOK_SECONDS = 0.1
_ACCEPTS_SECONDS = 0.5
"""From when a worker says that it has begun until it surely takes connections."""


class ReloadingServer(MPServer):
    """A server of one worker, which is replaced at SIGHUP.

    ``check`` raises what is wrong with what a worker would begin with; ``begun`` is the file that each makes
    once it has begun.
    """

    check: Callable[[], None]
    begun: Path

    def signal_handler_reload(self, *signal: object, **more: object) -> None:
        """Begin anew where nothing is wrong."""
        try:
            self.check()
        except ScrError as error:
            _log.error("reload.refused", why=error.message, where=error.where, code=error.code)
            return
        super().signal_handler_reload(*signal, **more)  # type: ignore[no-untyped-call]

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Let a new worker take the place of the only one, once it has begun."""
        self.begun.unlink(missing_ok=True)
        former: Any = self.wrks[0]
        made: Any = self._spawn_worker(idx=0, target=spawn_target, callback_loader=target_loader)
        made.interrupt_by_parent = True  # until it has begun, its end is not the server's
        made.start()
        until = time.monotonic() + _LONGEST_SECONDS
        while made.is_alive() and not self.begun.exists() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        if not (made.is_alive() and self.begun.exists()):
            _log.error("reload.failed", why="the new worker did not begin; the former one goes on")
            made.kill()
            return
        made.interrupt_by_parent = False
        time.sleep(_ACCEPTS_SECONDS)
        self.wrks[:] = [made]
        former.terminate()
        former.join()
        _log.info("reloaded")


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
