"""Encryption keys that stand wrapped: by a service over TLS that answers as Vault does, and by a command."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.functional.misbehaving import certificate, server_tls
from tests.functional.test_backup import Home, home_at
from tests.unit.store.whole import fill, read_all

from scr.api.kept_keys import open_wrapper
from scr.api.services import open_keys
from scr.cli.doctor import examined
from scr.errors import Invalid, ScrError, Unavailable
from scr.settings import load
from scr.store.kms import Command, VaultTransit

TOKEN = "a token of the test"
_COMMAND = """
import base64, sys
line = sys.stdin.readline().strip()
if line == "refuse": sys.exit(1)
print("wrapped:" + line[::-1] if sys.argv[-1] == "wrap" else line.removeprefix("wrapped:")[::-1])
"""


class Transit:
    """What Vault's transit engine does with a key, behind a token."""

    def __init__(self) -> None:
        self.key = AESGCM(os.urandom(32))
        self.asked: list[str] = []
        self.answer: bytes | None = None
        self.bodies: list[bytes] = []

    def respond(self, path: str, token: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        self.asked.append(path)
        self.bodies.append(body)
        if token != TOKEN:
            return 403, b'{"errors": ["permission denied"]}'
        if self.answer is not None:
            return 200, self.answer
        said = json.loads(body)
        if path == "/v1/transit/encrypt/scr":
            nonce = os.urandom(12)
            sealed = nonce + self.key.encrypt(nonce, base64.b64decode(said["plaintext"]), None)
            data = {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}"}
        elif path == "/v1/transit/decrypt/scr":
            sealed = base64.b64decode(said["ciphertext"].removeprefix("vault:v1:"))
            plain = self.key.decrypt(sealed[:12], sealed[12:], None)
            data = {"plaintext": base64.b64encode(plain).decode()}
        else:
            return 404, b"{}"
        return 200, json.dumps({"request_id": "r", "data": data}).encode()


@contextmanager
def serving(transit: Transit, folder: Path) -> Iterator[int]:
    """A server of it over TLS; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = transit.respond(self.path, self.headers.get("X-Vault-Token", ""), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: the output is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = server_tls(certificate(folder)).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kept_by(home: Home, kms: str) -> None:
    """Let the keys of a deployment be wrapped, and the plain ones be gone."""
    (home.path / "scr.toml").write_text(
        f'database_url = "{home.url}"\nkms = "{kms}"\nkms_token = "file:keys/kms.token"\nkms_ca = "ca.pem"\n'
    )
    (home.path / "keys" / "kms.token").write_text(TOKEN + "\n")
    home.well("keys", "seal")
    with (home.path / "scr.toml").open("a") as file:
        file.write('encryption_key = "kms:keys/encryption.wrapped"\n')
    (home.path / "keys" / "encryption.key").unlink()


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Home:
    """A deployment."""
    shutil.copy(sqlite_template, tmp_path / "scr.db")
    return home_at(tmp_path / "home", f"sqlite:///{tmp_path}/scr.db")


def test_keys_are_unwrapped_by_a_service_and_changed_while_it_serves(home: Home, tmp_path: Path) -> None:
    """No plain key stands on the disk; one that is running goes on while the service is away, one that starts
    does not; a new key is wrapped too, and the former one goes."""
    plain = (home.path / "keys" / "encryption.key").read_bytes().strip()
    with home.database() as database:
        whole = fill(database, home.keys)
    transit = Transit()
    with serving(transit, home.path) as port:
        (home.path / "certificate.pem").rename(home.path / "ca.pem")
        kept_by(home, f"vault:https://127.0.0.1:{port}/v1/transit/keys/scr")
        everything = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
        assert not [
            content for content in everything if plain in content or base64.b64decode(plain) in content
        ]
        running = home.keys
        with home.database() as database:
            read_all(database, running, whole)
        asked = len(transit.asked)
        assert not running.refresh()
        assert len(transit.asked) == asked  # of what is known nothing is asked again
        home.well("keys", "new")
        assert running.refresh()
        home.well("keys", "rewrap")
        [told] = [one for one in examined(load({"home": home.path}).settings) if one.what == "encryption_key"]
        assert (told.how, "encryption.wrapped" in told.told) == ("well", True)
        (home.path / "keys" / "kms.token").write_text("another")
        with pytest.raises(Unavailable, match="status 403"):
            open_keys(load({"home": home.path}).settings)
        (home.path / "keys" / "kms.token").write_text(TOKEN)
        transit.answer = b'{"data": {"plaintext": "c2hvcnQ="}}'
        with pytest.raises(Unavailable, match="no key"):
            open_keys(load({"home": home.path}).settings)
        transit.answer = b"<html>"
        with pytest.raises(Unavailable, match="cannot be read"):
            open_keys(load({"home": home.path}).settings)
    with pytest.raises(Unavailable):
        open_keys(load({"home": home.path}).settings)
    (home.path / "keys" / "encryption.wrapped").write_text("vault:v1:another\n")  # and nobody to unwrap it
    assert not running.refresh()  # what it knows still holds
    running.forget()
    with home.database() as database:
        read_all(database, running, whole)
    assert TOKEN.encode() not in b"".join(transit.bodies)


def test_keys_are_unwrapped_by_a_command(home: Home, tmp_path: Path) -> None:
    """The line that it writes; one that fails, writes nothing or is not there is told as that."""
    script = tmp_path / "command.py"
    script.write_text(_COMMAND)
    with home.database() as database:
        whole = fill(database, home.keys)
    kept_by(home, f"command:{sys.executable} {script}")
    assert (home.path / "keys" / "encryption.wrapped").read_text().startswith("wrapped:")
    with home.database() as database:
        read_all(database, home.keys, whole)
    with pytest.raises(ScrError, match="kept"):
        raise home.run("keys", "seal").exception or AssertionError
    command = Command(sys.executable, str(script))
    for wrong in (command, Command(sys.executable, "-c", "pass"), Command("/nowhere")):
        with pytest.raises(Unavailable):
            wrong.unwrap("refuse")
    (home.path / "keys" / "encryption.wrapped").unlink()
    with pytest.raises(Invalid, match="not there"):
        open_keys(load({"home": home.path}).settings)


@pytest.mark.parametrize("kms", ["", "vault:https://vault.test/v1/transit/scr"])
def test_a_setting_that_says_too_little_is_refused(tmp_path: Path, kms: str) -> None:
    """Neither who unwraps, nor the key's own address."""
    with pytest.raises(Invalid):
        open_wrapper(load({"home": tmp_path, "kms": kms}).settings)
    with pytest.raises(Invalid):
        VaultTransit("https://vault.test/v1/transit/keys/", str)
    with pytest.raises(Invalid):
        Command()
