"""npm's ``fhir-kit-client``, run by node from a folder of its own, as a client of our endpoint.

It is installed, from ``fhir-kit-client/package-lock.json``, below ``.cache/``.
``python -m tests.functional.fhir_kit_client`` does that beforehand.
"""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from tests.functional import node_package
from tests.support.patience import LONG

_SCRIPT = "ask.mjs"

make = partial(node_package.make, "fhir-kit-client", _SCRIPT)
"""The folder with the package. Raises NotMade."""


def ask(folder: Path, what: dict[str, str]) -> dict[str, Any]:
    """What the client found; ``ask.mjs`` says what it asks."""
    command = ["node", _SCRIPT, json.dumps(what)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=LONG)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    make()
