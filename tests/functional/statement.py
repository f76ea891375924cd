"""The capability statement of a deployment as shipped, as ``conformance/`` holds it.

``python -m tests.functional.statement`` writes the file.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import httpx
import orjson

from scr.api.app import create_app, mount
from scr.api.services import open_services
from scr.settings import Settings
from scr.store.keys import create_keys

FILE = Path(__file__).parents[2] / "conformance" / "capability-statement.json"
_BASE = "https://record.example/fhir"


async def statement(home: Path) -> bytes:
    """What a deployment without providers and issuers tells of itself, without the day and the version."""
    create_keys(home / "keys")
    settings = Settings(home=home, base_url=_BASE)
    async with open_services(settings) as services:
        app = create_app(settings, listen=False)
        mount(app, services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            told = (await client.get(f"{_BASE}/metadata")).json()
    told["date"] = "2026-01-01"
    del told["software"]["version"]
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FILE.write_bytes(asyncio.run(statement(Path(folder))))
