"""What scans files: a command, or clamd; where it cannot say, nothing is taken."""

from __future__ import annotations

import asyncio
import struct
import sys

import pytest

from scr.access.contributing.scanning import Scan, scanner_of
from scr.errors import Invalid, Unavailable

_LOOKS = "import sys; sys.exit(1 if b'bad' in sys.stdin.buffer.read() else 0)"


def scan_of(setting: str) -> Scan:
    """The scanner of a setting."""
    found = scanner_of(setting)
    assert found is not None
    return found


async def test_a_command_gets_the_file_and_says_by_its_exit_code() -> None:
    """0 clean, 1 infected; another code, or no such command, is no answer."""
    scan = scan_of(f"command:{sys.executable} -c {_LOOKS!r}".replace("'", '"', 0))
    assert await scan(b"good" * 100_000)
    assert not await scan(b"bad")
    for broken in (f"command:{sys.executable} -c 'raise SystemExit(2)'", "command:/no/such/scanner -"):
        with pytest.raises(Unavailable) as refused:
            await scan_of(broken)(b"good")
        assert refused.value.code == "no-scan"


@pytest.mark.parametrize(
    ("answer", "clean"),
    [(b"stream: OK\0", True), (b"stream: Eicar FOUND\0", False), (b"INSTREAM size\0", None)],
)
async def test_clamd_is_asked_by_instream(answer: bytes, clean: bool | None) -> None:
    """The file goes in chunks with their lengths; what is no answer is none."""
    came = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            came.extend(await reader.readexactly(size))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        scan, data = scan_of(f"clamd:127.0.0.1:{port}"), bytes(range(256)) * 600
        if clean is None:
            with pytest.raises(Unavailable):
                await scan(data)
        else:
            assert await scan(data) is clean
    assert bytes(came) == data
    with pytest.raises(Unavailable):
        await scan(data)  # it has gone


def test_a_setting_that_names_no_scanner_is_refused() -> None:
    """Nothing is configured, or something that can be used."""
    assert scanner_of("") is None
    for wrong in ("command:", "clamd:", "other:x"):
        with pytest.raises(Invalid):
            scanner_of(wrong)
