"""Threats: bytes on the wire that two servers in a row would read as different requests."""

from __future__ import annotations

import contextlib
import re
import socket

_INNER = b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
_POST = b"POST /fhir/Patient/_search HTTP/1.1\r\nHost: x\r\n"
_GET = b"GET /fhir/Patient/1 HTTP/1.1\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")

REQUESTS = {
    "a length and chunks": _POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _INNER,
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + _INNER,
    "lengths in a list": _POST + b"Content-Length: 0, 40\r\n\r\n" + _INNER,
    "a negative length": _POST + b"Content-Length: -1\r\n\r\n" + _INNER,
    "a length with a sign": _POST + b"Content-Length: +0\r\n\r\n" + _INNER,
    "an encoding that is none": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _INNER,
    "a blank before the colon": _GET + b"Host: x\r\nAuthorization : Bearer x\r\n\r\n",
    "a header over two lines": _GET + b"Host: x\r\nAuthorization: Bearer\r\n x\r\n\r\n",
    "a NUL in a header": _GET + b"Host: x\r\nAuthorization: Bearer \x00x\r\n\r\n",
    "another host in the line": b"GET http://evil.test/fhir/Patient/1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "two hosts": _GET + b"Host: a\r\nHost: b\r\n\r\n",
    "an endless header": _GET + b"Host: x\r\nX: " + b"a" * 500_000 + b"\r\n\r\n",
    "headers without end": _GET + b"Host: x\r\n" + b"X: a\r\n" * 3000 + b"\r\n",
    "an endless address": b"GET /fhir/Patient/" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a request of old": b"GET /fhir/metadata\r\n\r\n",
    "an upgrade to HTTP/2": _GET + b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "an upgrade to a socket": _GET + b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "bytes that are no path": b"GET /fhir/Patient/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    "a trace": b"TRACE /fhir/Patient/1 HTTP/1.1\r\nHost: x\r\nX-Told: Told-Again\r\n\r\n",
}  # fmt: skip


def check_smuggling(port: int) -> None:
    """Each gets one refusal at most; what was hidden behind it is not answered, and nothing is repeated."""
    for name, sent in REQUESTS.items():
        told = _answer(port, sent)
        statuses = [int(status) for status in _STATUS.findall(told)]
        assert len(statuses) <= 1, name
        assert all(400 <= status < 500 for status in statuses), (name, statuses)
        assert b"Told-Again" not in told, name
        assert b"evil.test" not in told, name


def _answer(port: int, sent: bytes) -> bytes:
    """All that comes within a moment of the first bytes."""
    told = b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection, contextlib.suppress(OSError):
        connection.sendall(sent)
        while chunk := connection.recv(65_536):
            told += chunk
            connection.settimeout(0.05)
    return told
