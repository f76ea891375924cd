"""npm's ``fhir-kit-client``, run by node from a folder of its own, as a client of our endpoint.

It is installed, from ``fhir-kit-client/package-lock.json``, below ``.cache/``.
``python -m tests.functional.fhir_kit_client`` does that beforehand.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).with_name("fhir-kit-client")
_FOLDER = Path(__file__).parents[2] / ".cache" / "fhir-kit-client"
_SCRIPT = "ask.mjs"


class NotMade(Exception):
    """It could not be installed here."""


def make() -> Path:
    """The folder with the package, made where it is not there, by one process at a time. Raises NotMade."""
    _FOLDER.parent.mkdir(exist_ok=True)
    lock, made_of = _SOURCE / "package-lock.json", _FOLDER / "made-of.json"
    with (_FOLDER.parent / "fhir-kit-client.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not (made_of.exists() and made_of.read_bytes() == lock.read_bytes()):
            _install()
            shutil.copy(lock, made_of)
        shutil.copy(_SOURCE / _SCRIPT, _FOLDER)
    return _FOLDER


def _install() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotMade("fhir-kit-client needs node and npm, and they are not here")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_SOURCE / name, _FOLDER)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if "code" in line][:1]
        raise NotMade(f"fhir-kit-client cannot be installed: {' '.join(last)}")


def ask(folder: Path, what: dict[str, str]) -> dict[str, Any]:
    """What the client found; ``ask.mjs`` says what it asks."""
    command = ["node", _SCRIPT, json.dumps(what)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    make()
