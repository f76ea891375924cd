"""Stop, start and slow the processes of a running demonstration from another terminal.

The supervisor listens on a loopback port; the port and a secret are in ``control.json`` of the
demonstration's folder, which only its owner can read. One JSON line asks, one answers.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import socketserver
import threading
from dataclasses import asdict
from pathlib import Path

from scr.demo.supervisor import State, Supervisor
from scr.errors import Invalid, ScrError, Unavailable

_LONGEST_LINE = 4096
_SECONDS = 30.0


def stop(folder: Path, name: str) -> None:
    """Stop a process of the demonstration in this folder."""
    _ask(folder, verb="stop", name=name)


def start(folder: Path, name: str) -> None:
    """Start it again, and wait until it is up."""
    _ask(folder, verb="start", name=name)


def slow(folder: Path, name: str, seconds: float) -> None:
    """Make a supplier wait before each answer; 0 is back to no wait."""
    _ask(folder, verb="slow", name=name, seconds=str(seconds))


def busy(folder: Path, name: str, seconds: float) -> None:
    """Let a service refuse every call as too busy, asking for that pause; 0: it answers again."""
    _ask(folder, verb="busy", name=name, seconds=str(seconds))


def status(folder: Path) -> list[State]:
    """How each process is. This, as the others, raises Unavailable where no demonstration runs."""
    return [State(**state) for state in json.loads(_ask(folder, verb="status"))]


def running(folder: Path) -> bool:
    """Whether a demonstration runs in this folder."""
    try:
        _ask(folder, verb="status")
    except Unavailable:
        return False
    return True


def _ask(folder: Path, **question: str) -> str:
    try:
        known = json.loads((folder / "control.json").read_bytes())
        with socket.create_connection(("127.0.0.1", int(known["port"])), timeout=_SECONDS) as connection:
            line = json.dumps({"secret": known["secret"], **question})
            connection.sendall(line.encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline())
    except (OSError, ValueError, KeyError):
        raise Unavailable(
            "no demonstration runs here; start one with `scr demo`", where=str(folder), code="no-demo"
        ) from None
    if error := answer.get("error"):
        raise Invalid(str(error), code="refused")
    return str(answer["done"])


class _Handler(socketserver.StreamRequestHandler):
    """Answers one line."""

    server: ControlServer

    def handle(self) -> None:
        """Read, do, answer."""
        try:
            question = json.loads(self.rfile.readline(_LONGEST_LINE))
            answer = {"done": self.server.obey({str(key): str(value) for key, value in question.items()})}
        except (ScrError, ValueError, AttributeError) as error:
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class ControlServer(socketserver.ThreadingTCPServer):
    """Listens for commands while a demonstration runs; use it as a context manager."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, supervisor: Supervisor) -> None:
        """Listen, and write ``control.json``."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.supervisor = supervisor
        self.secret = secrets.token_urlsafe(24)
        self.file = supervisor.folder / "control.json"
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"port": self.server_address[1], "secret": self.secret}, file)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def server_close(self) -> None:
        """Stop listening and take ``control.json`` away."""
        self.shutdown()
        self._thread.join()
        super().server_close()
        self.file.unlink(missing_ok=True)

    def obey(self, question: dict[str, str]) -> str:
        """Do what a line asks for. Raises ScrError."""
        if not hmac.compare_digest(question.get("secret", "").encode(), self.secret.encode()):
            raise Invalid("the secret is not the one of control.json", code="bad-secret")
        name = question.get("name", "")
        match question.get("verb"):
            case "status":
                return json.dumps([asdict(state) for state in self.supervisor.status()])
            case "stop":
                self.supervisor.stop(name)
            case "start":
                self.supervisor.start(name)
                self.supervisor.wait_until_ready(name, 20.0)
            case "slow":
                self.supervisor.slow(name, float(question.get("seconds", "nan")))
            case "busy":
                self.supervisor.busy(name, float(question.get("seconds", "nan")))
            case _:
                raise Invalid("a command is stop, start, slow, busy or status", code="bad-verb")
        return ""
