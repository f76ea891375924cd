"""npm's ``oidc-provider`` as two independent OpenID providers, run by node from a folder of its own.

It is installed, from ``oidc-provider/package-lock.json``, below ``.cache/``.
``python -m tests.functional.oidc_provider`` does that beforehand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from tests.functional import node_package

_SERVER = "server.mjs"

make = partial(node_package.make, "oidc-provider", _SERVER)
"""The folder with the package. Raises NotMade."""


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
