"""A real server on a real socket that does to its clients what suppliers' servers have done.

A behaviour is a coroutine that gets the request and the writer; the functions below make them. The
server counts what it was asked and how many bytes it could send before its client had enough.
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """Where it listens, and what it has seen."""

    url: str
    requests: list[Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serve(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Listen on a free port of this machine for as long as the block lasts."""
    tasks: set[asyncio.Task[None]] = set()
    there = Server("")

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_converse(reader, writer, behave, there))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        there.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield there
    finally:
        listening.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behave: Behaviour, there: Server
) -> None:
    try:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                request = await _read(reader)
                there.requests.append(request)
                there.asked.set()
                await behave(request, writer)
                await writer.drain()
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = (folder / "certificate.pem", folder / "key.pem")
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def server_tls(paths: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server needs to show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context


def _head(status: int, content_type: str, **more: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answers(
    body: bytes, status: int = 200, content_type: str = FHIR_JSON, after: float = 0.0, **headers: str
) -> Behaviour:
    """A plain answer, ``after`` so many seconds."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(_head(status, content_type, Content_Length=str(len(body)), **headers) + body)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour after the other, request by request; the last one stays."""
    left = list(behaviours)

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return behave


async def hangs(_: Request, writer: asyncio.StreamWriter) -> None:
    """Take the request, and never say a word."""
    await asyncio.sleep(3600)


async def hangs_in_the_body(_: Request, writer: asyncio.StreamWriter) -> None:
    """Begin an answer, and never end it."""
    writer.write(_head(200, FHIR_JSON, Content_Length="5000") + b'{"resourceType":"Bundle"')
    await writer.drain()
    await asyncio.sleep(3600)


async def drips(_: Request, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then: each read succeeds, the answer never ends."""
    writer.write(_head(200, FHIR_JSON, Content_Length="5000"))
    for _number in range(5000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def breaks_off(_: Request, writer: asyncio.StreamWriter) -> None:
    """Promise 5,000 bytes, send 24, and close."""
    writer.write(_head(200, FHIR_JSON, Content_Length="5000") + b'{"resourceType":"Bundle"')
    await writer.drain()
    writer.close()


async def closes_late(_: Request, writer: asyncio.StreamWriter) -> None:
    """A body whose end is the end of the connection, which does not come."""
    writer.write(_head(200, FHIR_JSON, Connection="close") + b'{"resourceType":"Bundle"}')
    await writer.drain()
    await asyncio.sleep(3600)


def announces_too_little(body: bytes) -> Behaviour:
    """Announce half of the body, and send it all."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, FHIR_JSON, Content_Length=str(len(body) // 2)) + body)
        await writer.drain()
        writer.close()

    return behave


def by_path(found: Mapping[str, Behaviour], otherwise: Behaviour) -> Behaviour:
    """A behaviour for each end of an address's path, and one for all others."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        path = request.target.partition("?")[0]
        chosen = next((one for end, one in found.items() if path.endswith(end)), otherwise)
        await chosen(request, writer)

    return behave


async def resets(_: Request, writer: asyncio.StreamWriter) -> None:
    """Reset the connection without an answer."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
    """Ten gigabytes, in chunks, with no length announced."""
    writer.write(_head(200, FHIR_JSON, Transfer_Encoding="chunked"))
    chunk = b"[" * 65536
    for _number in range(10 * 2**30 // len(chunk)):
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()


async def announces_too_much(_: Request, writer: asyncio.StreamWriter) -> None:
    """Announce ten gigabytes, and wait for the client to take them."""
    writer.write(_head(200, FHIR_JSON, Content_Length=str(10 * 2**30)))
    await writer.drain()
    await asyncio.sleep(3600)


def gzip_bomb(size: int) -> Behaviour:
    """A small answer that unfolds into ``size`` blanks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(packer.compress(b" " * 2**20) for _ in range(size // 2**20)) + packer.flush()
    return answers(body, Content_Encoding="gzip")


def zipped(body: bytes) -> Behaviour:
    """An answer that is compressed, as was asked for."""
    return answers(gzip.compress(body), Content_Encoding="gzip")


async def redirects(request: Request, writer: asyncio.StreamWriter) -> None:
    """Send the client to the same place again, for ever."""
    writer.write(_head(302, FHIR_JSON, Location=request.target, Content_Length="0"))


async def speaks_no_http(_: Request, writer: asyncio.StreamWriter) -> None:
    """Answer as some other protocol would."""
    writer.write(b"220 mail.example ESMTP ready\r\n")
    await writer.drain()
    writer.close()


async def endless_headers(_: Request, writer: asyncio.StreamWriter) -> None:
    """Headers that never end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000_000):
        writer.write(b"X-%d: %b\r\n" % (number, b"x" * 4000))
        await writer.drain()
