"""NHS England's mesh-sandbox as a real MESH server, in an environment of its own.

It needs another FastAPI than the project, so it is installed, from ``mesh-sandbox.lock``, below
``.cache/``. ``python -m tests.functional.mesh_sandbox`` makes that environment beforehand.
"""

from __future__ import annotations

import fcntl
import ipaddress
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from mesh_client import MeshClient
from tests.support.patience import LONG
from tests.support.ports import free_port

_LOCK = Path(__file__).with_name("mesh-sandbox.lock")
_FOLDER = Path(__file__).parents[2] / ".cache" / "mesh-sandbox"

SHARED_KEY = "of this run alone"
PASSWORD = "password"  # the sandbox's own mailboxes have it
MAILBOXES = ("X26ABC1", "X26ABC2", "X26ABC3")


class NotMade(Exception):
    """The environment could not be made here."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running server, and what a sender does with it; a certificate and its key where it asks for one."""

    url: str
    certificate: tuple[str, str] | None = None
    ca: str | None = None

    def client(self, mailbox: str) -> MeshClient:
        """A session as the owner of a mailbox."""
        key = SHARED_KEY.encode()
        return MeshClient(
            self.url, mailbox, PASSWORD, key, cert=self.certificate, verify=self.ca, max_retries=0
        )

    def send(
        self, to: str, raw: bytes, workflow: str, *, sender: str = "X26ABC3", chunk: int = 0, **more: bool
    ) -> str:
        """Send a message; ``chunk`` is the size of its chunks in bytes, 0 for one. Its id."""
        with self.client(sender) as client:
            sent: str = client.send_message(
                to, raw, max_chunk_size=chunk or None, workflow_id=workflow, **more
            )
            return sent

    def inbox(self, mailbox: str) -> list[str]:
        """The messages that wait."""
        with self.client(mailbox) as client:
            listed: list[str] = client.list_messages()
            return listed

    def empty(self) -> None:
        """Nothing waits in any mailbox."""
        httpx.delete(f"{self.url}/admin/reset").raise_for_status()

    def report(self, to: str) -> None:
        """Tell a mailbox that a message of its own was not collected."""
        what = {"code": "14", "description": "not collected", "linked_message_id": "ABC1", "workflow_id": "W"}
        body = {"mailbox_id": to, "status": "undeliverable", "subject": "", "local_id": "", **what}
        httpx.post(f"{self.url}/messageexchange/admin/report", json=body).raise_for_status()


def make() -> Path:
    """The environment's Python, made where it is not there, by one process at a time. Raises NotMade."""
    _FOLDER.parent.mkdir(exist_ok=True)
    python, made_of = _FOLDER / "bin" / "python", _FOLDER / "made-of.lock"
    with (_FOLDER.parent / "mesh-sandbox.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if made_of.exists() and made_of.read_bytes() == _LOCK.read_bytes():
            return python
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(_FOLDER))
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1"]
        _run(*pip, "--require-hashes", "-r", str(_LOCK))
        shutil.copy(_LOCK, made_of)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NotMade(f"mesh-sandbox cannot be installed: {' '.join(last)}")


@contextmanager
def running(python: Path, tls: Tls | None = None) -> Iterator[Sandbox]:
    """The sandbox on a free port of this machine, stopped at the end; with ``tls`` it asks for a
    certificate of that authority."""
    port = str(free_port())
    command = [str(python), "-m", "uvicorn", "mesh_sandbox.api:app", "--host", "127.0.0.1", "--port", port]
    made = Sandbox(f"http://127.0.0.1:{port}")
    if tls is not None:
        server, client = tls.issue("server"), tls.issue("sender")
        command += ["--ssl-certfile", str(server), "--ssl-keyfile", str(server)]
        command += ["--ssl-ca-certs", str(tls.ca), "--ssl-cert-reqs", str(int(ssl.CERT_REQUIRED))]
        made = Sandbox(f"https://127.0.0.1:{port}", (str(client), str(client)), str(tls.ca))
    environment = {"AUTH_MODE": "full", "STORE_MODE": "memory", "SHARED_KEY": SHARED_KEY}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            _until_listening(process, int(port))
            yield made
        finally:
            process.terminate()


def _until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    limit = time.monotonic() + LONG
    while time.monotonic() < limit and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError("mesh-sandbox does not listen")


class Tls:
    """An authority of a test's own, and certificates that it signs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self.ca = folder / "ca.pem"
        made = self._built(self._name, self._key.public_key(), days=1)
        self.ca.write_bytes(
            made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def issue(self, name: str, *, days: int = 1) -> Path:
        """A PEM file with a certificate for 127.0.0.1 and its key; expired where ``days`` is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = (
            self._built(_name(name), key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{name}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(made.public_bytes(Encoding.PEM) + private)
        return path

    def _built(self, name: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


if __name__ == "__main__":
    make()
