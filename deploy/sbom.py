"""What a deployment is made of, in CycloneDX: ``python -m deploy.sbom requirements.lock OUT``.

Made of the lock alone, so that it is the same wherever it is made: names, versions, and the SHA-256 of every
file that the lock admits.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> Iterator[dict[str, object]]:
    """A component for each pinned package."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        pinned = _PINNED.match(block)
        if pinned is None:
            continue
        name = re.sub(r"[-_.]+", "-", pinned[1]).lower()
        place = f"pkg:pypi/{name}@{pinned[2]}"
        files = [{"alg": "SHA-256", "content": one} for one in _HASH.findall(block)]
        yield {
            "type": "library", "bom-ref": place, "name": name, "version": pinned[2], "purl": place,
            "hashes": files,
        }  # fmt: skip


def bill(lock: str, name: str, version: str) -> dict[str, object]:
    """The whole bill. Its serial number is of its content: the same lock gives the same bill."""
    found = list(components(lock))
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([name, version, found]))
    whole = f"pkg:pypi/{name}@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": whole, "name": name, "version": version, "purl": whole,
            },
        },
        "components": found,
        "dependencies": [{"ref": whole, "dependsOn": [one["bom-ref"] for one in found]}],
    }  # fmt: skip


def main(lock: Path, out: Path) -> None:
    """Write the bill of a lock."""
    from scr import __version__

    out.write_text(json.dumps(bill(lock.read_text("utf-8"), "scr", __version__), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
