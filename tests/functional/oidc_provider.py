"""npm's ``oidc-provider`` as two independent OpenID providers, run by node from a folder of its own.

It is installed, from ``oidc-provider/package-lock.json``, below ``.cache/``.
``python -m tests.functional.oidc_provider`` does that beforehand.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_SOURCE = Path(__file__).with_name("oidc-provider")
_FOLDER = Path(__file__).parents[2] / ".cache" / "oidc-provider"
_SERVER = "server.mjs"


class NotMade(Exception):
    """It could not be installed here."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Where they listen: one for staff, one for citizens, and the port that takes orders."""

    staff: str
    citizens: str
    control: str

    def tamper(self, **what: dict[str, Any]) -> None:
        """Change from now on what is signed (``id_token``, ``header``) or told (``userinfo``), or nothing."""
        httpx.post(f"{self.control}/tamper", json=what, trust_env=False).raise_for_status()

    def rotate(self, name: str) -> None:
        """One of them signs with a new key, and knows nobody's session any more."""
        httpx.post(f"{self.control}/rotate", json={"name": name}, trust_env=False).raise_for_status()


def make() -> Path:
    """The folder with the package, made where it is not there, by one process at a time. Raises NotMade."""
    _FOLDER.parent.mkdir(exist_ok=True)
    lock, made_of = _SOURCE / "package-lock.json", _FOLDER / "made-of.json"
    with (_FOLDER.parent / "oidc-provider.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not (made_of.exists() and made_of.read_bytes() == lock.read_bytes()):
            _install()
            shutil.copy(lock, made_of)
        beside = _FOLDER / f".{_SERVER}"
        shutil.copy(_SOURCE / _SERVER, beside)
        beside.replace(_FOLDER / _SERVER)
    return _FOLDER


def _install() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotMade("oidc-provider needs node and npm, and they are not here")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_SOURCE / name, _FOLDER)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if "code" in line][:1]
        raise NotMade(f"oidc-provider cannot be installed: {' '.join(last)}")


@contextmanager
def running(folder: Path, configuration: dict[str, Any]) -> Iterator[Providers]:
    """Both, stopped at the end; ``server.mjs`` says what is in the configuration."""
    command = ["node", _SERVER, json.dumps(configuration)]
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=quiet, text=True) as process:
        try:
            assert process.stdout is not None
            told = next((line for line in process.stdout if line.startswith("{")), "")
            assert told, "oidc-provider does not start"
            yield Providers(**json.loads(told))
        finally:
            process.terminate()


if __name__ == "__main__":
    make()
