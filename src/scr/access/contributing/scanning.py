"""What looks for viruses: a command of the deployment's own, or clamd. Where it cannot say, nothing is taken.

``command:clamdscan --no-summary -`` gets the file as its input, and says by its exit code what it found: 0
nothing, 1 something. ``clamd:/run/clamav/clamd.sock`` and ``clamd:host:3310`` are asked by INSTREAM.
"""

from __future__ import annotations

import asyncio
import shlex
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from scr.errors import Invalid, Unavailable

Scan = Callable[[bytes], Awaitable[bool]]
"""Whether a file is clean. Raises Unavailable where nobody could tell."""
_SECONDS = 60.0
_CHUNK = 64 * 1024


def scanner_of(setting: str) -> Scan | None:
    """The scanner that a setting names; None where it is empty. Raises Invalid."""
    if not setting:
        return None
    kind, _, rest = setting.partition(":")
    if kind == "command" and (words := shlex.split(rest)):
        return partial(_by_command, tuple(words))
    if kind == "clamd" and rest:
        return partial(_by_clamd, rest)
    raise Invalid("write command:… or clamd:…", code="bad-setting", where="upload_scanner")


async def _by_command(words: tuple[str, ...], data: bytes) -> bool:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=nothing, stderr=nothing)
    except OSError:
        raise _unavailable() from None
    try:
        async with asyncio.timeout(_SECONDS):
            await process.communicate(data)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise _unavailable() from None
    if process.returncode not in (0, 1):
        raise _unavailable()
    return process.returncode == 0


async def _by_clamd(address: str, data: bytes) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await _connected(address)
            try:
                writer.write(b"zINSTREAM\0")
                for place in range(0, len(data), _CHUNK):
                    chunk = data[place : place + _CHUNK]
                    writer.write(struct.pack(">I", len(chunk)) + chunk)
                    await writer.drain()
                writer.write(struct.pack(">I", 0))
                await writer.drain()
                said = (await reader.read(4_096)).rstrip(b"\0\n ")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        raise _unavailable() from None
    if said.endswith(b" OK"):
        return True
    if said.endswith(b" FOUND"):
        return False
    raise _unavailable()


async def _connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise _unavailable()
    return await asyncio.open_connection(host or "127.0.0.1", int(port))


def _unavailable() -> Unavailable:
    return Unavailable(
        "the file could not be scanned for viruses, so it is not taken: try again later", code="no-scan"
    )
