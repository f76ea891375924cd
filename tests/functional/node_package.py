"""A package of npm's, in a folder of its own below ``.cache/``, as the lock file beside the tests says."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = Path(__file__).parents[2] / ".cache"


class NotMade(Exception):
    """It could not be installed here."""


def make(name: str, script: str) -> Path:
    """The folder with the package and with our script for it, both from the folder of the same name here.

    Made where it is not there, by one process at a time. Raises NotMade.
    """
    source, folder = _HERE / name, _CACHE / name
    _CACHE.mkdir(exist_ok=True)
    lock, made_of = source / "package-lock.json", folder / "made-of.json"
    with (_CACHE / f"{name}.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not (made_of.exists() and made_of.read_bytes() == lock.read_bytes()):
            _install(name, source, folder)
            shutil.copy(lock, made_of)
        beside = folder / f".{script}"
        shutil.copy(source / script, beside)
        beside.replace(folder / script)  # another process may be reading the former
    return folder


def _install(name: str, source: Path, folder: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotMade(f"{name} needs node and npm, and they are not here")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in ("package.json", "package-lock.json"):
        shutil.copy(source / file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if "code" in line][:1]
        raise NotMade(f"{name} cannot be installed: {' '.join(last)}")
