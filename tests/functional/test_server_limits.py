"""The server as it is run, over TLS: whom it lets in, and how long and how large a request may be."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.functional.deployment import make_home
from tests.functional.test_mllp import Certificates, client_tls
from tests.support.patience import LONG
from tests.support.ports import free_port

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_HOST = b"Host: record.test\r\n"
_POST = b"POST /fhir/Patient/_search HTTP/1.1\r\n" + _HOST
_SEARCH = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 40\r\n\r\n"


@dataclass
class Server:
    """A server in a process of its own, and what a client of it needs."""

    port: int
    certificates: Certificates
    own: tuple[Path, Path]

    def connect(self, own: tuple[Path, Path] | None) -> socket.socket:
        """A connection over TLS. Raises OSError where there is none to be had."""
        raw = socket.create_connection(("127.0.0.1", self.port), LONG)
        return client_tls(self.certificates, own).wrap_socket(raw, server_hostname="127.0.0.1")

    def told(self, *pieces: bytes) -> bytes:
        """All that comes until the server closes, for what is sent and then no more."""
        with closing(self.connect(self.own)) as connection:
            return b"".join(_exchanged(connection, pieces))


def _exchanged(connection: socket.socket, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What comes until the connection is closed, or broken off. Raises TimeoutError where it is left open."""
    with suppress(ConnectionError, ssl.SSLError, BrokenPipeError):
        for piece in pieces:
            connection.sendall(piece)
        while chunk := connection.recv(65_536):
            yield chunk


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    """One that gives a head and a body three seconds: a busy machine reads what is there in that time."""
    home, port = tmp_path_factory.mktemp("limits") / "home", free_port()
    make_home(home)
    (home / "scr.db").write_bytes(sqlite_template.read_bytes())
    certificates = Certificates(home)
    certificate, key = certificates.issue("server")
    (home / "scr.toml").write_text(
        f'base_url = "https://127.0.0.1:{port}/fhir"\nhttp_port = {port}\nhttp_seconds = 3\nintake = false\n'
        f'http_certificate = "{certificate}"\nhttp_key = "{key}"\nhttp_client_ca = "{certificates.ca}"\n',
        encoding="utf-8",
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCR_")}
    command = [sys.executable, "-m", "scr", "--home", str(home), "serve"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    made = Server(port, certificates, certificates.issue("client"))
    try:
        limit = time.monotonic() + LONG
        while not _answers(made):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < limit
            time.sleep(0.05)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LONG)


def _answers(server: Server) -> bool:
    try:
        return b" 200 " in server.told(
            b"GET /health/live HTTP/1.1\r\nConnection: close\r\n" + _HOST + b"\r\n"
        )
    except OSError:
        return False


def test_only_clients_of_the_authority_get_in(server: Server, tmp_path: Path) -> None:
    """Without a certificate, with one of another authority, and without TLS, nothing is answered."""
    asked = b"GET /fhir/metadata HTTP/1.1\r\nConnection: close\r\n" + _HOST + b"\r\n"
    assert b"CapabilityStatement" in server.told(asked)
    for own in (None, Certificates(tmp_path).issue("stranger")):
        with suppress(OSError), closing(server.connect(own)) as connection:
            assert b"".join(_exchanged(connection, [asked])) == b""
    with closing(socket.create_connection(("127.0.0.1", server.port), LONG)) as plain:
        plain.sendall(asked)
        assert b"HTTP" not in plain.recv(65_536)


def test_what_does_not_come_in_time_is_ended(server: Server) -> None:
    """A head that never ends, none at all, and a body of which a part comes: the last is told why."""
    slow: list[tuple[tuple[bytes, ...], set[tuple[bytes, ...]]]] = [
        ((b"GET /fhir/metadata HTTP/1.1\r\n" + _HOST,), {(), (b"408",)}),
        ((b"",), {(), (b"408",)}),
        ((b"POST /fhir/auth/token HTTP/1.1\r\n" + _HOST + _SEARCH, b"grant_type="), {(b"408",)}),
        ((_POST + _SEARCH, b"identifier="), {(b"401",)}),
    ]
    with ThreadPoolExecutor(len(slow)) as pool:
        told = list(pool.map(lambda row: server.told(*row[0]), slow))
    for (sent, may), answer in zip(slow, told, strict=True):
        assert tuple(_STATUS.findall(answer)) in may, sent


HEADS = {
    "an endless address": b"GET /fhir/Patient/" + b"a" * 200_000 + b" HTTP/1.1\r\n" + _HOST,
    "an endless header": b"GET /fhir/metadata HTTP/1.1\r\n" + _HOST + b"X: " + b"a" * 200_000,
    "very many headers": b"GET /fhir/metadata HTTP/1.1\r\n" + _HOST + b"X: a\r\n" * 3_000,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_has_a_size(server: Server, head: bytes) -> None:
    """Whatever of it is too much, it is refused, or the connection closed, and nothing is answered."""
    told = _STATUS.findall(server.told(head + b"\r\n\r\n"))
    assert set(told) <= {b"400", b"413", b"414", b"431"}
