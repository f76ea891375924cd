"""``scr serve`` itself, killed: the command, its server and its worker, as an operator starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
from tests.functional.deployment import BASE, KEY
from tests.functional.online import LOGIN
from tests.support.crashing import Blow, House, ended, forked, make_house
from tests.support.ports import free_port
from tests.unit.api.issuing import TestIssuer

_START_SECONDS = 1.5
"""What a start takes at least: a moment before it would not strike anything."""


@contextmanager
def served_house(home: Path) -> Iterator[House]:
    """A house with a file of settings, and an issuer of tokens on a socket of its own. What is to leave it is
    sent when it is settled, to who stands in for the network."""
    port = free_port()
    issuer = TestIssuer(KEY, url=f"http://127.0.0.1:{port}", audience=BASE)
    house = make_house(home, f"sqlite:///{home / 'scr.db'}", issuer=issuer, mailbox=False)
    (home / "scr.toml").write_text(
        f'base_url = "{BASE}"\nhttp_port = {house.http_port}\nmllp_port = {house.mllp_port}\n'
        f'alert_webhook = "{house.settings().alert_webhook}"\noutbound = false\n'
        f'async_seconds = 1\nlog_level = "error"\n[[issuers]]\nurl = "{issuer.url}"\naudience = "{BASE}"\n'
        'algorithms = ["ES256"]\n[[upstreams]]\nname = "nhs-login"\ntitle = "NHS login"\n'
        f'url = "{LOGIN}"\npeople = "citizens"\nclient_id = "record"\nsecret = "file:keys/signing.json"\n'
        'authentication = "client_secret_post"\n',
        encoding="utf-8",
    )
    process = forked(lambda: HTTPServer(("127.0.0.1", port), _of(issuer)).serve_forever())
    try:
        yield house
    finally:
        os.killpg(process, signal.SIGKILL)
        ended(process)


def _of(issuer: TestIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = issuer.respond(httpx.Request("GET", f"{issuer.url}{self.path}"))
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler


def serving(house: House, blow: Blow) -> None:
    """One life of the command and its worker, in the group of this process; all of them end together."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    command = [sys.executable, "-m", "scr", "--home", str(house.home), "serve"]
    if blow.point:
        environment["SCR_FAULT_POINT"] = blow.point
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        if blow.seconds:
            threading.Timer(_START_SECONDS + blow.seconds, os.killpg, (0, signal.SIGKILL)).start()
        process.wait()
    os.killpg(0, signal.SIGKILL)
